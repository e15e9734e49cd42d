"""Messages of tasks and their results: small, and made of plain values, as tasks run in other processes or on other machines."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from layerscope.analysis.cache import ACCOUNTING, DUPLICATES, FILESYSTEM, FINDINGS, PACKAGES
from layerscope.analysis.gate.config import GateConfig
from layerscope.errors import CorruptImageError, ExitCode, LayerscopeError
from layerscope.faults import as_user_error
from layerscope.image.platform import Platform
from layerscope.layers.packing import Packed
from layerscope.layers.store import PrivateStore, Store
from layerscope.limits import Limits
from layerscope.progress import NullProgress
from layerscope.settings import Remote, RuleChoice
from layerscope.sources.base import Request

_IMAGE_KINDS = frozenset((FILESYSTEM, ACCOUNTING, DUPLICATES, PACKAGES, FINDINGS))
"""Kinds of cache entries for whole images, which only another run would look up."""


class StoreAt(msgspec.Struct, frozen=True):
    """The folder where tasks find what other tasks wrote."""

    folder: str
    private: bool
    """Whether the folder is only for this run, which removes it; results of images are not stored in it then."""

    def open(self) -> Store:
        """The store, without a limit: the user's cache is trimmed when the run ends."""
        folder = Path(self.folder)
        return _PrivateRunStore(folder) if self.private else _RunStore(folder, sys.maxsize)


class _RunStore(Store):
    """The user's cache, which is not trimmed during a run."""

    def trim(self) -> None:
        self.grown = False


class _PrivateRunStore(PrivateStore):
    """A store of a run."""

    def trim(self) -> None:
        self.grown = False

    def write(self, kind: str, key: str, packed: Packed) -> None:
        if kind not in _IMAGE_KINDS:
            super().write(kind, key, packed)


class Setup(msgspec.Struct, frozen=True):
    """How all images of a run are found and analysed."""

    limits: Limits
    store: StoreAt
    platform: Platform | None = None
    store_root: str | None = None
    pull: bool = False
    remote: Remote = "ask"
    duplicates: bool = True
    rules: dict[str, RuleChoice] = {}
    gate: GateConfig | None = None
    """The limits that each image is checked against; None for none."""
    carry: bool = False
    """Whether results of layers contain the entries that tasks of images need, because tasks do not share a store."""

    def request(self, at: ImageAt) -> Request:
        """The request for an image, or for all images of its place."""
        return Request(
            at.reference,
            at.image,
            self.platform,
            self.limits,
            NullProgress(),
            None if self.store_root is None else Path(self.store_root),
            self.pull,
            self.remote,
            cache=self.store.open(),
        )


class ImageAt(msgspec.Struct, frozen=True):
    """Where an image is."""

    reference: str
    image: str | None = None
    """Selects an image of an archive with several: `@N`; None for a single one."""


class Failure(msgspec.Struct, frozen=True):
    """Why something could not be done."""

    message: str
    hint: str | None = None
    exit_code: int = ExitCode.UNREADABLE

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The failure for an exception."""
        user_error = as_user_error(error)
        return cls(user_error.message, user_error.hint, int(user_error.exit_code))

    def error(self) -> LayerscopeError:
        """As an error to raise."""
        error = CorruptImageError(self.message, hint=self.hint)
        error.exit_code = self.exit_code
        return error


class LayerClaim(msgspec.Struct, frozen=True):
    """A layer as its image claims it."""

    key: str
    """Its diff ID, else the digest of its blob, else its place, which no other layer shares."""
    fetched: int
    """Bytes to fetch from a registry; 0 if the layer is cached or local."""


class Described(msgspec.Struct, frozen=True):
    """An image before any of its layers is read."""

    at: ImageAt
    name: str | None = None
    """Its name in an archive with several images; None if there is one only."""
    layers: tuple[LayerClaim, ...] = ()
    batch: bool = False
    """Whether all layers are read at once: they come with an export, or in a compressed archive."""
    failure: Failure | None = None


class DescribeTask(msgspec.Struct, frozen=True):
    """Find the images of a reference."""

    setup: Setup
    reference: str


class LayerTask(msgspec.Struct, frozen=True):
    """Read layers of an image."""

    setup: Setup
    at: ImageAt
    layers: tuple[int, ...]


class LayerAt(msgspec.Struct, frozen=True):
    """A layer that was read."""

    at: ImageAt
    """The image that it was read from: contents are read there, too."""
    number: int
    """Its number in that image."""
    claim: str
    """The key of its `LayerClaim`."""
    key: str
    """Equal for equal layers, in all tables: its diff ID, else the digest of its blob."""
    entry: str
    """Key of its entries in the store."""
    digest: str | None
    """Digest of its blob, as computed."""
    size: int
    """Bytes of its blob."""


class LayerResult(msgspec.Struct, frozen=True):
    """The result of reading a layer."""

    number: int
    """Its number in the image that it was read from."""
    found: LayerAt | None = None
    """None if this copy is damaged, missing, or does not match its digest."""
    read: bool = False
    """Whether it was read; otherwise the cache had it."""
    failure: Failure | None = None
    signature: str | None = None
    """Equal for layers that may hold the same files; None if their contents are not known."""
    contents: bytes = b""
    """Its larger contents, as `contents.pack_contents` writes them."""
    carried: tuple[tuple[str, bytes], ...] = ()
    """Kinds and bytes of its entries in the store, if `Setup.carry`."""


class ImageTask(msgspec.Struct, frozen=True):
    """Analyse an image."""

    setup: Setup
    image: int
    """Its number in the run."""
    at: ImageAt
    name: str | None
    layers: tuple[LayerAt, ...] | None
    """Its layers, which were read before; None to read the image on its own."""


class ImageResult(msgspec.Struct, frozen=True):
    """The result of analysing an image."""

    image: int
    tables: dict[str, bytes] = {}
    """Rows by the name of their table, as `tables.pack` writes them; empty if `missing`."""
    failure: Failure | None = None
    """Why figures are missing or incomplete."""
    missing: tuple[str, ...] = ()
    """Entries that the store no longer has: their layers have to be read again."""


class CompareTask(msgspec.Struct, frozen=True):
    """Compare two layers."""

    setup: Setup
    old: LayerAt
    new: LayerAt


class CompareResult(msgspec.Struct, frozen=True):
    """The difference between two layers, in numbers of paths."""

    added: int = 0
    removed: int = 0
    modified: int = 0
    """Paths with other contents or types."""
    metadata: int = 0
    """Paths with other modes, owners or extended attributes."""
    times: int = 0
    """Paths of which only the time differs."""
    why: tuple[str, ...] = ()
    """Names of the attributes that differ, for the listed paths."""
    paths: tuple[str, ...] = ()
    """Some of the paths, those that differ in more than their times first."""
    markers: bool = False
    """Whether they delete different paths."""

    @property
    def same_content(self) -> bool:
        """Whether both have the same paths with the same contents."""
        return not (self.added or self.removed or self.modified or self.markers)


class NameTask(msgspec.Struct, frozen=True):
    """Find the paths of entries of a layer."""

    setup: Setup
    layer: LayerAt
    entries: tuple[int, ...]
