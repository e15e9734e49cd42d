"""Several COPY of the same source: what one of them should not bring, another may, so that no .dockerignore can leave it out."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copying import target_of
from layerscope.analysis.findings.fixes import (
    instruction_text,
    recorded_source,
    shell_word,
    sources_of,
    with_flags,
)
from layerscope.analysis.findings.words import NAMED
from layerscope.image.history import Step

_LATER = 1000
"""Steps that are looked at."""


def kept_by_another(evidence: Evidence, step: Step, tops: Sequence[str]) -> Step | None:
    """Another COPY that brings one of these paths, which `step` brought, from the same place of the build context to where
    the final image shows it."""
    _, target = sources_of(step)
    if not target:
        return None
    where = target_of(evidence, step, target)
    inside = [posixpath.relpath(top, where) for top in tops]
    inside = [path for path in inside if not path.startswith("..")]
    for other in evidence.image.steps[:_LATER]:
        if other.index == step.index or other.instruction not in ("COPY", "ADD"):
            continue
        _, target = sources_of(other)
        place = target_of(evidence, other, target) if target else ""
        for path in inside:
            moved = _from_same_place(step, other, path)
            if place and moved is not None and _is_shown(evidence, posixpath.join(place, moved)):
                return other
    return None


def excluding(
    evidence: Evidence, step: Step, keeper: Step, tops: Sequence[str], whole: bool
) -> str:
    """The fix that leaves paths out of one COPY alone; of a whole COPY, if they are all that it brings."""
    text = instruction_text(step)
    told = f"# layer {keeper.layer} copies it too, and the image shows that: it has to stay in the build context"
    if whole:
        return f"{told}; use it without storing it again:\n# RUN --mount=type=bind,target=/mnt …\n{text}"
    _, target = sources_of(step)
    where = target_of(evidence, step, target)
    inside = [posixpath.relpath(top, where) for top in tops]
    if len(inside) <= NAMED and not any(path.startswith("..") for path in inside):
        flags = [f"--exclude={shell_word(path)}" for path in inside]
        return (
            f"{told}\n# leave it out of this (needs `# syntax=docker/dockerfile:1.19` or newer):\n"
            + with_flags(step, *flags)
        )
    return f"{told}\n# copy it in a stage of its own, delete it there, and COPY --from=… the rest:\n{text}"


def _from_same_place(step: Step, other: Step, path: str) -> str | None:
    """Where in the target of another COPY a path lies that this one has at `path` in its own; None if they have different
    sources. Classic builders record digests of sources in place of their names."""
    digest = recorded_source(step)
    if digest or recorded_source(other):
        return path if digest == recorded_source(other) else None
    sources = [sources_of(found)[0] for found in (step, other)]
    if any(len(found) != 1 or "*" in found[0] for found in sources):
        return None
    if any("--from=" in found.arguments for found in (step, other)):
        return None
    first, second = (posixpath.normpath(found[0].lstrip("/") or ".") for found in sources)
    moved = posixpath.relpath(posixpath.join(first, path), second)
    return None if moved.startswith("..") else moved


def _is_shown(evidence: Evidence, name: str) -> bool:
    data = name.strip("/").encode(errors="surrogateescape")
    found = evidence.filesystem.table.find(posixpath.normpath(data))
    return found is not None and bool(evidence.live_inodes[found] >= 0)
