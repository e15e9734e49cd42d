"""The worst offenders of a check."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.accounting import REASONS, Reason
from layerscope.analysis.gate.case import Case
from layerscope.analysis.gate.verdict import MAX_OFFENDERS, Offender

Offenders = tuple[tuple[Offender, ...], int]
"""The worst ones, and how many there are."""

_NOTES = {
    Reason.DELETED: "deleted by step {}",
    Reason.TYPE_CHANGED: "replaced by step {}",
    Reason.OVERWRITTEN: "overwritten by step {}",
    Reason.METADATA_ONLY: "stored again by step {} for its attributes",
    Reason.IDENTICAL: "stored again by step {}, identical",
}


def wasted_files(case: Case, kept: NDArray[np.bool_]) -> Offenders:
    """Wasted contents, the largest first. To be changed is the step that stores what goes, or stores it again."""
    waste = case.ledger.waste
    rows = np.flatnonzero(kept)
    found = []
    for row in rows[:MAX_OFFENDERS].tolist():
        reason = REASONS[int(waste.reasons[row])]
        stored, hider = int(waste.stored_in[row]), int(waste.hidden_by[row])
        gone = reason in (Reason.DELETED, Reason.TYPE_CHANGED)
        found.append(
            Offender(
                path=case.name(int(waste.paths[row])),
                bytes=int(waste.bytes[row]),
                layer=stored,
                step=case.step(stored if gone else hider),
                hidden_by=hider,
                note=_NOTES[reason].format(case.step(hider)),
            )
        )
    return tuple(found), len(rows)


def layers(case: Case, kept: NDArray[np.bool_], over: int = 0) -> Offenders:
    """Layers that store more than `over` bytes, the largest first."""
    stored = case.ledger.stored
    rows = np.flatnonzero(kept & (stored > over))
    rows = rows[np.argsort(-stored[rows], kind="stable")]
    found = tuple(
        Offender(
            bytes=int(stored[layer]), layer=layer, step=case.step(layer), note=f"layer {layer}"
        )
        for layer in rows[:MAX_OFFENDERS].tolist()
    )
    return found, len(rows)


def none(_case: Case) -> Offenders:
    """Nothing in particular is to blame."""
    return (), 0
