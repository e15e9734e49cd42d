"""Fixes for findings as a patch for the Dockerfile and its .dockerignore, in the format of `git apply` and `patch`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.findings.composing import Plan
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.patching import ignored_text
from layerscope.errors import UsageError
from layerscope.files import read_file, replacing
from layerscope.image.dockerfile import MAX_BYTES, Dockerfile, ignore_file
from layerscope.image.dockerfile_syntax import json_words
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import patcher_of
from layerscope.words import Confidence

RESTORED = "Dockerfile"
"""The name in a patch of a Dockerfile restored from the history."""
_HEAD = (
    "This patch is for a Dockerfile restored from the image's history, not for your own:\n"
    "use --dockerfile FILE for one that can be applied.\n"
)


class FileChangedError(UsageError):
    """A file changed after the patch was made."""


class FileChange(Struct, frozen=True):
    """A file before and after."""

    path: Path
    old: str | None
    """None if there is no such file yet."""
    new: str


class Patch(Struct, frozen=True):
    """The changes that fixes make."""

    plan: Plan
    files: tuple[FileChange, ...]
    """The files that change."""
    dockerfile: str
    """The whole Dockerfile with the fixes."""
    ignored: str | None
    """The whole .dockerignore with the fixes; None if there is none."""
    restored: bool
    """Whether the Dockerfile was restored from the history."""
    context: Path = Path()
    """The folder of the build context."""


def chosen_by_default(findings: Sequence[Finding]) -> list[int]:
    """The numbers of the findings that a patch fixes by default: all except those of low confidence and those in the base image."""
    return [
        number
        for number, finding in enumerate(findings)
        if not finding.base and finding.confidence is not Confidence.LOW
    ]


def context_of(dockerfile: Dockerfile) -> Path:
    """The likely build context of a Dockerfile: its own folder, or the current folder or the top of its Git work tree if only
    that has the sources of its COPY and ADD.
    """
    folder = Path(dockerfile.name).parent
    sources = list(_context_sources(dockerfile))
    top = work_tree(folder)
    places = [folder, Path(), *([Path(os.path.relpath(top))] if top is not None else [])]
    # The first of those with the most sources.
    return max(places, key=lambda place: sum((place / source).exists() for source in sources))


def _context_sources(dockerfile: Dockerfile) -> Iterator[str]:
    """Paths that COPY and ADD of a file take from the build context, without patterns."""
    for written in dockerfile.instructions:
        if written.name not in ("COPY", "ADD") or written.heredocs:
            continue
        rest = written.arguments[written.body :]
        words = json_words(rest) if written.exec_form else None
        for word in (words or rest.split())[:-1]:
            name = word.lstrip("/")
            plain = name not in ("", ".", "./") and not set(name) & set("*?[$\\\"'")
            if plain and "://" not in name and "--from" not in " ".join(written.flags):
                yield name


def work_tree(folder: Path) -> Path | None:
    """The top folder of the Git work tree that contains a folder; None if there is none."""
    real = Path(os.path.realpath(folder))
    return next((above for above in (real, *real.parents) if (above / ".git").exists()), None)


def patch_of(
    opened: Opened,
    chosen: Sequence[int] | None = None,
    *,
    base_steps: int | None = None,
    context: Path | None = None,
) -> Patch:
    """The fixes of some findings, see `chosen_by_default` if none are named. `context` is the folder of the build context, see
    `context_of` if None. Raises `UsageError` for a .dockerignore that cannot be read."""
    found = () if opened.findings is None else opened.findings.found
    if chosen is None:
        chosen = chosen_by_default(found)
    patcher = patcher_of(opened, base_steps)
    plan = patcher.plan(found, chosen)
    old, new = patcher.texts(plan)
    lines = opened.dockerfile_lines
    path = Path(RESTORED) if lines is None else Path(lines.name)
    files = [FileChange(path, old, new)] if new != old else []
    ignore_path = Path(".dockerignore")
    before = None
    context_folder = context or Path()
    if lines is not None:
        context_folder = context or context_of(lines.dockerfile)
        ignore_path = ignore_file(path, context_folder)
        before = _read_text(ignore_path)
    after = ignored_text(before or "", plan.dockerignore) if plan.dockerignore else before
    if after is not None and after != before:
        files.append(FileChange(ignore_path, before, after))
    return Patch(plan, tuple(files), new, after, lines is None, context_folder)


def _read_text(path: Path) -> str | None:
    """A file's text; None if there is none. Raises `UsageError`."""
    try:
        return read_file(path, MAX_BYTES).decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


