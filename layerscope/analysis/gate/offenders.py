"""The worst offenders of a check."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from layerscope.analysis.gate.verdict import MAX_OFFENDERS, Offender
from layerscope.words import REASONS, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from layerscope.analysis.gate.case import Case
    from layerscope.analysis.gate.ledger import Ledger

Offenders = tuple[tuple[Offender, ...], int]
"""The worst offenders, and the number of all."""

_NOTES = {
    Reason.DELETED: "deleted in layer {}",
    Reason.TYPE_CHANGED: "replaced in layer {}",
    Reason.OVERWRITTEN: "overwritten in layer {}",
    Reason.METADATA_ONLY: "copied again in layer {}, metadata-only",
    Reason.IDENTICAL: "copied again in layer {}, identical",
}


def wasted_files(case: Case, counted: NDArray[np.bool_]) -> Offenders:
    """Wasted contents, largest first, with the step to change: the one that stores the content, or stores it again."""
    import numpy as np

    waste = case.ledger.waste
    rows = np.flatnonzero(counted)
    worst = []
    for row in rows[:MAX_OFFENDERS].tolist():
        reason = REASONS[int(waste.reasons[row])]
        stored, hider = int(waste.stored_in[row]), int(waste.hidden_by[row])
        is_deleted = reason in (Reason.DELETED, Reason.TYPE_CHANGED)
        worst.append(
            Offender(
                path=case.name(int(waste.paths[row])),
                bytes=int(waste.bytes[row]),
                layer=stored,
                step=case.step(stored if is_deleted else hider),
                hidden_by=hider,
                note=_NOTES[reason].format(hider),
            )
        )
    return tuple(worst), len(rows)


def newly_wasted(case: Case, counted: NDArray[np.bool_]) -> Offenders:
    """Wasted contents that are not wasted in the baseline."""
    waste, new = case.ledger.waste, counted.copy()
    if case.baseline is not None:
        known = Counter(_records(case.baseline.ignores.ledger))
        for row, record in enumerate(_records(case.ledger)):
            if known[record]:
                known[record] -= 1
                new[row] = False
    return wasted_files(case, new if new.any() or not len(waste) else counted)


def _records(ledger: Ledger) -> Iterator[tuple[bytes, int, int]]:
    """Path, bytes and reason of all waste."""
    waste = ledger.waste
    return zip(
        ledger.table.full_paths(waste.paths),
        waste.bytes.tolist(),
        waste.reasons.tolist(),
        strict=True,
    )


def largest_layers(case: Case, sizes: NDArray[np.int64], over: int = 0) -> Offenders:
    """Layers of more than `over` bytes, the largest first; `sizes` has the bytes of each."""
    import numpy as np

    rows = np.flatnonzero(sizes > over)
    rows = rows[np.argsort(-sizes[rows], kind="stable")]
    worst = tuple(
        Offender(bytes=int(sizes[layer]), layer=layer, step=case.step(layer))
        for layer in rows[:MAX_OFFENDERS].tolist()
    )
    return worst, len(rows)


def no_offenders(_case: Case) -> Offenders:
    """No offenders."""
    return (), 0
