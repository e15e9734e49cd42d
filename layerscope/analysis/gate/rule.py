"""What a rule of the gate is.

A new one is one file in this package that ends in `RULE = GateRule(…)`, and one line in `RULES` in `__init__.py`: that gives it
its key in the configuration, its flag and its row in the table. Rules that compare one figure are made by
`figure.figure_rule`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from layerscope.analysis.gate.case import Case
from layerscope.analysis.gate.verdict import Check


@dataclass(frozen=True, slots=True)
class GateRule:
    """One thing that a gate checks."""

    name: str
    """Its key in the configuration; with `--` before it, its flag."""
    help: str
    """What it demands, in a few words that begin with a capital and end with a full stop."""
    parse: Callable[[object], Any]
    """A limit from what the configuration says, or from the text of a flag. Raises `WrongValueError`."""
    check: Callable[[Case, Any], Iterable[Check]]
    """The checks that it makes with a limit."""
    metavar: str = "SIZE"
    default: Any = None
    """The limit where nothing is said; None for none: then it checks nothing."""
    repeated: bool = False
    """Whether the limit is a list, and the flag may be given several times."""
    ignorable: bool = True
    """Whether `[[ignore]]` may name it."""
