"""`forbidden-paths`: what no layer may hold, be it deleted later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.gate.case import Case
from layerscope.analysis.gate.path_rules import check_paths
from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.values import parse_patterns
from layerscope.analysis.gate.verdict import Check
from layerscope.filesystem.selecting import Selector

NAME = "forbidden-paths"


def _check(case: Case, patterns: tuple[str, ...]) -> Iterator[Check]:
    filesystem = case.filesystem
    selector = Selector(filesystem.table)
    found = np.zeros(len(filesystem.table), bool)
    for pattern in patterns:
        found[selector.matches(pattern)] = True
    known = filesystem.inode_of != filesystem.inodes.implicit
    rows = np.flatnonzero(found[filesystem.paths] & known)
    yield check_paths(case, NAME, "Forbidden paths", rows, "in some layer, and forbidden")


RULE = GateRule(
    NAME,
    "What no layer may hold, as globs; may be given several times.",
    parse_patterns,
    _check,
    metavar="GLOB",
    repeated=True,
)
