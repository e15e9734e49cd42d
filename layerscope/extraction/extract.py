"""Extraction of files and directories to a path that the user names, and to nowhere else.

All is written into a new directory of our own beside its place, and moved to its place when it is whole; until then the
target is untouched, and a cancelled extraction leaves nothing behind. No link is ever followed, nothing is replaced
unless told, device nodes and pipes are left out, setuid and setgid bits, owners and extended attributes are not kept.
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
