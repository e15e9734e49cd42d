"""Packages of an image, packages in a program or an archive, and the protocol of package databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.analysis.marks import Content
from layerscope.image.warnings import ImageWarning


class Package(Struct, frozen=True, eq=False):
    """An installed package and its size in the final image."""

    kind: str
    """The package manager: dpkg, rpm, apk, python, npm or ruby; or one that an SBOM names, such as go or java."""
    name: str
    version: str
    bytes: int
    """Content bytes of its files. Content that two packages share counts for the first one."""
    files: int
    layer: int
    """The layer that stores most of it."""
    paths: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """Its files as paths of the filesystem's table, largest first. A file that two packages list belongs to the first one."""
    listed_in: int = -1
    """The file that lists or contains it, as a path of the filesystem's table; -1 if unknown."""
    inside: str = ""
    """The archive in that file that contains it, as a path; empty for the file itself."""
    qualifiers: dict[str, str] = field(default_factory=dict)
    """Qualifiers of its package URL, such as `arch`, `epoch` and `upstream` (the source package)."""


class Installed(Struct, frozen=True):
    """All packages of an image."""

    packages: tuple[Package, ...] = ()
    """Largest first."""
    warnings: tuple[ImageWarning, ...] = ()
    """Databases that could not be read completely: packages may be missing."""


class Inventory(Struct, frozen=True):
    """All packages of an image, including those in programs and archives, and the name of its distribution."""

    packages: tuple[Package, ...]
    """Largest first."""
    warnings: tuple[ImageWarning, ...]
    """Programs and archives that could not be read completely: packages may be missing."""
    release: str
    """The text of os-release(5); empty without one."""


class Listed(Struct, frozen=True):
    """A package as a database lists it. Names and paths are hostile and need not exist."""

    name: str
    version: str
    files: list[bytes] = field(default_factory=list)
    """Paths without a leading slash."""
    tree: int | None = None
    """A directory that belongs to the package, together with the file that lists it; except the paths in `apart`."""
    apart: tuple[int, ...] = ()
    database: int | None = None
    """Path of the file that lists it. If that file belongs to another package, this one is part of it."""
    holder: int | None = None
    """Path of the file that contains it, which may belong to another package."""
    inside: str = ""
    qualifiers: dict[str, str] = field(default_factory=dict)
    """As in `Package`."""


class Contained(Struct, frozen=True):
    """A package in a file. Names are untrusted."""

    kind: str
    name: str
    version: str
    owner: bool = False
    """Whether the file belongs to it; others are only part of it."""
    inside: str = ""
    """The nested archive that contains it, as a path in the file; empty for the file itself."""


class UnreadableContentError(Exception):
    """The content of a file is damaged, or larger than a real one; the message says why."""

    def __init__(self, why: str, packages: Sequence[Contained] = ()) -> None:
        super().__init__(why)
        self.packages = packages
        """The packages that could be read."""


class Listing(Protocol):
    """The packages of one kind in one image."""

    kind: str

    def packages(self) -> Iterator[Listed]:
        """All of them, those that own their files first."""


class PackageDatabase(Listing, Protocol):
    """The database of one package manager in one image; a `Scanner` of its files."""

    def wanted(self) -> NDArray[np.int32]:
        """The inodes of the database files."""

    def scan(self, inodes: Sequence[int], contents: Sequence[Content]) -> None:
        """Keep the contents of database files."""

    @property
    def read(self) -> Mapping[int, bytes]:
        """Contents that were read, by inode."""

    @property
    def problems(self) -> Mapping[int, str]:
        """Why files could not be read completely, by path; complete after `packages`. Not safe for a terminal."""

    def packages(self) -> Iterator[Listed]:
        """All packages in the database; call it after the scan."""
