"""What COPY and ADD steps copy, and where to.

If several COPY steps have the same source, a path that one of them should leave out may be needed by another: .dockerignore
cannot exclude it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import IN_DOCKERIGNORE, NOT_COPIED, Edit, Fix
from layerscope.analysis.findings.finding import MAX_NAMED
from layerscope.analysis.findings.fixes import (
    instruction_text,
    recorded_source,
    shell_word,
    sources_of,
    with_flags,
)
from layerscope.image.dockerfile_syntax import split_flags
from layerscope.image.history import Step, earlier

MAX_IGNORE_LINES = 40
"""Maximum lines of a .dockerignore in a fix."""
_MAX_COPIES = 1000
"""Maximum steps that are searched for other copies."""


class _Copy(Struct, frozen=True):
    """The paths that a COPY or ADD stores, and its target."""

    digest: str
    """The digest that classic builders record instead of the names of its sources."""
    source: str | None
    """The path of its only source in the build context; None for other kinds of sources, or several."""
    place: str
    """Its target in the image, "" for none."""


def kept_by_another(evidence: Evidence, step: Step, tops: Sequence[str]) -> Step | None:
    """Another COPY that stores one of these paths of `step` from the same place in the build context, at a path that the final
    image shows.
    """
    copied = _copy_of(evidence, step)
    if not copied.place:
        return None
    inside = [posixpath.relpath(top, copied.place) for top in tops]
    sources = [
        (path, posixpath.normpath(posixpath.join(copied.source or ".", path)))
        for path in inside
        if not path.startswith("..")
    ]
    for copy, steps in evidence.once(_copies).items():
        other = next((other for other in steps if other.index != step.index), None)
        if other is None or not copy.place:
            continue
        for path, origin in sources:
            moved = _from_same_place(copied, copy, path, origin)
            if moved is not None and _is_shown(evidence, posixpath.join(copy.place, moved)):
                return other
    return None


def _copies(evidence: Evidence) -> dict[_Copy, list[Step]]:
    """What the first steps copy, each with the first two steps that copy it: one of them may be the step in question."""
    copies: dict[_Copy, list[Step]] = {}
    for step in evidence.image.steps[:_MAX_COPIES]:
        if step.instruction in ("COPY", "ADD"):
            steps = copies.setdefault(_copy_of(evidence, step), [])
            if len(steps) < 2:
                steps.append(step)
    return copies


def _copy_of(evidence: Evidence, step: Step) -> _Copy:
    sources, target = sources_of(step)
    named = len(sources) == 1 and "*" not in sources[0] and not is_from_elsewhere(step)
    return _Copy(
        recorded_source(step),
        posixpath.normpath(sources[0].lstrip("/") or ".") if named else None,
        target_of(evidence, step, target) if target else "",
    )


def is_from_elsewhere(step: Step) -> bool:
    """Whether a COPY or ADD takes its files from another stage, an image or a URL instead of the build context."""
    flags, _ = split_flags(step.arguments)
    return is_remote(step) or any(flag.startswith("--from=") for flag in flags)


def is_remote(step: Step) -> bool:
    """Whether an ADD downloads something."""
    sources, _ = sources_of(step)
    return any("://" in source or source.startswith("git@") for source in sources)


def context_paths(evidence: Evidence, step: Step, tops: Sequence[str]) -> list[str]:
    """The paths in the build context of these paths that a COPY stored; empty if they are not known."""
    sources, target = sources_of(step)
    if len(sources) != 1 or "*" in sources[0] or is_from_elsewhere(step):
        return []
    if step.instruction == "ADD":
        return []  # it may have unpacked an archive
    where = target_of(evidence, step, target)
    source = posixpath.normpath(sources[0].lstrip("/") or ".")
    name = posixpath.basename(source)
    paths = []
    for top in tops:
        inside = posixpath.relpath(top, where)
        if inside.startswith(".."):
            return []
        if inside == name and target.endswith(("/", ".")):
            inside = "."  # a file, put into a directory
        paths.append(posixpath.normpath(posixpath.join(source, inside)))
    return paths


def ignoring(
    evidence: Evidence, step: Step, paths: Sequence[str], *, patterns: bool = False
) -> Fix:
    """A fix with lines for .dockerignore that keep a COPY from copying these paths or patterns of the build context."""
    lines = [path if patterns else _ignore_line(path) for path in paths[:MAX_IGNORE_LINES]]
    more = ["# …"] if len(paths) > MAX_IGNORE_LINES else []
    text = "\n".join([IN_DOCKERIGNORE, *lines, *more, NOT_COPIED])
    edits = tuple(Edit("ignore", step.index, line) for line in lines) if not more else ()
    return Fix(f"{text}\n{instruction_text(evidence, step)}", edits)


def _ignore_line(path: str) -> str:
    """A path as a line of .dockerignore (Go's filepath.Match): characters that a line cannot contain are matched by `?`."""
    escaped = "".join(
        f"\\{one}" if one in "*?[\\" else one if one.isprintable() else "?" for one in path
    )
    return f"\\{escaped}" if escaped.startswith(("#", "!")) else escaped


def excluding(
    evidence: Evidence, step: Step, keeper: Step, tops: Sequence[str], whole: bool
) -> Fix:
    """A fix that excludes paths from one COPY only, or removes the COPY if it stores nothing else."""
    text = instruction_text(evidence, step)
    comment = f"# layer {keeper.layer} also copies it, and the image uses that copy: it has to stay in the build context"
    if whole:
        return Fix(
            f"{comment}; use it without storing it again:\n# RUN --mount=type=bind,target=/mnt …\n{text}"
        )
    _, target = sources_of(step)
    where = target_of(evidence, step, target)
    inside = [posixpath.relpath(top, where) for top in tops]
    if len(inside) <= MAX_NAMED and not any(path.startswith("..") for path in inside):
        flags = [f"--exclude={shell_word(path)}" for path in inside]
        return (
            f"{comment}\n# leave it out of this (needs `# syntax=docker/dockerfile:1.19` or newer):\n"
            + with_flags(step, *flags)
        )
    return Fix(
        f"{comment}\n# copy it in a separate stage, delete it there, and COPY --from=… the rest:\n{text}"
    )


def _from_same_place(copied: _Copy, other: _Copy, path: str, origin: str) -> str | None:
    """The path in the target of another COPY that corresponds to `path` in this one's target and `origin` in the build
    context; None if they have different sources."""
    if copied.digest or other.digest:
        return path if copied.digest == other.digest else None
    if copied.source is None or other.source is None:
        return None
    if other.source == ".":
        return None if origin.startswith("..") else origin
    if origin == other.source:
        return "."
    above = other.source + "/"
    return origin.removeprefix(above) if origin.startswith(above) else None


def _is_shown(evidence: Evidence, name: str) -> bool:
    data = name.strip("/").encode(errors="surrogateescape")
    path = evidence.filesystem.table.find(posixpath.normpath(data))
    return path is not None and bool(evidence.live_inodes[path] >= 0)


def target_of(evidence: Evidence, step: Step, target: str) -> str:
    """The absolute path of the target of a COPY, resolved against the WORKDIR before it."""
    path = target
    for before in earlier(evidence.image.steps, step.index, "WORKDIR"):
        if path.startswith("/"):
            break
        path = posixpath.join(before.arguments, path)
    return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")


def brings_only(evidence: Evidence, layer: int, name: str) -> bool:
    """Whether everything that a COPY can copy ends up at or below `name`."""
    step = evidence.step(layer)
    sources, target = sources_of(step)
    if not target:
        return False
    place = target_of(evidence, step, target)
    if len(sources) == 1 and (target.endswith("/") or target in (".", "..")):
        inside = posixpath.join(place, posixpath.basename(posixpath.normpath(sources[0])))
        if inside == name:
            return True
    return place == name or place.startswith(f"{name}/")
