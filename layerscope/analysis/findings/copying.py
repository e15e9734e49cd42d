"""Where a COPY or ADD puts what it copies."""

from __future__ import annotations

import posixpath

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.fixes import sources_of
from layerscope.image.history import Step

_BEFORE = 1000
"""Steps that are looked through for a WORKDIR."""


def target_of(evidence: Evidence, step: Step, target: str) -> str:
    """The target of a COPY from the root, by the WORKDIR before it."""
    path = target
    for before in reversed(evidence.image.steps[max(step.index - _BEFORE, 0) : step.index]):
        if path.startswith("/"):
            break
        if before.instruction == "WORKDIR":
            path = posixpath.join(before.arguments, path)
    return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")


def brings_only(evidence: Evidence, layer: int, name: str) -> bool:
    """Whether all that a COPY can bring lies at or below `name`, so that without that it brings nothing."""
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
