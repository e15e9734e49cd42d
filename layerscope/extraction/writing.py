"""Writes the files, links and directories of a plan into a new private directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from layerscope.errors import UsageError
from layerscope.extraction.filling import (
    SPECIAL_BITS,
    TooLargeError,
    WriteError,
    copy,
    fill,
    keep_attributes,
)
from layerscope.extraction.plan import Plan
from layerscope.extraction.result import Extracted
from layerscope.extraction.staging import Folders, is_name_refused, new_file
from layerscope.filesystem.content_reader import reading_problem
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import ContentCutError, LayerContents
from layerscope.layers.index import Kind
from layerscope.progress import Progress, check

_Result = TypeVar("_Result")

_LEFT_OUT = (Kind.CHARACTER, Kind.BLOCK, Kind.FIFO)
_UNWRITABLE = {
    Kind.BROKEN_LINK: "a hard link without a target",
    Kind.UNKNOWN: "an entry of unknown type",
}
_CANNOT_LINK = (errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV)


class Writer:
    """Writes directories, then contents in stored order, then symlinks, so that nothing is written through a symlink."""

    def __init__(
        self,
        plan: Plan,
        contents: Sequence[LayerContents],
        stage: int,
        shown: Callable[[int], str],
        result: Extracted,
        progress: Progress,
    ) -> None:
        """`stage` is a descriptor of the directory; `shown` returns the destination of a path, for errors."""
        self.written = np.ones(len(plan), bool)
        """Mask of the paths of the plan that were written."""
        self._plan = plan
        self._inodes = plan.filesystem.inodes
        self._inode_of = plan.inodes
        self._kinds = plan.kinds
        self._contents = contents
        self._shown = shown
        self._result = result
        self._progress = progress
        self._folders = Folders(stage, plan.base, plan.filesystem.table, plan.name)

    def run(self) -> None:
        """Write the plan. Raises `UsageError` if writing fails, and `CancelledError`."""
        self._make_directories()
        self._write_files()
        for position in np.flatnonzero(self.written & (self._kinds == Kind.SYMLINK)).tolist():
            check(self._progress)
            self._make_symlink(position)
        self._leave_out()

    def close(self) -> None:
        """Close open directories."""
        self._folders.close()

    # kinds of paths

    def _make_directories(self) -> None:
        result, position = self._result, 0
        while position < len(self._plan):
            if self._kinds[position] != Kind.DIRECTORY:
                position += 1
                continue
            check(self._progress)
            if self._create(position, _make_directory):
                result.directories += int(self._plan.rows[position] >= 0)
                mode = int(self._inodes.columns.modes[self._inode_of[position]])
                result.without_bits += mode & SPECIAL_BITS > 0
                position += 1
                continue
            end = self._plan.end(position)
            result.skipped += end - position - 1
            self.written[position:end] = False
            position = end

    def _write_files(self) -> None:
        positions = np.flatnonzero(self.written & (self._kinds == Kind.FILE))
        inodes, first_names = np.unique(self._inode_of[positions], return_index=True)
        first_names = positions[first_names]
        layers = self._inodes.layers(inodes)
        entries_by_layer = [
            self._in_stored_order(inodes[layers == layer], layer)
            for layer in range(len(self._contents))
        ]
        self._progress.stage(
            "Extracting",
            sum(
                self._contents[layer].bytes_to_pass(entries.tolist())
                for layer, entries in enumerate(entries_by_layer)
            ),
        )
        for layer, entries in enumerate(entries_by_layer):
            if len(entries):
                first = int(self._inodes.first[layer])
                entry_positions = first_names[np.searchsorted(inodes, entries + first)]
                self._write_layer(layer, entries.tolist(), entry_positions.tolist())
        names = np.setdiff1d(positions, first_names, assume_unique=True)
        sources = first_names[np.searchsorted(inodes, self._inode_of[names])]
        for position, source in zip(names.tolist(), sources.tolist(), strict=True):
            check(self._progress)
            self._make_hard_link(position, source)

    def _in_stored_order(self, inodes: NDArray[np.int32], layer: int) -> NDArray[np.int64]:
        """The entries of one layer, sorted by offset."""
        order = np.argsort(self._inodes.columns.offsets[inodes], kind="stable")
        return inodes[order].astype(np.int64) - int(self._inodes.first[layer])

    def _write_layer(self, layer: int, entries: list[int], places: list[int]) -> None:
        """Write the contents of one layer in one pass over it."""
        position_of = dict(zip(entries, places, strict=True))
        stored = self._contents[layer].index.columns.stored
        problem = reading_problem(ContentCutError())
        for entry in entries:
            if not stored[entry]:
                check(self._progress)
                self._write(position_of.pop(entry), iter(()))
        nonempty = [entry for entry in entries if entry in position_of]
        try:
            pieces = self._contents[layer].pieces(nonempty, self._progress)
            for entry, entry_pieces in groupby(pieces, lambda piece: piece[0]):
                self._write(position_of[entry], (data for _, data in entry_pieces))
                del position_of[entry]
        except (DamagedStreamError, OSError) as error:
            problem = reading_problem(error)
        for position in position_of.values():
            self.written[position] = False
            self._result.cannot_read(int(self._plan.paths[position]), problem)

    def _write(self, position: int, stored: Iterator[bytes]) -> None:
        """Write one file. If reading `stored` raises, the incomplete file is removed."""
        inode, path = int(self._inode_of[position]), int(self._plan.paths[position])
        descriptor = self._create(position, lambda folder, name: new_file(name, folder))
        if descriptor is None:
            return
        try:
            written = fill(descriptor, stored, self._inodes, inode)
            self._result.without_bits += keep_attributes(descriptor, self._inodes, inode)
        except TooLargeError:
            self._remove(position)
            self._result.skip(path, "the filesystem does not support files of its size")
        except ContentCutError as error:
            self._remove(position)
            self._result.cannot_read(path, reading_problem(error))
        except WriteError as error:
            self._remove(position)
            raise self._cannot_write(path, error.error) from error
        except BaseException:
            self._remove(position)
            raise
        else:
            self._result.files += 1
            self._result.bytes += written
        finally:
            os.close(descriptor)

    def _make_symlink(self, position: int) -> None:
        inode = int(self._inode_of[position])
        target = self._inodes.links[int(self._inodes.columns.links[inode])]
        mtime = int(self._inodes.columns.mtimes[inode]) * 10**9

        def make(folder: int, name: bytes) -> bool:
            os.symlink(target, name, dir_fd=folder)
            with suppress(OSError, OverflowError, ValueError, NotImplementedError):
                os.utime(name, ns=(mtime, mtime), dir_fd=folder, follow_symlinks=False)
            return True

        self._result.links += self._create(position, make) or 0

    def _make_hard_link(self, position: int, source: int) -> None:
        """Add a name for a file that was written."""
        path = int(self._plan.paths[position])
        if not self.written[source]:
            self.written[position] = False
            self._result.skip(path, "the file it links to could not be written")
            return
        original = int(self._plan.paths[source])
        source_folder = os.dup(self._folders.above(original))
        old = self._plan.name(original)

        def make(folder: int, name: bytes) -> bool:
            try:
                os.link(
                    old, name, src_dir_fd=source_folder, dst_dir_fd=folder, follow_symlinks=False
                )
            except OSError as error:
                if error.errno not in _CANNOT_LINK:
                    raise
                self._result.bytes += copy(source_folder, old, folder, name, self._progress)
            return True

        try:
            self._result.files += self._create(position, make) or 0
        finally:
            os.close(source_folder)

    def _leave_out(self) -> None:
        """Record the paths that are not written at all."""
        special = np.isin(self._kinds, _LEFT_OUT) & self.written
        self._result.left_out += int(special.sum())
        self.written &= ~special
        for kind, why in _UNWRITABLE.items():
            for position in np.flatnonzero((self._kinds == kind) & self.written).tolist():
                self.written[position] = False
                self._result.skip(int(self._plan.paths[position]), why)

    # making

    def _create(self, position: int, make: Callable[[int, bytes], _Result]) -> _Result | None:
        """The result of `make`, called with the parent's descriptor and the name; None if the name is refused."""
        path = int(self._plan.paths[position])
        name = self._plan.name(path)
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
            self.written[position] = False
            self._result.skip(path, "no filesystem allows such a name")
            return None
        try:
            return make(self._folders.above(path), name)
        except WriteError as error:
            raise self._cannot_write(path, error.error) from error
        except OSError as error:
            if not is_name_refused(error):
                raise self._cannot_write(path, error) from error
            self.written[position] = False
            why = (
                "another path has the same name here"
                if error.errno == errno.EEXIST
                else error.strerror
            )
            self._result.skip(path, why or str(error))
            return None

    def _remove(self, position: int) -> None:
        """Remove an incomplete file."""
        path = int(self._plan.paths[position])
        self.written[position] = False
        with suppress(OSError):
            os.unlink(self._plan.name(path), dir_fd=self._folders.above(path))

    def _cannot_write(self, path: int, error: OSError) -> UsageError:
        return UsageError(f"{self._shown(path)} cannot be written: {error.strerror or error}")


def _make_directory(folder: int, name: bytes) -> bool:
    os.mkdir(name, 0o700, dir_fd=folder)
    return True
