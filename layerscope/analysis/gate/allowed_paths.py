"""`allowed-paths`: the only places where the steps after the base image may put anything but directories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.gate.case import Case
from layerscope.analysis.gate.path_rules import check_paths
from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.values import parse_patterns
from layerscope.analysis.gate.verdict import Check
from layerscope.filesystem.selecting import Selector
from layerscope.layers.index import Kind

NAME = "allowed-paths"


def _check(case: Case, patterns: tuple[str, ...]) -> Iterator[Check]:
    filesystem = case.filesystem
    allowed = Selector(filesystem.table).select(patterns)
    added = (filesystem.born >= case.ledger.base_layers) & (filesystem.kinds != Kind.DIRECTORY)
    rows = np.flatnonzero(added & ~allowed[filesystem.paths])
    yield check_paths(case, NAME, "Allowed paths", rows, "put elsewhere by steps after the base")


RULE = GateRule(
    NAME,
    "The only places where steps after the base image may put files, as globs.",
    parse_patterns,
    _check,
    metavar="GLOB",
    repeated=True,
)
