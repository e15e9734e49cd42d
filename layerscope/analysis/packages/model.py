"""What a package is, and what reads the books of package managers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from layerscope.image.warnings import ImageWarning


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package with what it takes in the final image."""

    kind: str
    """Whose books it is in: dpkg, rpm, apk, python or npm."""
    name: str
    version: str
    bytes: int
    """Content bytes of its files. A content that two packages have is the first one's."""
    files: int
    layer: int
    """The layer that stores most of it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """All packages of an image."""

    packages: tuple[Package, ...] = ()
    """Largest first."""
    warnings: tuple[ImageWarning, ...] = ()
    """Books that could not be read whole: more may be installed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A package as the books list it. Names and paths are hostile, and need not exist."""

    name: str
    version: str
    files: list[bytes] = field(default_factory=list)
    """Paths without a leading slash."""
    tree: int | None = None
    """A directory that is the package's, but for what lies in `apart`."""
    apart: tuple[int, ...] = ()
    book: int | None = None
    """The path of the book that lists it: what another manager installed is that manager's."""


class Books(Protocol):
    """The books of one package manager in one image; a `Looker` for the files that they are in."""

    kind: str

    def wanted(self) -> NDArray[np.int32]:
        """The inodes of the books."""

    def look(self, inode: int, data: bytes) -> None:
        """Keep what a book says."""

    @property
    def complaints(self) -> Mapping[int, str]:
        """Why a book, by its path, is not read whole; complete once `packages` ended. Not safe for a terminal."""

    def packages(self) -> Iterator[Listed]:
        """All packages that the books list, once all that could be read has been seen."""
