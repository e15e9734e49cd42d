"""The gate of a fleet: which images fail the rules of `ci`, and limits for all of them together."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from layerscope.analysis.gate.config import FLEET_LIMITS, GateConfig, fleet_key
from layerscope.analysis.gate.verdict import Check, Outcome, Unit
from layerscope.fleet.answers.model import FleetTotals
from layerscope.fleet.results import Results
from layerscope.fleet.tables import CheckRow
from layerscope.text import count_of
from layerscope.words import Severity

_FIGURES = {
    "max-stored": "stored_once_bytes",
    "max-wasted": "wasted_once_bytes",
    "max-avoidable": "avoidable_once_bytes",
}


class FleetVerdict(Struct, frozen=True):
    """Whether a fleet passes."""

    checks: tuple[Check, ...]
    """Checks of the whole fleet."""
    failed_images: dict[int, list[str]]
    """The rules that images fail, by number of the image."""
    checked_images: int
    """Number of images that were checked individually."""
    source: str
    """The configuration file, or `defaults`."""

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed_images and not self.failed_checks

    @property
    def failed_checks(self) -> list[Check]:
        """Failed checks of the whole fleet."""
        return [check for check in self.checks if check.outcome is Outcome.FAIL]

    def failure(self) -> str:
        """The failed checks as a sentence, without a full stop."""
        parts = [check.rule for check in self.failed_checks]
        if self.failed_images:
            rules = {rule: None for failed in self.failed_images.values() for rule in failed}
            shown = ", ".join([*rules][:5]) + (", …" if len(rules) > 5 else "")
            parts.append(f"{count_of(len(self.failed_images), 'image')} ({shown})")
        return f"failed: {', '.join(parts)}"


def decide(config: GateConfig, totals: FleetTotals, results: Results) -> FleetVerdict:
    """The verdict on a fleet whose images were checked."""
    failed: dict[int, list[str]] = {}
    checked = 0
    for image in range(results.images):
        rows = results.of_image(CheckRow, image)
        checked += bool(rows)
        rules = [row.rule for row in rows if row.outcome == Outcome.FAIL]
        if rules:
            failed[image] = rules
    return FleetVerdict(tuple(_checks(config, totals)), failed, checked, config.source)


def _checks(config: GateConfig, totals: FleetTotals) -> Iterator[Check]:
    for name, (title, _) in FLEET_LIMITS.items():
        limit = config.fleet.get(name)
        if limit is not None:
            value = getattr(totals, _FIGURES[name])
            yield Check(
                rule=name,
                title=title,
                outcome=Outcome.FAIL if value > limit else Outcome.PASS,
                severity=Severity.ERROR,
                unit=Unit.BYTES,
                value=value,
                limit=limit,
                place=config.place(fleet_key(name)),
            )
