"""The members of an archive, or the files of a directory, by name: found by one scan of headers, read by offset."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from layerscope.errors import CorruptImageError
from layerscope.layers.blob import Blob, OpenFile
from layerscope.layers.cursor import OffsetCursor
from layerscope.layers.index import KIND_OF_TYPEFLAG, Kind
from layerscope.layers.names import clean
from layerscope.layers.walk import Batch, Damage, TarWalk
from layerscope.limits import Limits
from layerscope.progress import Progress

MAX_LINKS = 40
"""Links followed from one member, as the kernel does."""


class Members(Protocol):
    """Named blobs that lie together in one place."""

    def names(self) -> Iterable[str]:
        """Names of all files, without a leading slash."""

    def find(self, name: str) -> Blob | None:
        """The file of that name, links inside the place followed; None if there is none.

        Raises `CorruptImageError` for links that go round in circles or lead out.
        """


class TarMembers:
    """Members of a tar. The last one of a name counts; nothing is extracted."""

    def __init__(self, tar: Blob, limits: Limits, progress: Progress) -> None:
        self.tar = tar
        self.count = 0
        """All members, directories too."""
        self.damage: Damage | None = None
        self._files: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        self.tops: set[str] = set()
        """First components of all names."""
        self.top_files: set[str] = set()
        """Those of them that are no directories."""
        result = TarWalk(OffsetCursor(tar), self._take, limits, progress).run()
        self.damage = result.broken
        self.trailing = result.trailing

    def names(self) -> Iterable[str]:
        return self._files.keys() | self._links.keys()

    def find(self, name: str) -> Blob | None:
        for _ in range(MAX_LINKS):
            if name in self._files:
                offset, size = self._files[name]
                return _Part(self.tar, name, offset, size)
            if name not in self._links:
                return None
            name = self._links[name]
        raise CorruptImageError(f"the links of {name!r} go round in circles")

    def without_prefix(self, prefix: str) -> TarMembers:
        """The same members with a leading directory stripped from their names."""
        stripped = TarMembers.__new__(TarMembers)
        stripped.__dict__.update(self.__dict__)
        cut = len(prefix) + 1
        stripped._files = {name[cut:]: place for name, place in self._files.items()}
        stripped._links = {name[cut:]: target[cut:] for name, target in self._links.items()}
        return stripped

    def _take(self, batch: Batch) -> None:
        columns = batch.columns
        self.count += len(columns.names)
        rows = zip(
            columns.names,
            columns.links,
            KIND_OF_TYPEFLAG[columns.types].tolist(),
            columns.sizes.tolist(),
            batch.offsets,
            strict=True,
        )
        for raw, link, kind, size, offset in rows:
            name = clean(raw)[0].decode(errors="surrogateescape")
            top, _, below = name.partition("/")
            self.tops.add(top)
            if kind != Kind.DIRECTORY and not below:
                self.top_files.add(top)
            self._files.pop(name, None)
            self._links.pop(name, None)
            if kind == Kind.FILE:
                self._files[name] = (offset, size)
            elif kind in (Kind.SYMLINK, Kind.HARDLINK):
                target = (
                    link
                    if kind == Kind.HARDLINK or link.startswith(b"/")
                    else posixpath.dirname(raw) + b"/" + link
                )
                self._links[name] = clean(target)[0].decode(errors="surrogateescape")


class _Part(Blob):
    """A range of another blob, which may be cut short."""

    def __init__(self, whole: Blob, name: str, offset: int, size: int) -> None:
        super().__init__(name, size)
        self._whole = whole
        self._offset = offset

    @property
    def spooled(self) -> bool:
        return self._whole.spooled

    def pread(self, length: int, offset: int) -> bytes:
        length = min(length, self.size - offset)
        return self._whole.pread(length, self._offset + offset) if length > 0 else b""


class DirectoryMembers:
    """Files below a directory. Links are never followed out of it; what is no regular file does not exist."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> Iterable[str]:
        return (
            str(Path(folder, name).relative_to(self._root))
            for folder, _, names in os.walk(self._root)
            for name in names
        )

    def find(self, name: str) -> Blob | None:
        cleaned = clean(os.fsencode(name))[0]
        if not cleaned or b"\0" in cleaned:
            return None
        path = self._root / os.fsdecode(cleaned)
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root):
                raise CorruptImageError(f"{name!r} is a link that leads out of the directory")
            if not stat.S_ISREG(real.stat().st_mode):
                return None
            return OpenFile.open(real, name).blob(name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError) as error:
            raise CorruptImageError(
                f"{name!r} cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from error
