"""An image as a list of images tells it: what is known without reading any layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.errors import CorruptImageError
from layerscope.image.digest import chain_ids, is_digest
from layerscope.image.documents import Lenient, decode_object
from layerscope.image.platform import Platform, stated_platform
from layerscope.limits import Limits


@dataclass(frozen=True, slots=True)
class StoreLayer:
    """A layer, by what its store keeps it under."""

    key: str
    """Layers of one store with one key lie there once: a chain ID, the ID of a layer, the digest of a blob."""
    size: int | None
    """Bytes that the store records for it; None where it records none."""
    diff_id: str | None = None
    chain_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoreImage:
    """An image of a store, an engine or a folder."""

    reference: str
    """What `open_source` opens it by."""
    id: str
    """Hexadecimal, without an algorithm; empty where nothing says it."""
    source: str
    """A scheme, or the kind of a saved image."""
    tags: Sequence[str] = ()
    created: str | None = None
    """In RFC 3339."""
    size: int | None = None
    """Bytes: of its layers as the source counts them, of a saved image's file."""
    platform: Platform | None = None
    location: str = ""
    """The folder of the store, the address of the engine, the name of the file."""
    layers: Sequence[StoreLayer] | None = None
    """Lowest first; None where they are not known."""
    intermediate: bool = False
    """A step of a build that other images are made from: engines do not list those, and remove them with the last one."""

    @property
    def dangling(self) -> bool:
        """Whether nothing but its ID names it."""
        return not self.tags


@dataclass(frozen=True, slots=True)
class Described:
    """What a config says at once."""

    created: str | None = None
    platform: Platform | None = None
    diff_ids: Sequence[str] = ()

    def layers(self, sizes: Sequence[int | None], keys: Sequence[str]) -> list[StoreLayer]:
        """Layers with these sizes and keys; diff IDs are told only where there is one for each."""
        known = self.diff_ids if len(self.diff_ids) == len(keys) else [None] * len(keys)
        return [
            StoreLayer(key, size, diff_id, chain_id)
            for key, size, diff_id, chain_id in zip(
                keys, sizes, known, chain_ids(known), strict=True
            )
        ]


def described(config: bytes | None, limits: Limits) -> Described:
    """What a raw config says; nothing where it is missing or damaged: a list is no place to complain."""
    try:
        fields = Lenient(decode_object(config or b"{}", "the config", limits), "config")
    except CorruptImageError:
        return Described()
    diff_ids = fields.child("rootfs").texts("diff_ids")
    # They become names of files: what is no digest might lead anywhere.
    known = diff_ids if all(map(is_digest, diff_ids)) else ()
    return Described(fields.text("created"), stated_platform(fields), known)


def total(sizes: Sequence[int | None]) -> int | None:
    """The sum of sizes; None if one is not known."""
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
