"""The verdict of the gate: a check for each rule, and whether the image passes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from layerscope.text import count_of, percent, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerscope.analysis.findings.finding import Finding
    from layerscope.words import Severity


class Outcome(StrEnum):
    """The outcome of a check. Only `FAIL` fails the gate."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """The check could not be made; see its message."""


class Unit(StrEnum):
    """The unit of values and limits."""

    BYTES = "bytes"
    RATIO = "ratio"
    """A share: 0.1 is 10 %. It may exceed 1."""
    LAYERS = "layers"
    FINDINGS = "findings"
    PATHS = "paths"


class Offender(Struct, frozen=True):
    """One violation of a check."""

    path: str | None = None
    """A path from the root; bytes that are not UTF-8 are lone surrogates. Not safe for a terminal."""
    bytes: int | None = None
    layer: int | None = None
    """The layer that stores it."""
    step: int | None = None
    """The step to change."""
    hidden_by: int | None = None
    """The layer that hides it, for waste."""
    note: str = ""
    """What is wrong, in a few words; safe for a terminal."""
    finding: Finding | None = None
    """The finding, if it is one."""


class Check(Struct, frozen=True):
    """The result of one rule."""

    rule: str
    """A gate rule (`max-wasted`) or a finding rule (`apt-lists`)."""
    title: str
    """A capitalized noun phrase."""
    outcome: Outcome
    severity: Severity
    """The severity of a failure."""
    unit: Unit
    value: float | None
    """The value of the image, in `unit`; None if unknown."""
    limit: float | None
    """The limit, in `unit`; None if nothing is compared."""
    at_least: bool = False
    """Whether the limit is a minimum."""
    message: str = ""
    """A sentence that explains the outcome. Not safe for a terminal."""
    offenders: tuple[Offender, ...] = ()
    """The worst ones, worst first, at most `MAX_OFFENDERS`."""
    offender_count: int = 0
    """Their total number."""
    place: str = ""
    """Where the limit was set: file and line, an option, or "default"."""
    baseline: float | None = None
    """The value of the baseline, in `unit`; None if unknown."""

    def value_text(self, *, binary: bool = False) -> str:
        """The value as text; exact if rounding would hide on which side of the limit it is."""
        return self._text(self.value, binary=binary)

    def limit_text(self, *, binary: bool = False) -> str:
        """The limit as text (`≤ 20 MB`); empty if there is none."""
        if self.limit is None:
            return ""
        if self.unit in (Unit.FINDINGS, Unit.PATHS) and not self.limit:
            return "none"
        return f"{'≥' if self.at_least else '≤'} {self._text(self.limit, binary=binary)}"

    def _text(self, number: float | None, *, binary: bool) -> str:
        rounded = amount(number, self.unit, binary=binary)
        if self.value is None or self.limit is None or self.value == self.limit:
            return rounded
        other = self.limit if number == self.value else self.value
        if number is None or rounded != amount(other, self.unit, binary=binary):
            return rounded
        if self.unit is Unit.RATIO:
            return f"{100 * number:.10g} %"
        return f"{int(number):,} B" if self.unit is Unit.BYTES else rounded


class GateWarning(Struct, frozen=True):
    """A warning that does not fail the gate."""

    code: str
    """`config-unused`, `config-key-unused`, `ignore-unused`, `rule-skipped`, `dockerfile-unlike`."""
    message: str
    place: str = ""
    """File and line, or the flag."""


class Verdict(Struct, frozen=True):
    """All checks of one image."""

    checks: tuple[Check, ...]
    warnings: tuple[GateWarning, ...]
    source: str
    """The configuration file, or "defaults"; options are named in the `place` of each check."""
    source_kind: str
    """`layerscope`, `dive` or `defaults`."""
    base_layers: int
    """Number of base image layers."""
    base_reason: str
    """Why. Not safe for a terminal."""
    base_guessed: bool
    """Whether the end of the base image is an estimate."""
    ignored_bytes: int
    """Wasted bytes that ignores leave out of `wasted`."""
    ignored_findings: int
    """Findings that ignores leave out."""
    baseline: str | None = None
    """The file of the report that the image is compared with."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """The limits in force, by rule; None if it is off."""

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.count(Outcome.FAIL)

    def failure(self) -> str:
        """Which checks failed, as a sentence without a full stop."""
        failed = [check.rule for check in self.checks if check.outcome is Outcome.FAIL]
        if not failed:
            return "all checks passed"
        more = f" and {len(failed) - 5:,} more" if len(failed) > 5 else ""
        return f"{count_of(len(failed), 'check')} failed: {', '.join(failed[:5])}{more}"

    def count(self, outcome: Outcome) -> int:
        """How many checks have this outcome."""
        return sum(check.outcome is outcome for check in self.checks)


MAX_OFFENDERS = 50
"""Maximum offenders of one check."""


def amount(number: float | None, unit: Unit, *, binary: bool | None = None) -> str:
    """A number with its unit, as text."""
    if number is None:
        return "?"
    if unit is Unit.BYTES:
        return size(int(number), binary=binary)
    if unit is Unit.RATIO:
        return percent(number, 1)
    words = {Unit.LAYERS: "layer", Unit.FINDINGS: "finding", Unit.PATHS: "path"}
    return count_of(int(number), words[unit])
