"""The fixes of findings as a patch of the Dockerfile and its .dockerignore, in the form that `git apply` and `patch` take."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerscope.analysis.findings.composing import Plan, compose
from layerscope.analysis.findings.patching import ignored_text, patched, restored
from layerscope.analysis.findings.runs import Runs
from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.image.base import BASE_NAME, guess_base
from layerscope.image.dockerfile import MAX_BYTES, ignore_file, parse_dockerfile
from layerscope.image.secret_spans import masked
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import seen_by_rules

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
    image, base = seen_by_rules(opened, base_steps)
    lines = opened.written
    if lines is None:
        runs = Runs(image.steps, {})
        plan = compose(found, chosen, range(base, len(image.steps)))
        guess = guess_base(image)
        name = image.annotations.get(BASE_NAME) or (guess.name if guess else None)
        old, new = restored(image.steps, runs, base, "scratch" if base == 0 else name or "…", plan)
        if masked(old) != old:
            old, new = masked(old), masked(new)
        files = [FileChange(Path(RESTORED), old, new)] if new != old else []
        if plan.ignored:
            files.append(FileChange(Path(".dockerignore"), None, ignored_text("", plan.ignored)))
        return Patch(plan, tuple(files), restored=True)
    runs = Runs(image.steps, lines.instructions)
    plan = compose(found, chosen, lines.instructions)
    dockerfile = lines.dockerfile
    new = patched(dockerfile, lines.instructions, runs, image.steps, plan)
    parse_dockerfile(new.encode(errors="surrogateescape"), dockerfile.name)
    path = Path(dockerfile.name)
    files = [FileChange(path, dockerfile.text, new)] if new != dockerfile.text else []
    if plan.ignored:
        files += _ignoring(ignore_file(path, context or path.parent), plan.ignored)
    return Patch(plan, tuple(files), restored=False)


def _ignoring(path: Path, lines: Sequence[str]) -> Iterator[FileChange]:
    try:
        old = read_file(path, MAX_BYTES).decode(errors="surrogateescape")
    except FileNotFoundError:
        old = None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    new = ignored_text(old or "", lines)
    if new != old:
        yield FileChange(path, old, new)


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
    lines = difflib.unified_diff(_lines(change.old or ""), _lines(change.new), old, new)
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends: `\\n` alone ends one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def changed_lines(patch: Patch) -> list[str]:
    """The difference for reading: lines that begin with `-`, `+` or a space, each file under its name."""
    found = []
    for change in patch.files:
        found.append(f"# {change.path}")
        lines = difflib.unified_diff(_lines(change.old or ""), _lines(change.new), n=2)
        found += [line.rstrip("\r\n") for line in list(lines)[2:] if not line.startswith("@@")]
    return found
