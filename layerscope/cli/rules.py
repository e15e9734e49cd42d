"""`layerscope rules`: lists the rules for findings, with their settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.output_options import format_option

if TYPE_CHECKING:
    from layerscope.settings import RuleChoice


@click.command()
@format_option()
def rules(format_name: str) -> None:
    """List the rules for findings.

    In brackets: the equivalent rules of hadolint and checks of BuildKit.

    To turn off or tune one, use [rules.NAME] in the configuration file: enabled = false, min-bytes = "1 MB", severity = "error".
    """
    from layerscope.cli.options import settings_of
    from layerscope.text import size

    rows = rules_document(settings_of({}).rules)
    if format_name == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    click.echo(f"{'rule':<{width}}  {'severity':<8}  {'from':>8}  finds")
    for row in rows:
        threshold = size(row["minBytes"])
        codes = f"  ({', '.join(row['codes'])})" if row["codes"] else ""
        state = "" if row["enabled"] else "  (off)"
        click.echo(
            f"{row['name']:<{width}}  {row['severity']:<8}  {threshold:>8}  {row['title']}{codes}{state}"
        )


def rules_document(choices: Mapping[str, RuleChoice]) -> list[dict[str, Any]]:
    """All rules as plain data, with the user's settings by rule."""
    from layerscope.analysis.findings.rules import RULES
    from layerscope.settings import RuleChoice

    rows: list[dict[str, Any]] = []
    for rule in RULES:
        choice = choices.get(rule.name, RuleChoice())
        rows.append(
            {
                "name": rule.name,
                "title": rule.title,
                "severity": choice.severity or rule.severity.value,
                "confidence": rule.confidence.value,
                "minBytes": rule.min_bytes if choice.min_bytes is None else choice.min_bytes,
                "enabled": choice.enabled,
                "why": rule.why,
                "finds": rule.finds,
                "places": list(rule.places),
                "wrong": rule.wrong,
                "codes": list(rule.codes),
                "helpUri": rule.page,
            }
        )
    return rows