def patch_bytes(patch: Patch) -> bytes:
    """The patch, with paths relative to the top of the Git work tree, as `git apply` expects; without a work tree, relative to
    the current folder.
    """
    text = _HEAD if patch.restored and patch.files else ""
    top = Path() if patch.restored else patch_folder(patch)
    for change in patch.files:
        name = os.path.relpath(_real(change.path), os.path.realpath(top)).replace(os.sep, "/")
        old, new = _quoted(f"a/{name}"), _quoted(f"b/{name}")
        text += f"diff --git {old} {new}\n"
        text += "new file mode 100644\n" if change.old is None else ""
        # Like Git: a tab ends a name with spaces.
        tab = "\t" if " " in name else ""
        lines = list(_hunk_lines(change))
        text += f"--- {'/dev/null' if change.old is None else old + tab}\n+++ {new}{tab}\n"
        text += "".join(lines)
    return text.encode(errors="surrogateescape")


def patch_folder(patch: Patch) -> Path:
    """The folder that the paths of a patch are relative to: the top of the Git work tree of its files; without one the current
    folder, or the nearest one above it that contains all files.
    """
    files = [Path(_real(change.path)) for change in patch.files]
    tops = {work_tree(file.parent) for file in files}
    if len(tops) == 1 and (top := tops.pop()) is not None:
        return top
    return Path(os.path.commonpath([os.path.realpath(""), *(file.parent for file in files)]))


def applies_here(patch: Patch) -> bool:
    """Whether `git apply` in the current folder changes all files: it skips those outside of it."""
    here = Path(os.path.realpath(""))
    if work_tree(here) is None and patch_folder(patch) != here:
        return False
    return all(Path(_real(change.path)).is_relative_to(here) for change in patch.files)


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _quoted(name: str) -> str:
    """A name in the header of a patch, as Git writes it: in quotes if it has quotes, backslashes or control characters."""
    if not any(one in '"\\' or one < " " or one == "\x7f" for one in name):
        return name
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    return (
        '"'
        + "".join(
            known.get(one, f"\\{ord(one):03o}" if one < " " or one == "\x7f" else one)
            for one in name
        )
        + '"'
    )


def _hunk_lines(change: FileChange) -> Iterator[str]:
    """The hunks of a change."""
    lines = difflib.unified_diff(lines_of_file(change.old or ""), lines_of_file(change.new))
    for line in islice(lines, 2, None):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def lines_of_file(text: str) -> list[str]:
    """The lines of a text with their line ends; only `\\n` ends a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def write_patch(patch: Patch) -> None:
    """Write the files. Raises `UsageError` before anything is written if one changed since it was read."""
    for change in patch.files:
        try:
            now = read_file(change.path, MAX_BYTES)
        except FileNotFoundError:
            now = None
        except OSError as error:
            raise UsageError(f"{change.path}: {error.strerror or error}") from error
        old = None if change.old is None else change.old.encode(errors="surrogateescape")
        if now != old:
            raise FileChangedError(f"{change.path} changed since it was read", hint="try again")
    for change in patch.files:
        try:
            with replacing(Path(os.path.realpath(change.path))) as stream:
                stream.write(change.new.encode(errors="surrogateescape"))
        except OSError as error:
            raise UsageError(f"cannot write {change.path}: {error.strerror or error}") from error


def hunks(change: FileChange) -> list[str]:
    """The lines of a change without line ends: `@@ …`, and lines that begin with `-`, `+` or a space."""
    return "".join(_hunk_lines(change)).split("\n")[:-1]


def remaining_patch(patch: Patch, path: Path, text: str) -> Patch:
    """What remains of a patch after an earlier one, with some of its fixes, changed the Dockerfile at `path` to `text`."""
    files = [change for change in patch.files if change.path != path]
    if patch.dockerfile != text:
        files.insert(0, FileChange(path, text, patch.dockerfile))
    return replace(patch, files=tuple(files))


def save_patch(patch: Patch, path: Path) -> None:
    """Write a patch to a new file. Raises `UsageError`, also if the name is taken."""
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
        raise UsageError(f"{path} already exists", hint="choose another name") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"cannot write {path}: {why}") from error
