"""The input of gate rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from layerscope.analysis.findings.finding import Finding, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerscope.analysis.findings.rule import Rule
    from layerscope.analysis.gate.baseline import Baseline
    from layerscope.analysis.gate.ignores import Ignores
    from layerscope.analysis.gate.ledger import Ledger
    from layerscope.analysis.gate.verdict import GateWarning
    from layerscope.filesystem.model import Filesystem
    from layerscope.image.model import Image
    from layerscope.words import Severity


class Case(Struct, frozen=True):
    """One image and the configuration of the gate."""

    image: Image
    filesystem: Filesystem
    ledger: Ledger
    ignores: Ignores
    findings: Sequence[Finding]
    finding_rules: Sequence[Rule]
    """Finding rules that ran."""
    base_known: bool
    """Whether the end of the base image is known."""
    wasted_floor: int
    """Wasted bytes up to which percentages are ignored."""
    fail_on: Severity
    """The lowest severity that fails the gate."""
    separate_secrets: bool
    """Whether secrets are checked by `no-secrets`."""
    places: Mapping[str, str]
    """Where each limit was set."""
    baseline: Baseline | None = None
    warnings: list[GateWarning] = field(default_factory=list)
    """Warnings added by rules."""

    def place(self, rule: str) -> str:
        """Where the limit of a rule was set."""
        return self.places.get(rule, "default")

    def ignored(self, finding: Finding, gate: str) -> bool:
        """Whether to leave a finding out of the gate. A secret is ignored only by an entry that names its rule: an entry for the
        waste of a directory does not cover secrets in it.
        """
        return self.ignores.ignores_finding(
            finding,
            self.filesystem.table,
            gate=gate,
            explicit=is_secret(finding.rule),
        )

    def name(self, path: int) -> str:
        """A path from the root. Not safe for a terminal."""
        return "/" + self.filesystem.table.full(path).decode(errors="surrogateescape")

    def step(self, layer: int) -> int:
        """The step that stores a layer."""
        return self.image.layers[layer].step
