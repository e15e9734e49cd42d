"""Moves extracted files into place, after checking whether anything is in the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerscope.errors import UsageError
from layerscope.extraction.plan import Plan
from layerscope.extraction.staging import Folders, open_directory, status
from layerscope.layers.index import Kind

_KEPT_BITS = 0o1777
"""Mode bits that a directory keeps: all but setuid and setgid."""


class ExistsError(UsageError):
    """A file exists already, and replacing it was not requested."""


class Placing:
    """Compares a plan with the target directory, and moves files there. Existing directories are merged."""

    def __init__(
        self,
        plan: Plan,
        folder: int,
        target: Path,
        *,
        overwrite: bool,
        keep: Callable[[Path, os.stat_result], str | None],
    ) -> None:
        self._plan = plan
        self._target = target
        self._overwrite = overwrite
        self._keep = keep
        self._folders = Folders(folder, plan.base, plan.filesystem.table, plan.name)
        self._directories = plan.kinds == Kind.DIRECTORY
        self._merged = np.zeros(len(plan), bool)

    def check(self) -> None:
        """Raise `UsageError` if anything is in the way."""
        self._walk(None, np.ones(len(self._plan), bool))

    def run(self, stage: int, written: NDArray[np.bool_]) -> None:
        """Move the paths in the mask `written` from the directory `stage` into place. Raises `UsageError`."""
        plan = self._plan
        staged = Folders(stage, plan.base, plan.filesystem.table, plan.name)
        try:
            self._walk(staged, written)
        finally:
            staged.close()

    def finish(self, written: NDArray[np.bool_]) -> None:
        """Set modes and times of new directories, innermost first, because adding a file changes the time of its directory."""
        plan = self._plan
        inodes = plan.filesystem.inodes
        columns, mask = inodes.columns, _umask()
        plan_inodes = plan.inodes
        for position in np.flatnonzero(self._directories & written & ~self._merged)[::-1].tolist():
            path, inode = int(plan.paths[position]), int(plan_inodes[position])
            with suppress(OSError, OverflowError, ValueError):
                opened = open_directory(plan.name(path), self._folders.above(path))
                try:
                    if inode == inodes.implicit:
                        os.fchmod(opened, 0o777 & ~mask)
                        continue
                    mtime = int(columns.mtimes[inode]) * 10**9
                    with suppress(OSError, OverflowError, ValueError):
                        os.utime(opened, ns=(mtime, mtime))
                    os.fchmod(opened, int(columns.modes[inode]) & _KEPT_BITS)
                finally:
                    os.close(opened)

    def close(self) -> None:
        """Close open directories."""
        self._folders.close()

    def _walk(self, staged: Folders | None, written: NDArray[np.bool_]) -> None:
        """Compare the plan with the target, and move paths there from `staged` unless that is None."""
        plan = self._plan
        self._merged[:] = False
        position = 0
        while position < len(plan):
            path = int(plan.paths[position])
            if not written[position]:
                position = plan.end(position)
                continue
            name = plan.name(path)
            try:
                folder = self._folders.above(path)
                existing = status(name, folder)
                if (
                    existing is not None
                    and stat.S_ISDIR(existing.st_mode)
                    and self._directories[position]
                ):
                    self._merged[position] = True
                    position += 1
                    continue
                if existing is not None:
                    self._check_replaceable(
                        path, existing, is_directory=bool(self._directories[position])
                    )
                if staged is not None:
                    source = staged.above(path)
                    os.rename(name, name, src_dir_fd=source, dst_dir_fd=self._folders.above(path))
            except OSError as error:
                if staged is None:
                    position = plan.end(position)  # reported when it is moved
                    continue
                raise UsageError(
                    f"{self.shown(path)} cannot be written: {error.strerror or error}"
                ) from error
            position = plan.end(position)

    def _check_replaceable(
        self, path: int, existing: os.stat_result, *, is_directory: bool
    ) -> None:
        """Raise `UsageError` unless a file may replace the existing one."""
        shown = self.shown(path)
        if is_directory or stat.S_ISDIR(existing.st_mode):
            what = "a directory" if stat.S_ISDIR(existing.st_mode) else "no directory"
            raise UsageError(f"{shown} is in the way: it is {what}", hint="choose another target")
        if not self._overwrite:
            raise ExistsError(
                f"{shown} already exists", hint="choose another target, or replace it with --force"
            )
        protected_as = self._keep(Path(shown), existing)
        if protected_as is not None:
            raise UsageError(
                f"{shown} cannot be replaced: it is {protected_as}", hint="choose another target"
            )

    def shown(self, path: int) -> str:
        """The destination of a path of the plan, safe for a terminal."""
        parts = []
        while path != self._plan.base:
            parts.append(os.fsdecode(self._plan.name(path)))
            path = int(self._plan.filesystem.table.parents[path])
        return str(self._target.joinpath(*reversed(parts)))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
