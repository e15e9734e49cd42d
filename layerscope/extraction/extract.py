"""Extracts files and directories to a path that the user names, and nowhere else.

Everything is written into a new private directory in the target, and moved into place once it is complete. Until then, the
target is untouched, and a cancelled extraction leaves nothing behind. Links are never followed, and nothing is replaced
unless requested. Device nodes and pipes are left out; owners, extended attributes, setuid and setgid bits are not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.extraction import staging
from layerscope.extraction.placing import Placing
from layerscope.extraction.plan import Plan
from layerscope.extraction.result import Extracted
from layerscope.extraction.writing import Writer
from layerscope.layers.contents import LayerContents
from layerscope.progress import NullProgress, Progress


def extract(
    plan: Plan,
    contents: Sequence[LayerContents],
    target: Path,
    *,
    overwrite: bool = False,
    keep: Callable[[Path, os.stat_result], str | None] = lambda *_: None,
    progress: Progress | None = None,
) -> Extracted:
    """Write a plan into the existing directory `target`.

    With `overwrite`, files replace anything but directories. `keep` protects a file by returning a description of it instead
    of None. Directories are merged. Raises `UsageError` if a path exists or cannot be written, and `CancelledError`; in both
    cases, nothing is left behind.
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
            writer = Writer(plan, contents, stage, placing.shown, result, progress)
            try:
                writer.run()
                placing.run(stage, writer.written)
            finally:
                writer.close()
        except BaseException:
            with suppress(OSError):
                staging.remove_tree(name, folder)
            raise
        finally:
            os.close(stage)
        with suppress(OSError):
            staging.remove_tree(name, folder)
        placing.finish(writer.written)
    finally:
        placing.close()
        os.close(folder)
    return result


def target_of(text: str, name: bytes) -> tuple[Path, bytes]:
    """The directory and the name to write, for a target that a user typed; `name` is the default inside a directory.

    Raises `UsageError` if it cannot be a target.
    """
    path = Path(text).expanduser() if text.strip() else Path()
    if not text.strip():
        raise UsageError("no target given", hint="enter a path to write to")
    if text.endswith("/"):
        folder, file_name = path, name
    else:
        folder, file_name = path.parent, os.fsencode(path.name)
    if file_name in (b"", b".", b"..") or b"/" in file_name:
        raise UsageError(
            f"{text} does not end in a file name", hint="add the name of the file to write"
        )
    if not folder.is_dir():
        raise UsageError(f"there is no directory {folder}")
    return folder, file_name
