"""The input files of a command, which must not be overwritten, by device and inode."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.sources.base import STDIN
from layerscope.sources.references import path_in

_PARTS_OF_IMAGES = ("index.json", "manifest.json", "oci-layout", "repositories")
"""Every image directory contains one of them."""
_MAX_LINKED = 100_000
"""Maximum number of files in a directory to check for hard links."""

_Place = tuple[int, int]
"""Device and inode."""


class InputFiles:
    """Files and directories that are read; missing ones are ignored."""

    def __init__(self) -> None:
        self._files: dict[_Place, str] = {}
        """Descriptions of the files."""
        self._folders: dict[_Place, Path] = {}

    def add_image(self, reference: str) -> None:
        """Add the image of a reference, if it is a file, a directory or stdin."""
        if reference == STDIN:
            with suppress(OSError):
                status = os.fstat(0)
                if not stat.S_ISCHR(status.st_mode):
                    self._files[_place(status)] = "the input image"
            return
        path = path_in(reference)
        if path is None:
            return
        with suppress(OSError, ValueError):
            if not path.is_dir():
                self.add_file(path, "the input image")
            elif any(os.path.lexists(path / name) for name in _PARTS_OF_IMAGES):
                self.add_folder(path)

    def add_file(self, path: Path | None, description: str) -> None:
        """Add a file and its description: `the input Dockerfile`."""
        if path is not None:
            with suppress(OSError, ValueError):
                status = path.stat()
                if not stat.S_ISCHR(status.st_mode):
                    self._files[_place(status)] = description

    def add_folder(self, path: Path | None) -> None:
        """Add a directory with everything below it."""
        if path is not None:
            with suppress(OSError, ValueError):
                self._folders[_place(path.stat())] = path

    def description_of(self, path: Path, status: os.stat_result | None = None) -> str | None:
        """The description of a file that is read, otherwise None; `status` is that of the file, if it exists.

        Links are not followed: resolve them first if needed.
        """
        if status is not None and (known := self._files.get(_place(status))) is not None:
            return known
        above = Path(os.path.realpath(path.parent))
        for folder in (above / path.name, above, *above.parents) if self._folders else ():
            with suppress(OSError):
                read = self._folders.get(_place(folder.lstat()))
                if read is not None:
                    return _in_folder(read)
        if status is not None and stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            return self._linked.get(_place(status))
        return None

    def refuse(self, path: Path) -> None:
        """Raise `UsageError` if `path`, with links followed, is an input, or is in an input directory."""
        real = Path(os.path.realpath(path))
        try:
            status = path.stat()
        except OSError:
            status = None
        description = self.description_of(real, status)
        if description is not None:
            raise UsageError(f"cannot write {path}: it is {description}", hint="name another file")

    @cached_property
    def _linked(self) -> dict[_Place, str]:
        """The files below the directories with further hard links, possibly elsewhere."""
        linked = {}
        for folder in self._folders.values():
            files = (Path(above) / name for above, _, names in os.walk(folder) for name in names)
            for file in islice(files, _MAX_LINKED):
                with suppress(OSError):
                    status = file.stat()
                    if status.st_nlink > 1:
                        linked[_place(status)] = _in_folder(folder)
        return linked


def _in_folder(folder: Path) -> str:
    return f"in the input directory {folder}"


def _place(status: os.stat_result) -> _Place:
    return status.st_dev, status.st_ino
