"""An image before the gate: all that rules look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.ledger import Ledger
from layerscope.analysis.gate.verdict import GateWarning
from layerscope.filesystem.model import Filesystem
from layerscope.image.model import Image
from layerscope.words import Severity

if TYPE_CHECKING:
    from layerscope.analysis.gate.baseline import Baseline


def is_secret(rule: str) -> bool:
    """Whether a rule of findings looks for secrets: its name says so."""
    return rule.startswith("secret-")


@dataclass(frozen=True, slots=True)
class Case:
    """One image, with what the user wants of it."""

    image: Image
    filesystem: Filesystem
    ledger: Ledger
    ignores: Ignores
    findings: Sequence[Finding]
    finding_rules: Sequence[Rule]
    """Rules of findings that were applied."""
    base_known: bool
    """Whether anything tells where the base image ends."""
    wasted_floor: int
    """Wasted bytes up to which no share counts."""
    fail_on: Severity
    """The least severity that makes the gate fail."""
    secrets_apart: bool
    """Whether findings of secrets are checked by a gate of their own."""
    places: Mapping[str, str]
    """Where each limit was set."""
    baseline: Baseline | None = None
    warnings: list[GateWarning] = field(default_factory=list)
    """Rules add what does not fail and should be known."""

    def place(self, rule: str) -> str:
        """Where the limit of a rule was set."""
        return self.places.get(rule, "default")

    def ignored(self, finding: Finding, gate: str) -> bool:
        """Whether a finding is to be left out of a gate. A secret must be meant: who ignores the waste of a directory does not
        know what else is in it."""
        return self.ignores.ignores_finding(
            finding,
            self.filesystem.table,
            gate=gate,
            named=is_secret(finding.rule),
        )

    def name(self, path: int) -> str:
        """A path from the root. Not safe for a terminal."""
        return "/" + self.filesystem.table.full(path).decode(errors="surrogateescape")

    def step(self, layer: int) -> int:
        """The step that stores a layer."""
        return self.image.layers[layer].step
