"""Options of the gate, one for each rule and setting; they override the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from msgspec.structs import replace

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.config import OPTIONS, GateConfig
from layerscope.analysis.gate.values import SWITCHES
from layerscope.configuration import WrongValueError
from layerscope.errors import UsageError
from layerscope.settings import SEVERITIES, RuleChoice

_Function = TypeVar("_Function", bound=Callable[..., Any])


def gate_options(function: _Function) -> _Function:
    """Add an option for each rule of the gate, and `--rule` for finding rules."""
    options = [
        click.option(
            f"--{rule.name}",
            metavar=rule.metavar,
            multiple=rule.repeated,
            help=rule.help,
        )
        for rule in RULES
    ]
    options += [
        click.option(f"--{name}", metavar=metavar, help=help_text)
        for name, (_, metavar, help_text) in OPTIONS.items()
    ]
    options.append(
        click.option(
            "--rule",
            metavar="NAME=SEVERITY",
            multiple=True,
            help="Set the severity of a finding rule: error, warning, note or off.",
        )
    )
    for option in reversed(options):
        function = option(function)
    return function


def with_flags(config: GateConfig, params: dict[str, Any]) -> GateConfig:
    """A configuration with the options of `gate_options` applied. Raises `UsageError`."""
    names = [*(rule.name for rule in RULES), *OPTIONS]
    values = {}
    for name in names:
        value = params.pop(name.replace("-", "_"))
        if value is not None and value != ():
            # A repeatable option with the single value "off" turns the rule off, like any other option.
            word = value[0] if isinstance(value, tuple) and len(value) == 1 else value
            values[name] = SWITCHES.get(word, value)
    try:
        config = config.with_values(values, {name: f"--{name}" for name in values})
    except WrongValueError as error:
        raise UsageError(f"--{error.key} {error}") from None
    words = params.pop("rule")
    for word in words if values.get("findings") is False else ():
        heard = word.endswith(("=off", "=false")) or (
            word.startswith("secret-") and config.limits["no-secrets"]
        )
        if not heard:
            raise UsageError(f"--rule {word} has no effect with --findings off")
    return replace(config, **_rules(config, words))


def _rules(config: GateConfig, words: tuple[str, ...]) -> dict[str, Any]:
    from layerscope.analysis.findings.rules import check_rules

    rules, places = dict(config.rules), dict(config.places)
    for word in words:
        name, equals, severity = word.partition("=")
        if not equals or severity not in (*SEVERITIES, "off", "false"):
            raise UsageError(
                f"--rule {word}: expected NAME=SEVERITY",
                hint=f"severities: {', '.join(SEVERITIES)}, off",
            )
        check_rules([name], lambda name: f"--rule {name}")
        old = rules.get(name, RuleChoice())
        if severity in ("off", "false"):
            rules[name] = replace(old, enabled=False)
        else:
            rules[name] = replace(old, enabled=True, severity=severity)
        places[name] = f"--rule {word}"
    return {"rules": rules, "places": places}
