"""The distinct layers that were read, and what was found in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from layerscope.fleet.contents import Stored, unpack_contents
from layerscope.fleet.messages import LayerAt, LayerResult
from layerscope.fleet.pieces import Pieces


class ReadLayers:
    """Layers by their keys. What is large of them is in temporary files."""

    def __init__(self) -> None:
        """Raises `LayerscopeError` if no file can be made."""
        self._found: dict[str, LayerAt] = {}
        self._signatures: dict[str, str] = {}
        self._contents = Pieces("contents of layers")
        self._carried = Pieces("layers that were read elsewhere")
        self._pieces: dict[str, tuple[int, int]] = {}

    def add(self, result: LayerResult) -> None:
        """Keep what reading a layer found. Raises `LayerscopeError` if there is no room."""
        found = result.found
        if found is None:
            return
        self._found[found.key] = found
        if result.signature is not None:
            self._signatures[found.key] = result.signature
        carried = msgspec.msgpack.encode(result.carried) if result.carried else b""
        self._pieces[found.key] = (self._contents.add(result.contents), self._carried.add(carried))

    def at(self, key: str) -> LayerAt | None:
        """Where a layer was read; None if no copy of it could stand for it."""
        return self._found.get(key)

    def signature(self, key: str) -> str | None:
        """Its signature."""
        return self._signatures.get(key)

    def contents(self, key: str) -> Stored:
        """The contents of a layer."""
        return unpack_contents(self._contents.read(self._pieces[key][0]))

    def carried(self, layers: Iterable[LayerAt]) -> list[LayerResult]:
        """Results of these layers, as far as they carry what tasks elsewhere need."""
        return list(self._carrying(layers))

    def _carrying(self, layers: Iterable[LayerAt]) -> Iterator[LayerResult]:
        for layer in {layer.key: layer for layer in layers}.values():
            data = self._carried.read(self._pieces[layer.key][1])
            if data:
                carried = msgspec.msgpack.decode(data, type=tuple[tuple[str, bytes], ...])
                yield LayerResult(layer.number, layer, carried=carried)
