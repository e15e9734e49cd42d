"""Checks an image of a fleet with the rules of `ci`."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.gate.base import base_of
from layerscope.analysis.gate.config import GateConfig
from layerscope.fleet.tables import CheckRow, text_of
from layerscope.opening.check_gate import verdict_of
from layerscope.opening.opened import Opened
from layerscope.settings import RuleChoice


def check_rows(
    image: int, opened: Opened, config: GateConfig, choices: dict[str, RuleChoice]
) -> Iterator[CheckRow]:
    """The checks of one image."""
    verdict = verdict_of(opened, config, choices, base_of(opened.image, None))
    for check in verdict.checks:
        yield CheckRow(
            image=image,
            rule=check.rule,
            title=check.title,
            outcome=check.outcome.value,
            severity=check.severity.value,
            unit=check.unit.value,
            value=check.value,
            limit=check.limit,
            at_least=check.at_least,
            message=text_of(check.message),
            place=text_of(check.place),
        )
