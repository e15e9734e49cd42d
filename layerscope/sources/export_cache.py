"""Cache of engine exports: an image opens again without an export until a content is read.

An entry is used only for the same image ID of the same engine with the same diff IDs, and written only if every layer hashed
to its diff ID. Layers that are fetched later are checked against their digests.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec.structs import astuple

from layerscope.image.model import Beside
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.layers.deferred_blob import DeferredBlob, LayersOnDemand
from layerscope.layers.index import LayerIndex
from layerscope.layers.packing import Packed
from layerscope.layers.store import Store
from layerscope.sources.base import Candidate, FoundImages, ImageParts, LayerPart, SourceImage

_EXPORT = "export"
"""Kind of cache entries for exports."""


class _Layer(msgspec.Struct, array_like=True):
    """A layer: its blob as read, and its claims in the manifest."""

    name: str
    size: int
    blob_digest: str
    diff_id: str
    digest: str | None
    media_type: str | None
    annotations: dict[str, str]


_Warning = tuple[str, int | None, str]


class _Export(msgspec.Struct, array_like=True):
    """Everything `assemble` gets except the bytes of layers."""

    tags: list[str]
    platform: tuple[str, str, str, str] | None
    warnings: list[_Warning]
    layers: list[_Layer]
    config: bytes | None
    manifest_digest: str | None
    config_digest: str | None
    image_id: str | None
    steps_known: bool
    image_warnings: list[_Warning]
    annotations: dict[str, str]
    beside: Beside


class ExportCache:
    """The cached export with the key `parts`, of an image whose layers have these diff IDs."""

    def __init__(self, parts: Sequence[str], diff_ids: Sequence[str | None]) -> None:
        self._parts = list(parts)
        self._diff_ids = list(diff_ids)

    def keep(self, store: Store, exported: FoundImages, source: SourceImage, indexes: Sequence[LayerIndex]) -> None:  # fmt: skip
        """Cache an export that matches the engine's description: the only image of `exported`."""
        (candidate,) = exported.candidates
        parts = candidate.load()
        if parts.artifact is not None:
            return
        layers = []
        for part, index, diff_id in zip(parts.layers, indexes, self._diff_ids, strict=False):
            if index.broken is not None or index.blob_digest is None or index.diff_id is None:
                return
            if index.diff_id != diff_id:
                return
            layers.append(
                _Layer(
                    part.blob.name, part.blob.size, index.blob_digest, index.diff_id, part.digest, part.media_type,
                    dict(part.annotations),
                )
            )  # fmt: skip
        if source.damage is not None or not (
            len(layers) == len(parts.layers) == len(self._diff_ids)
        ):
            return
        platform = candidate.platform
        stored = _Export(
            list(candidate.tags),
            None if platform is None else astuple(platform),
            _pack(exported.warnings),
            layers,
            parts.config,
            parts.manifest_digest,
            parts.config_digest,
            parts.image_id,
            parts.steps_known,
            _pack(parts.warnings),
            dict(parts.annotations),
            parts.beside,
        )
        try:
            encoded = msgspec.json.encode(stored)
        except ValueError:  # names that JSON cannot represent
            return
        packed = Packed({}, {"export": np.frombuffer(encoded, np.uint8)})
        store.write(_EXPORT, self._key(store), packed)

    def lookup(self, store: Store, layers: LayersOnDemand) -> FoundImages | None:
        """The cached export with these layers, which are fetched only when they are read. None if nothing matching is cached."""
        packed = store.read(_EXPORT, self._key(store))
        if packed is None:
            return None
        try:
            stored = msgspec.json.decode(packed.arrays["export"].tobytes(), type=_Export)
        except (KeyError, msgspec.MsgspecError, UnicodeDecodeError):
            store.forget(_EXPORT, self._key(store))
            return None
        if [layer.diff_id for layer in stored.layers] != self._diff_ids:
            return None
        parts = ImageParts(
            [
                LayerPart(
                    DeferredBlob(layer.name, layer.size, layer.blob_digest, layers, number),
                    layer.digest,
                    layer.media_type,
                    layer.annotations,
                )
                for number, layer in enumerate(stored.layers)
            ],
            stored.config,
            stored.manifest_digest,
            stored.config_digest,
            image_id=stored.image_id,
            steps_known=stored.steps_known,
            warnings=_unpack(stored.image_warnings),
            annotations=stored.annotations,
            beside=stored.beside,
        )
        platform = None if stored.platform is None else Platform(*stored.platform)
        return FoundImages(
            "", [Candidate(stored.tags, platform, lambda: parts)], _unpack(stored.warnings)
        )

    def _key(self, store: Store) -> str:
        return store.key(_EXPORT, self._parts)


def _pack(warnings: Sequence[ImageWarning]) -> list[_Warning]:
    return [(warning.code, warning.layer, warning.message) for warning in warnings]


def _unpack(warnings: Sequence[_Warning]) -> list[ImageWarning]:
    return [ImageWarning(*warning) for warning in warnings]
