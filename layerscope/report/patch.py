"""The fixes of findings as a patch of the Dockerfile and its .dockerignore, in the form that `git apply` and `patch` take."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from layerscope.analysis.findings.composing import Plan
from layerscope.analysis.findings.patching import ignored_text
from layerscope.errors import UsageError
from layerscope.files import read_file, replacing
from layerscope.image.dockerfile import MAX_BYTES, ignore_file
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import patcher_of

RESTORED = "Dockerfile"
"""What a Dockerfile restored from the history is called in a patch."""
_HEAD = (
    "This is a difference to the Dockerfile restored from the history of the image, not to your own:\n"
    "--dockerfile FILE makes one that can be applied.\n"
)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after."""

    path: Path
    old: str | None
    """None if there is no such file yet."""
    new: str


@dataclass(frozen=True, slots=True)
class Patch:
    """What fixes change."""

    plan: Plan
    files: tuple[FileChange, ...]
    """Those that change."""
    dockerfile: str
    """The whole Dockerfile with the fixes."""
    ignored: str | None
    """The whole .dockerignore with them; None if there is none."""
    restored: bool
    """Whether it is of a Dockerfile that was restored from the history."""


def patch_of(
    opened: Opened,
    chosen: Sequence[int] | None = None,
    *,
    base_steps: int | None = None,
    context: Path | None = None,
) -> Patch:
    """The fixes of some findings, of all that are not the base image's if none are named. `context` is the folder of the build
    context, the Dockerfile's if None. Raises `UsageError` for a .dockerignore that cannot be read."""
    found = () if opened.findings is None else opened.findings.found
    if chosen is None:
        chosen = [number for number, finding in enumerate(found) if not finding.base]
    patcher = patcher_of(opened, base_steps)
    plan = patcher.plan(found, chosen)
    old, new = patcher.texts(plan)
    lines = opened.written
    path = Path(RESTORED) if lines is None else Path(lines.name)
    files = [FileChange(path, old, new)] if new != old else []
    place = Path(".dockerignore")
    before = None
    if lines is not None:
        place = ignore_file(path, context or path.parent)
        before = _read(place)
    after = ignored_text(before or "", plan.ignored) if plan.ignored else before
    if after is not None and after != before:
        files.append(FileChange(place, before, after))
    return Patch(plan, tuple(files), new, after, restored=lines is None)


def _read(path: Path) -> str | None:
    """A file's text; None if there is none. Raises `UsageError`."""
    try:
        return read_file(path, MAX_BYTES).decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


def patch_bytes(patch: Patch) -> bytes:
    """The patch, with paths as they were given."""
    text = _HEAD if patch.restored and patch.files else ""
    for change in patch.files:
        name = os.path.relpath(change.path).replace(os.sep, "/")
        old = "/dev/null" if change.old is None else f"a/{name}"
        text += f"diff --git a/{name} b/{name}\n" + (
            "new file mode 100644\n" if change.old is None else ""
        )
        text += "".join(_difference(change, old, f"b/{name}"))
    return text.encode(errors="surrogateescape")


def _difference(change: FileChange, old: str, new: str) -> Iterator[str]:
    lines = difflib.unified_diff(
        lines_of_file(change.old or ""), lines_of_file(change.new), old, new
    )
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def lines_of_file(text: str) -> list[str]:
    """The lines of a text with their ends: `\\n` alone ends one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def write_patch(patch: Patch) -> None:
    """Change the files. Raises `UsageError` if one changed since it was read, before any is written."""
    for change in patch.files:
        try:
            now = read_file(change.path, MAX_BYTES)
        except FileNotFoundError:
            now = None
        except OSError as error:
            raise UsageError(f"{change.path}: {error.strerror or error}") from error
        old = None if change.old is None else change.old.encode(errors="surrogateescape")
        if now != old:
            raise UsageError(f"{change.path} changed since it was read", hint="try again")
    for change in patch.files:
        try:
            with replacing(Path(os.path.realpath(change.path))) as stream:
                stream.write(change.new.encode(errors="surrogateescape"))
        except OSError as error:
            raise UsageError(f"cannot write {change.path}: {error.strerror or error}") from error


def hunks(change: FileChange) -> list[str]:
    """The lines of a change without their ends: `@@ …`, and what begins with `-`, `+` or a space."""
    return "".join(_difference(change, "", "")).split("\n")[2:-1]


def since(patch: Patch, path: Path, text: str) -> Patch:
    """What a patch changes where the Dockerfile at `path` has become `text`: by an earlier patch, of some of its fixes."""
    files = [change for change in patch.files if change.path != path]
    if patch.dockerfile != text:
        files.insert(0, FileChange(path, text, patch.dockerfile))
    return replace(patch, files=tuple(files))


def save_patch(patch: Patch, path: Path) -> None:
    """Write a patch into a new file. Raises `UsageError`, also if there is something of that name."""
    try:
        with path.open("xb") as stream:
            try:
                stream.write(patch_bytes(patch))
                stream.flush()
            except OSError:
                with suppress(OSError):
                    path.unlink()
                raise
    except FileExistsError:
        raise UsageError(f"{path} exists already", hint="choose another name") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"cannot write {path}: {why}") from error
