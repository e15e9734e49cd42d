"""The distinct layers that were read, with their signatures and contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from layerscope.fleet.contents import StoredContents, unpack_contents
from layerscope.fleet.messages import LayerAt, LayerResult
from layerscope.fleet.pieces import Pieces


class ReadLayers:
    """Layers by key. Their contents are in temporary files."""

    def __init__(self) -> None:
        """Raises `LayerscopeError` if no file can be created."""
        self._layers: dict[str, LayerAt] = {}
        self._signatures: dict[str, str] = {}
        self._contents = Pieces("contents of layers")
        self._carried = Pieces("layers that were read elsewhere")
        self._pieces: dict[str, tuple[int, int]] = {}

    def add(self, result: LayerResult) -> None:
        """Add the result of reading a layer. Raises `LayerscopeError` if there is no room."""
        layer = result.found
        if layer is None:
            return
        self._layers[layer.key] = layer
        if result.signature is not None:
            self._signatures[layer.key] = result.signature
        carried = msgspec.msgpack.encode(result.carried) if result.carried else b""
        self._pieces[layer.key] = (self._contents.add(result.contents), self._carried.add(carried))

    def layer(self, key: str) -> LayerAt | None:
        """The place where a layer was read; None if it has no intact copy."""
        return self._layers.get(key)

    def signature(self, key: str) -> str | None:
        """The signature of a layer; None if its contents are not known."""
        return self._signatures.get(key)

    def contents(self, key: str) -> StoredContents:
        """The contents of a layer."""
        return unpack_contents(self._contents.read(self._pieces[key][0]))

    def carried(self, layers: Iterable[LayerAt]) -> list[LayerResult]:
        """Results of these layers with the entries that they carry for tasks without a common store."""
        return list(self._carrying(layers))

    def _carrying(self, layers: Iterable[LayerAt]) -> Iterator[LayerResult]:
        for layer in {layer.key: layer for layer in layers}.values():
            data = self._carried.read(self._pieces[layer.key][1])
            if data:
                carried = msgspec.msgpack.decode(data, type=tuple[tuple[str, bytes], ...])
                yield LayerResult(layer.number, layer, carried=carried)
