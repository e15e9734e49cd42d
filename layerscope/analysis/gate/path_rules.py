"""What the two rules about paths share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.gate.case import Case
from layerscope.analysis.gate.verdict import MAX_OFFENDERS, Check, Offender, Outcome, Unit
from layerscope.layers.index import Kind
from layerscope.text import count_of
from layerscope.words import Severity


def check_paths(case: Case, name: str, title: str, rows: NDArray[np.int64], what: str) -> Check:
    """The check that there are no such versions of paths; `what` says in the message what they are, behind their count."""
    filesystem = case.filesystem
    # What its own layer replaced at once, and has no content, is stored nowhere.
    lasting = filesystem.died[rows] > filesystem.born[rows]
    rows = rows[lasting | (filesystem.stored[rows] > 0)]
    paths, first = np.unique(filesystem.paths[rows], return_index=True)
    rows = rows[first]
    layers = filesystem.born[rows]
    kept = case.ignores.paths_kept(name, paths, layers, filesystem.table)
    message = ""
    if case.baseline is not None:
        known = case.baseline.has_paths(filesystem.table, paths)
        if known is None:
            message = " (the baseline lists no files: write it with --files)"
        else:
            kept &= ~known
            message = " that the baseline has not"
    rows = rows[kept]
    return Check(
        rule=name,
        title=title,
        outcome=Outcome.FAIL if len(rows) else Outcome.PASS,
        severity=Severity.ERROR,
        unit=Unit.PATHS,
        value=len(rows),
        limit=0,
        message=f"{count_of(len(rows), 'path')} {what}{message if len(rows) else ''}.",
        offenders=tuple(_offender(case, row) for row in rows[:MAX_OFFENDERS].tolist()),
        offender_count=len(rows),
        place=case.place(name),
    )


def _offender(case: Case, row: int) -> Offender:
    filesystem = case.filesystem
    layer, gone = int(filesystem.born[row]), int(filesystem.died[row])
    note = ""
    path = int(filesystem.paths[row])
    last = filesystem.rows_of(path).stop - 1
    if filesystem.died[last] < filesystem.layer_count:
        gone = int(filesystem.died[last])
        note = f"deleted in layer {gone}, still stored"
    return Offender(
        path=case.name(path),
        bytes=int(filesystem.stored[row]) if filesystem.kinds[row] == Kind.FILE else None,
        layer=layer,
        step=case.step(layer),
        hidden_by=gone if gone < filesystem.layer_count else None,
        note=note,
    )
