"""The type of gate rules.

A new one is one file in this package that ends in `RULE = GateRule(…)`, and one line in `RULES` in `__init__.py`: that gives it
its key in the configuration, its flag and its row in the table. For rules that compare one figure, use `figure.figure_rule`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from layerscope.analysis.gate.case import Case
    from layerscope.analysis.gate.verdict import Check


class GateRule(Struct, frozen=True):
    """One rule of the gate."""

    name: str
    """Its key in the configuration; with `--` in front, its option."""
    help: str
    """Help text: a capitalized phrase with a full stop."""
    parse: Callable[[object], Any]
    """Parses a limit from a configuration value or the text of an option. Raises `WrongValueError`."""
    check: Callable[[Case, Any], Iterable[Check]]
    """Returns the checks for a limit."""
    metavar: str = "SIZE"
    default: Any = None
    """The default limit; None if the rule is off by default."""
    repeated: bool = False
    """Whether the limit is a list and the option can be repeated."""
    ignorable: bool = True
    """Whether `[[ignore]]` may name it."""
