"""`forbidden-paths` and `allowed-paths`: where layers may put files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.values import parse_patterns
from layerscope.analysis.gate.verdict import MAX_OFFENDERS, Check, Offender, Outcome, Unit
from layerscope.text import count_of
from layerscope.words import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from layerscope.analysis.gate.case import Case


def _check_paths(
    case: Case, name: str, title: str, rows: NDArray[np.int64], describe: Callable[[int], str]
) -> Check:
    """The check that there are no such path versions; `describe` describes a number of them in the message."""
    import numpy as np

    filesystem = case.filesystem
    # A version without content that its own layer replaced is not stored anywhere.
    lasting = filesystem.died[rows] > filesystem.born[rows]
    rows = rows[lasting | (filesystem.stored[rows] > 0)]
    paths, first = np.unique(filesystem.paths[rows], return_index=True)
    rows = rows[first]
    layers = filesystem.born[rows]
    counted = case.ignores.paths_kept(name, paths, layers, filesystem.table)
    message = ""
    if case.baseline is not None:
        known = case.baseline.has_paths(filesystem.table, _reported_paths(case, rows))
        if known is None:
            message = " (the baseline lists no files: create it with --files)"
        else:
            counted &= ~known
            message = " not in the baseline"
    rows = rows[counted]
    return Check(
        rule=name,
        title=title,
        outcome=Outcome.FAIL if len(rows) else Outcome.PASS,
        severity=Severity.ERROR,
        unit=Unit.PATHS,
        value=len(rows),
        limit=0,
        message=f"{describe(len(rows))}{message if len(rows) else ''}.",
        offenders=tuple(_offender(case, row) for row in rows[:MAX_OFFENDERS].tolist()),
        offender_count=len(rows),
        place=case.place(name),
    )


def _reported_paths(case: Case, rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """The path under which a report lists each version: one that its own layer removed is listed by another name of its
    content, the last one if none outlives the layer."""
    filesystem, waste = case.filesystem, case.ledger.waste
    paths = filesystem.paths[rows].copy()
    removed_at_once = filesystem.died[rows] <= filesystem.born[rows]
    if removed_at_once.any():
        lasting = filesystem.died > filesystem.born
        names = dict(zip(waste.inodes.tolist(), waste.paths.tolist(), strict=True))
        names |= zip(
            filesystem.inode_of[lasting].tolist(), filesystem.paths[lasting].tolist(), strict=True
        )
        inodes = filesystem.inode_of[rows[removed_at_once]].tolist()
        fallbacks = paths[removed_at_once].tolist()
        paths[removed_at_once] = [
            names.get(inode, path) for inode, path in zip(inodes, fallbacks, strict=True)
        ]
    return paths


def _offender(case: Case, row: int) -> Offender:
    from layerscope.layers.index import Kind

    filesystem = case.filesystem
    layer, hidden_by = int(filesystem.born[row]), int(filesystem.died[row])
    note = ""
    path = int(filesystem.paths[row])
    last = filesystem.rows_of(path).stop - 1
    if filesystem.died[last] < filesystem.layer_count:
        hidden_by = int(filesystem.died[last])
        note = f"deleted in layer {hidden_by}, still stored"
    return Offender(
        path=case.name(path),
        bytes=int(filesystem.stored[row]) if filesystem.kinds[row] == Kind.FILE else None,
        layer=layer,
        step=case.step(layer),
        hidden_by=hidden_by if hidden_by < filesystem.layer_count else None,
        note=note,
    )


_FORBIDDEN = "forbidden-paths"
_ALLOWED = "allowed-paths"


def _forbidden_words(count: int) -> str:
    return count_of(count, "forbidden path") if count else "no forbidden path"


def _outside_words(count: int) -> str:
    return f"{count_of(count, 'path') if count else 'no path'} outside the allowed paths"


def _forbidden(case: Case, patterns: tuple[str, ...]) -> Iterator[Check]:
    import numpy as np

    from layerscope.filesystem.selector import Selector

    filesystem = case.filesystem
    selector = Selector(filesystem.table)
    forbidden = np.zeros(len(filesystem.table), bool)
    for pattern in patterns:
        forbidden[selector.matches(pattern)] = True
    explicit = filesystem.inode_of != filesystem.inodes.implicit
    rows = np.flatnonzero(forbidden[filesystem.paths] & explicit)
    yield _check_paths(case, _FORBIDDEN, "Forbidden paths", rows, _forbidden_words)


def _allowed(case: Case, patterns: tuple[str, ...]) -> Iterator[Check]:
    import numpy as np

    from layerscope.filesystem.selector import Selector
    from layerscope.layers.index import Kind

    filesystem = case.filesystem
    allowed = Selector(filesystem.table).select(patterns)
    added = (filesystem.born >= case.ledger.base_layers) & (filesystem.kinds != Kind.DIRECTORY)
    rows = np.flatnonzero(added & ~allowed[filesystem.paths])
    yield _check_paths(case, _ALLOWED, "Allowed paths", rows, _outside_words)


RULES: tuple[GateRule, ...] = (
    GateRule(
        _FORBIDDEN,
        "Paths that no layer may contain (glob). Can be repeated.",
        parse_patterns,
        _forbidden,
        metavar="GLOB",
        repeated=True,
    ),
    GateRule(
        _ALLOWED,
        "The only paths where steps after the base image may add files (glob). Can be repeated.",
        parse_patterns,
        _allowed,
        metavar="GLOB",
        repeated=True,
    ),
)
