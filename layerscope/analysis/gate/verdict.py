"""What a gate says of an image: a check for each rule, and whether the image passes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from layerscope.analysis.findings.finding import Finding
from layerscope.text import count_of, percent, size
from layerscope.words import Severity


class Outcome(StrEnum):
    """How one check ended. Only `FAIL` makes the gate fail."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """It could not be made: the message says why."""


class Unit(StrEnum):
    """What values and limits are numbers of."""

    BYTES = "bytes"
    RATIO = "ratio"
    """A share: 0.1 is 10 %. It may exceed 1."""
    LAYERS = "layers"
    FINDINGS = "findings"
    PATHS = "paths"


@dataclass(frozen=True, slots=True)
class Offender:
    """One thing that a check complains of."""

    path: str | None = None
    """A path from the root; bytes that are no UTF-8 are lone surrogates. Not safe for a terminal."""
    bytes: int | None = None
    layer: int | None = None
    """The layer that stores it."""
    step: int | None = None
    """The step to change."""
    hidden_by: int | None = None
    """The layer that hides it, where that is the trouble."""
    note: str = ""
    """What is wrong with it, in a few words; safe to show."""
    finding: Finding | None = None
    """The finding that it is, with its title, reason and fix."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, applied."""

    rule: str
    """The gate's own rule (`max-wasted`), or the rule of findings (`apt-lists`)."""
    title: str
    """What is checked, in a few words that begin with a capital."""
    outcome: Outcome
    severity: Severity
    """How much it matters if it is not met."""
    unit: Unit
    value: float | None
    """What the image has, in `unit`; None if that is not known."""
    limit: float | None
    """What is allowed, in `unit`; None if nothing is compared."""
    at_least: bool = False
    """Whether the limit is the least allowed value, not the most."""
    message: str = ""
    """A sentence that says what was found and why the outcome is what it is. Not safe for a terminal."""
    offenders: tuple[Offender, ...] = ()
    """The worst ones, worst first, at most `MAX_OFFENDERS`."""
    offender_count: int = 0
    """How many there are."""
    place: str = ""
    """Where the limit was set: a file and its line, a flag, or "default"."""
    baseline: float | None = None
    """What the baseline has, in `unit`; None without one, or if it does not tell."""

    def value_text(self, *, binary: bool = False) -> str:
        """The value for people; exact where rounding would hide on which side of the limit it is."""
        return self._text(self.value, binary=binary)

    def limit_text(self, *, binary: bool = False) -> str:
        """The limit for people: `≤ 20 MB`; empty if there is none."""
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


@dataclass(frozen=True, slots=True)
class GateWarning:
    """Something that does not make the gate fail, and that nobody should overlook."""

    code: str
    """`config-unused`, `config-key-unused`, `ignore-unused`, `rule-skipped`, `base-unknown`, `dockerfile-unlike`."""
    message: str
    place: str = ""
    """File and line, or the flag."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one image."""

    checks: tuple[Check, ...]
    warnings: tuple[GateWarning, ...]
    source: str
    """Where the rules are from: a file, or "defaults"; flags are named by each check's place."""
    source_kind: str
    """`layerscope`, `dive` or `defaults`."""
    base_layers: int
    """How many first layers are taken for the base image's."""
    base_reason: str
    """Why. Not safe for a terminal."""
    base_guessed: bool
    """Whether nobody said so."""
    ignored_bytes: int
    """Wasted bytes that ignores leave out of `wasted`."""
    ignored_findings: int
    """Findings that ignores leave out."""
    baseline: str | None = None
    """The file of the report that the image is compared with."""

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.count(Outcome.FAIL)

    def failure(self) -> str:
        """Which checks failed, in a sentence without its full stop; all passed if none did."""
        failed = [check.rule for check in self.checks if check.outcome is Outcome.FAIL]
        if not failed:
            return "all checks passed"
        more = f" and {len(failed) - 5:,} more" if len(failed) > 5 else ""
        return f"{count_of(len(failed), 'check')} failed: {', '.join(failed[:5])}{more}"

    def count(self, outcome: Outcome) -> int:
        """How many checks ended so."""
        return sum(check.outcome is outcome for check in self.checks)


MAX_OFFENDERS = 50
"""Offenders of one check that are kept."""


def amount(number: float | None, unit: Unit, *, binary: bool = False) -> str:
    """A number with its unit, for people."""
    if number is None:
        return "?"
    if unit is Unit.BYTES:
        return size(int(number), binary=binary)
    if unit is Unit.RATIO:
        return percent(number, 1)
    words = {Unit.LAYERS: "layer", Unit.FINDINGS: "finding", Unit.PATHS: "path"}
    return count_of(int(number), words[unit])
