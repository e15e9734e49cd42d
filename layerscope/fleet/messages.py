"""What tasks get and give: small, and made of plain values, so that another process or machine can run them."""

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

_OF_IMAGES = frozenset((FILESYSTEM, ACCOUNTING, DUPLICATES, PACKAGES, FINDINGS))
"""Kinds of entries that only another run would look up."""


class StoreAt(msgspec.Struct, frozen=True):
    """The folder where tasks find what other tasks wrote."""

    folder: str
    private: bool
    """Whether it is for one run only, which removes it: then results of images are not kept in it."""

    def open(self) -> Store:
        """The store. It takes whatever a run needs: the user's cache is cut to its size when the run ends."""
        folder = Path(self.folder)
        return _PrivateRunStore(folder) if self.private else _RunStore(folder, sys.maxsize)


class _RunStore(Store):
    """The user's cache as long as a run needs what is in it."""

    def trim(self) -> None:
        self.grown = False


class _PrivateRunStore(PrivateStore):
    """A store of a run."""

    def trim(self) -> None:
        self.grown = False

    def write(self, kind: str, key: str, packed: Packed) -> None:
        if kind not in _OF_IMAGES:
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
    """Whether results of layers carry what tasks of images need, because these do not see the same store."""

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
    """Which one of an archive with several: `@N`; None if there is one only."""


class Failure(msgspec.Struct, frozen=True):
    """Why something could not be done."""

    message: str
    hint: str | None = None
    exit_code: int = ExitCode.UNREADABLE

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The same for an exception."""
        said = as_user_error(error)
        return cls(said.message, said.hint, int(said.exit_code))

    def error(self) -> LayerscopeError:
        """As an error to raise."""
        error = CorruptImageError(self.message, hint=self.hint)
        error.exit_code = self.exit_code
        return error


class LayerClaim(msgspec.Struct, frozen=True):
    """A layer as its image claims it."""

    key: str
    """Its diff ID, else the digest of its blob; else its place, as nothing is known to be equal to it."""
    fetched: int
    """Bytes that reading it fetches from a registry; 0 if it is cached, or anywhere else."""


class Described(msgspec.Struct, frozen=True):
    """An image before any of its layers is read."""

    at: ImageAt
    name: str | None = None
    """Its name in an archive with several images; None if there is one only."""
    layers: tuple[LayerClaim, ...] = ()
    together: bool = False
    """Whether reading one layer takes as much as reading all: they come with an export, or a compressed archive."""
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
    """What is equal for equal layers, in all tables: its diff ID, else the digest of its blob."""
    entry: str
    """Key of its entries in the store."""
    digest: str | None
    """Digest of its blob, as computed."""
    size: int
    """Bytes of its blob."""


class LayerResult(msgspec.Struct, frozen=True):
    """What reading a layer came to."""

    number: int
    """Its number in the image that it was read from."""
    found: LayerAt | None = None
    """None if this copy is damaged, absent or not what it claims."""
    read: bool = False
    """Whether it was read; otherwise the cache had it."""
    failure: Failure | None = None
    signature: str | None = None
    """Equal for layers that may hold the same files; None if their contents are not known."""
    contents: bytes = b""
    """Its contents of some size, as `contents.pack_contents` writes them."""
    carried: tuple[tuple[str, bytes], ...] = ()
    """Kinds and bytes of its entries in the store, if they are asked for."""


class ImageTask(msgspec.Struct, frozen=True):
    """Analyse an image."""

    setup: Setup
    image: int
    """Its number in the run."""
    at: ImageAt
    name: str | None
    layers: tuple[LayerAt, ...] | None
    """Its layers, which were read before; None to read the image by itself."""


class ImageResult(msgspec.Struct, frozen=True):
    """What analysing an image came to."""

    image: int
    tables: dict[str, bytes] = {}
    """Rows by the name of their table, as `tables.pack` writes them; empty if `missing`."""
    failure: Failure | None = None
    """Why there are no figures, or what they do not cover."""
    missing: tuple[str, ...] = ()
    """Keys of layers that the store no longer has: they have to be read again."""


class CompareTask(msgspec.Struct, frozen=True):
    """Compare two layers."""

    setup: Setup
    old: LayerAt
    new: LayerAt


class CompareResult(msgspec.Struct, frozen=True):
    """In what two layers differ, by paths."""

    added: int = 0
    removed: int = 0
    modified: int = 0
    """Paths with other contents or types."""
    metadata: int = 0
    """Paths with other modes, owners or extended attributes."""
    times: int = 0
    """Paths of which only the time differs."""
    why: tuple[str, ...] = ()
    """Names of the attributes that differ, of the paths listed."""
    paths: tuple[str, ...] = ()
    """Some of the paths, those that differ in more than their times first."""
    markers: bool = False
    """Whether they delete different paths."""

    @property
    def same_content(self) -> bool:
        """Whether both hold the same paths with the same contents."""
        return not (self.added or self.removed or self.modified or self.markers)


class NameTask(msgspec.Struct, frozen=True):
    """Find the paths of entries of a layer."""

    setup: Setup
    layer: LayerAt
    entries: tuple[int, ...]
