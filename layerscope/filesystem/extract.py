"""Extraction of files and directories to a path that the user names, and to nowhere else.

All is written into a new directory of our own beside its place, and moved to its place when it is whole; until then the
target is untouched, and a cancelled extraction leaves nothing behind. No link is ever followed, nothing is replaced
unless told, device nodes and pipes are left out, setuid and setgid bits, owners and extended attributes are not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.filesystem import staging
from layerscope.filesystem.placing import Placing
from layerscope.filesystem.plan import Plan
from layerscope.filesystem.writing import Writer
from layerscope.layers.contents import LayerContents
from layerscope.progress import NullProgress, Progress

LISTED = 100
"""Paths that are told of by name; of more only the number is known."""


@dataclass(slots=True)
class Extracted:
    """What an extraction did."""

    files: int = 0
    """Names of regular files, each hard link one."""
    directories: int = 0
    links: int = 0
    """Symbolic links."""
    bytes: int = 0
    """Content bytes written."""
    left_out: int = 0
    """Device nodes and named pipes."""
    without_bits: int = 0
    """Files and directories that lost a setuid or setgid bit."""
    skipped: int = 0
    """Paths that the filesystem refuses, or that hold nothing to write."""
    unreadable: int = 0
    """Files whose content could not be read whole."""
    reasons: list[tuple[int, str]] = field(default_factory=list)
    """Path and reason of what was skipped or unreadable, `LISTED` at most."""

    def skip(self, path: int, why: str, count: int = 1) -> None:
        """A path, and `count - 1` below it, cannot be written."""
        self.skipped += count
        self._tell(path, why)

    def cannot_read(self, path: int, why: str) -> None:
        """A content is damaged."""
        self.unreadable += 1
        self._tell(path, why)

    def _tell(self, path: int, why: str) -> None:
        if len(self.reasons) < LISTED:
            self.reasons.append((path, why))


def extract(
    plan: Plan,
    contents: Sequence[LayerContents],
    target: Path,
    *,
    overwrite: bool = False,
    keep: Callable[[Path, os.stat_result], str | None] = lambda *_: None,
    progress: Progress | None = None,
) -> Extracted:
    """Write a plan into the directory `target`, which must be there.

    With `overwrite`, files replace what is no directory, unless `keep` says what it is and that it stays, and directories
    are merged. Raises `UsageError` for what is in
    the way and what cannot be written, and `CancelledError`; in both cases nothing is left behind.
    """
    progress = progress or NullProgress()
    result = Extracted()
    try:
        folder = staging.open_directory(os.fsencode(target))
    except OSError as error:
        raise UsageError(f"{target} cannot be written to: {error.strerror or error}") from error
    placing = Placing(plan, folder, target, overwrite=overwrite, keep=keep)
    try:
        placing.check()
        try:
            name, stage = staging.new_directory(folder)
        except OSError as error:
            raise UsageError(f"{target} cannot be written to: {error.strerror or error}") from error
        try:
            writer = Writer(plan, contents, stage, result, progress)
            try:
                writer.run()
                placing.run(stage, writer.there)
            finally:
                writer.close()
        except BaseException:
            with suppress(OSError):
                staging.sweep(name, folder)
            raise
        finally:
            os.close(stage)
        with suppress(OSError):
            staging.sweep(name, folder)
        placing.finish(writer.there)
    finally:
        placing.close()
        os.close(folder)
    return result


def target_of(text: str, name: bytes) -> tuple[Path, bytes]:
    """The directory and the name that a user's words for a target mean; `name` is what goes into a directory.

    Raises `UsageError` for what cannot be a target.
    """
    path = Path(text).expanduser() if text.strip() else Path()
    if not text.strip():
        raise UsageError("where to?", hint="name a path to write to")
    if text.endswith("/"):
        folder, own = path, name
    else:
        folder, own = path.parent, os.fsencode(path.name)
    if own in (b"", b".", b"..") or b"/" in own:
        raise UsageError(f"{text} names no file", hint="end it with the name to write")
    if not folder.is_dir():
        raise UsageError(f"there is no directory {folder}")
    return folder, own


def words(result: Extracted) -> list[str]:
    """What an extraction did besides what was asked, a sentence each, without names from the image."""
    said = []
    if result.without_bits:
        said.append(f"setuid and setgid bits not kept: {result.without_bits:,}")
    if result.left_out:
        said.append(f"device nodes and pipes left out: {result.left_out:,}")
    if result.skipped:
        said.append(f"paths skipped: {result.skipped:,}")
    if result.unreadable:
        said.append(f"files unreadable: {result.unreadable:,}")
    return said
