"""Content that one step stores and a later one deletes: it stays in the image."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.accounting import REASONS, Reason
from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import instruction_text, run_and
from layerscope.analysis.findings.rule import Rule
from layerscope.image.history import Step

_NAMED = 3
"""Paths that a fix names."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    waste = evidence.accounting.waste
    gone = np.isin(
        waste.reasons, [REASONS.index(Reason.DELETED), REASONS.index(Reason.TYPE_CHANGED)]
    )
    rows = np.flatnonzero(gone & (waste.stored_in != waste.hidden_by))
    for layer in np.unique(waste.stored_in[rows]).tolist():
        mine = rows[waste.stored_in[rows] == layer]
        hiders = np.unique(waste.hidden_by[mine]).tolist()
        paths = waste.paths[mine]
        yield Claim(
            fix=_fix(evidence, evidence.step(layer), paths),
            layers=(layer, *hiders),
            inodes=np.unique(waste.inodes[mine]),
            paths=paths,
            title=f"Stored by step {evidence.step(layer).index}, deleted by "
            + _steps([evidence.step(hider).index for hider in hiders]),
        )


def _steps(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_NAMED])) + (" and more" if len(numbers) > _NAMED else "")
    return f"step{'' if len(numbers) == 1 else 's'} {shown}"


def _fix(evidence: Evidence, step: Step, paths: NDArray[np.int32]) -> str:
    """Delete it where it is made; what is copied in is better never copied."""
    names = " ".join(
        shlex.quote(evidence.name(path)) for path in evidence.gone_tops(paths)[:_NAMED]
    )
    if step.instruction == "RUN":
        return run_and(step, f"rm -rf {names}")
    return (
        f"# keep {names} out of the build context (.dockerignore), or use it without storing it:\n"
        f"# RUN --mount=type=bind,target=/mnt …\n{instruction_text(step)}"
    )


RULE = Rule(
    "deleted-later",
    title="Stored, then deleted by a later step",
    why="A layer never shrinks: deleting a file in a later step hides it, and its bytes are still pushed and pulled.",
    find=_find,
)
