"""An image in a list of images: everything known without reading a layer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.errors import CorruptImageError
from layerscope.image.digest import chain_ids, is_digest
from layerscope.image.documents import Lenient, decode_object
from layerscope.image.platform import Platform, platform_in_document
from layerscope.limits import Limits


class StoreLayer(Struct, frozen=True):
    """A layer of a store, by its key."""

    key: str
    """A chain ID, layer ID or blob digest: layers of one store with equal keys are stored once."""
    size: int | None
    """Bytes recorded by the store; None if not recorded."""
    diff_id: str | None = None
    chain_id: str | None = None


class StoreImage(Struct, frozen=True):
    """An image of a store, an engine or a folder."""

    reference: str
    """The reference for `open_source`."""
    id: str
    """Hexadecimal, without an algorithm; empty if unknown."""
    source: str
    """A scheme, or the kind of a saved image."""
    tags: Sequence[str] = ()
    created: str | None = None
    """In RFC 3339."""
    size: int | None = None
    """Bytes of its layers as counted by the source, or of the file of a saved image."""
    platform: Platform | None = None
    location: str = ""
    """The folder of the store, the address of the engine, the name of the file."""
    layers: Sequence[StoreLayer] | None = None
    """Bottom first; None if unknown."""
    intermediate: bool = False
    """An intermediate build step: engines do not list those, and remove them with the last image made from them."""

    @property
    def dangling(self) -> bool:
        """Whether it has no name."""
        return not self.tags


class ConfigDetails(Struct, frozen=True):
    """Details from a config."""

    created: str | None = None
    platform: Platform | None = None
    diff_ids: Sequence[str] = ()

    def layers(self, sizes: Sequence[int | None], keys: Sequence[str]) -> list[StoreLayer]:
        """Layers with these sizes and keys; with diff IDs only if there is one per layer."""
        known = self.diff_ids if len(self.diff_ids) == len(keys) else [None] * len(keys)
        return [
            StoreLayer(key, size, diff_id, chain_id)
            for key, size, diff_id, chain_id in zip(
                keys, sizes, known, chain_ids(known), strict=True
            )
        ]


def config_details(config: bytes | None, limits: Limits) -> ConfigDetails:
    """Details from a raw config; empty if missing or damaged, as lists do not report errors."""
    try:
        fields = Lenient(decode_object(config or b"{}", "the config", limits), "config")
    except CorruptImageError:
        return ConfigDetails()
    diff_ids = fields.child("rootfs").texts("diff_ids")
    # They become file names: anything but a digest could point elsewhere.
    known = diff_ids if all(map(is_digest, diff_ids)) else ()
    return ConfigDetails(fields.text("created"), platform_in_document(fields), known)


def total_size(sizes: Sequence[int | None]) -> int | None:
    """The sum of sizes; None if one is unknown."""
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
