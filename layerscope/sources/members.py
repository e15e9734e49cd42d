"""The members of an archive, or the files of a directory, by name: found by one scan of the headers, read by offset."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from layerscope.errors import CorruptImageError
from layerscope.layers.blob import Blob, BlobRange, PathFile
from layerscope.layers.cursor import OffsetCursor
from layerscope.layers.index import Kind, kinds_of
from layerscope.layers.names import clean
from layerscope.layers.walk import Batch, Damage, TarWalk
from layerscope.limits import Limits
from layerscope.progress import Progress

MAX_LINKS = 40
"""Maximum number of links to follow from one member, as in the kernel."""


class Members(Protocol):
    """Named blobs in one archive or directory."""

    def names(self) -> Iterable[str]:
        """Names of the files in the top two levels, without a leading slash; possibly of deeper ones."""

    def find(self, name: str) -> Blob | None:
        """The file of that name, with links followed inside; None if missing.

        Raises `CorruptImageError` for link loops and links that point outside.
        """


class TarMembers:
    """Members of a tar. The last one of a name counts; nothing is extracted."""

    def __init__(self, tar: Blob, limits: Limits, progress: Progress) -> None:
        self.tar = tar
        self.count = 0
        """All members, directories too."""
        self._limits = limits
        self._files: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        self._sparse: set[str] = set()
        self.top_names: set[str] = set()
        """First components of all names."""
        self.top_files: set[str] = set()
        """First components that are not directories."""
        result = TarWalk(OffsetCursor(tar), self._take, tar.name, limits, progress).run()
        self.damage: Damage | None = result.broken
        self.trailing = result.trailing
        self.ended = result.ended
        """Whether there is an end marker."""

    def names(self) -> Iterable[str]:
        return self._files.keys() | self._links.keys()

    def find(self, name: str) -> Blob | None:
        for _ in range(MAX_LINKS):
            if name in self._sparse:
                raise CorruptImageError(
                    f"{name!r} is packed as a sparse file",
                    hint="create the archive without --sparse",
                )
            if name in self._files:
                offset, size = self._files[name]
                return BlobRange(self.tar, name, offset, size)
            if name not in self._links:
                return None
            name = self._links[name]
        raise CorruptImageError(f"{name!r} is a symlink loop")

    def without_prefix(self, prefix: str) -> TarMembers:
        """The same members with a leading directory stripped from their names."""
        stripped = TarMembers.__new__(TarMembers)
        stripped.__dict__.update(self.__dict__)
        inside, cut = f"{prefix}/", len(prefix) + 1
        stripped._files = {name[cut:]: place for name, place in self._files.items()}
        stripped._links = {
            name[cut:]: target[cut:]
            for name, target in self._links.items()
            if target.startswith(inside)
        }
        stripped._sparse = {name[cut:] for name in self._sparse}
        return stripped

    def _take(self, batch: Batch) -> None:
        columns = batch.columns
        self.count += len(columns.names)
        if self.count > self._limits.entries:
            raise self._limits.exceeded("entries", self.tar.name)
        rows = zip(
            columns.names,
            columns.links,
            kinds_of(columns).tolist(),
            columns.sizes.tolist(),
            batch.offsets,
            strict=True,
        )
        for index, (raw, link, kind, size, offset) in enumerate(rows):
            name = clean(raw)[0].decode(errors="surrogateescape")
            if not name:
                continue
            top, _, below = name.partition("/")
            self.top_names.add(top)
            if kind != Kind.DIRECTORY and not below:
                self.top_files.add(top)
            self._files.pop(name, None)
            self._links.pop(name, None)
            self._sparse.discard(name)
            if index in batch.extensions and batch.extensions[index].sparse is not None:
                self._sparse.add(name)
            if kind == Kind.FILE:
                self._files[name] = (offset, size)
            elif kind in (Kind.SYMLINK, Kind.HARDLINK):
                target = (
                    link
                    if kind == Kind.HARDLINK or link.startswith(b"/")
                    else posixpath.dirname(raw) + b"/" + link
                )
                self._links[name] = clean(target)[0].decode(errors="surrogateescape")


class DirectoryMembers:
    """Files below a directory. Links are never followed outside; anything but regular files is ignored."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> Iterator[str]:
        yield from self._in(self._root, "")

    def find(self, name: str) -> Blob | None:
        try:
            cleaned = clean(os.fsencode(name))[0]
        except UnicodeEncodeError:
            return None  # not a valid file name
        if not cleaned or b"\0" in cleaned:
            return None
        path = self._root / os.fsdecode(cleaned)
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root):
                raise CorruptImageError(f"{name!r} is a link that points outside the directory")
            if not stat.S_ISREG(real.stat().st_mode):
                return None
            return PathFile(real, name).blob(name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (
            OSError,
            RuntimeError,
        ) as error:  # RuntimeError: links in a circle, up to Python 3.12
            raise CorruptImageError(
                f"{name!r} cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from error

    def _in(self, folder: Path, prefix: str) -> Iterator[str]:
        """Names of the files in a folder; for the root, also in its direct subfolders."""
        try:
            entries = os.scandir(folder)
        except OSError:
            return
        with entries:
            for entry in entries:
                if entry.is_file():
                    yield prefix + entry.name
                elif not prefix and entry.is_dir(follow_symlinks=False):
                    yield from self._in(Path(entry.path), f"{entry.name}/")
