"""`.layerscope.toml`: limits in `[ci]`, exceptions in `[[ignore]]`, severities of findings in `[rules.NAME]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from layerscope.analysis.findings.rules import RULES as FINDING_RULES
from layerscope.analysis.findings.rules import check_rules
from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.config import GateConfig, known_keys, unknown_key
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.values import parse_patterns, parse_switch
from layerscope.errors import UsageError
from layerscope.settings import WrongValueError, parse_rules
from layerscope.toml_text import key_lines, parse_toml_text

NAME = ".layerscope.toml"
TABLES = ("ci", "ignore", "rules")
IGNORE_KEYS = ("path", "rule", "layer", "base-image", "reason")
_DIGEST = re.compile(r"(?:sha256|sha512):[0-9a-f]{8,128}")


def parse_toml(text: str, file: str) -> GateConfig:
    """The gate configuration in `text`. Raises `UsageError` with file and line."""
    table = parse_toml_text(text, file)
    lines = _Lines(file, text)
    for key, value in table.items():
        if key not in TABLES:
            raise unknown_key(lines.place(key), key, list(TABLES))
        wanted, words = (list, "[[ignore]]") if key == "ignore" else (dict, f"[{key}]")
        if not isinstance(value, wanted):
            raise UsageError(f"{lines.place(key)}: `{key}` must be written as {words}")
    config = _limits(table.get("ci", {}), lines)
    try:
        rules = parse_rules(table.get("rules", {}))
    except WrongValueError as error:
        dotted = f"rules.{error.key}" if error.key else "rules"
        raise UsageError(f"{lines.place(dotted)}: `{dotted}` {error}") from None
    check_rules(rules, lambda name: lines.place(f"rules.{name}"))
    ignores = tuple(
        _ignore(entry, number, lines) for number, entry in enumerate(table.get("ignore", []))
    )
    places = {**config.places, **{name: lines.place(f"rules.{name}") for name in rules}}
    return GateConfig(
        **{
            **vars(config),
            "rules": rules,
            "ignores": ignores,
            "places": places,
            "source": file,
            "source_kind": "layerscope",
        }
    )


class _Lines:
    """The lines of keys in a file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._lines = key_lines(text)

    def place(self, key: str) -> str:
        """File and line of a dotted key, or of the closest table that contains it."""
        while key and key not in self._lines:
            key = key.rpartition(".")[0]
        return f"{self.file}, line {self._lines[key]}" if key else self.file


def _limits(table: Mapping[str, object], lines: _Lines) -> GateConfig:
    for key in table:
        if key not in known_keys():
            raise unknown_key(lines.place(f"ci.{key}"), key, known_keys())
    places = {key: lines.place(f"ci.{key}") for key in table}
    try:
        return GateConfig().with_values(table, places)
    except WrongValueError as error:
        raise UsageError(f"{places[error.key]}: `{error.key}` {error}") from None


def _ignore(entry: object, number: int, lines: _Lines) -> Ignore:
    table = f"ignore.{number}"
    place = lines.place(table)
    if not isinstance(entry, dict):
        raise UsageError(f"{place}: `ignore` must be written as [[ignore]]")
    values: dict[str, Any] = {"place": place}
    for key, value in entry.items():
        here = lines.place(f"{table}.{key}")
        if key not in IGNORE_KEYS:
            raise unknown_key(here, key, list(IGNORE_KEYS))
        try:
            if key == "path":
                values["paths"] = _paths(value)
            elif key == "rule":
                values["rules"] = _rules(value, here)
            elif key == "layer":
                values["layers"] = _layers(value)
            elif key == "base-image":
                values["base_image"] = parse_switch(value)
            elif not isinstance(value, str):
                raise WrongValueError("takes a quoted string")
        except WrongValueError as error:
            raise UsageError(f"{here}: `{key}` {error}") from None
    ignore = Ignore(**values)
    if not (ignore.paths or ignore.rules or ignore.layers or ignore.base_image):
        raise UsageError(
            f"{place}: this ignores nothing", hint="it needs path, rule, layer or base-image = true"
        )
    gates = [rule.name for rule in RULES if rule.name in ignore.rules]
    if gates and not (ignore.paths or ignore.layers or ignore.base_image):
        raise UsageError(
            f"{place}: this would ignore all of {gates[0]}",
            hint=f"add path, layer or base-image = true, or turn the rule off: {gates[0]} = false",
        )
    return ignore


def _paths(value: object) -> tuple[str, ...]:
    for pattern in value if isinstance(value, list) else [value]:
        if isinstance(pattern, str) and pattern and not pattern.strip("/"):
            raise WrongValueError(f"`{pattern}` would ignore everything: name a path below it")
    return parse_patterns(value)


def _rules(value: object, place: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(x, str) for x in listed):
        raise WrongValueError("takes a quoted rule name, or a list of them")
    gates = {rule.name: rule for rule in RULES}
    for name in listed:
        if name in gates and not gates[name].ignorable:
            raise WrongValueError(f"cannot be {name}: it counts the whole image")
        if name not in gates and name not in (rule.name for rule in FINDING_RULES):
            check_rules([name], lambda _: place)
    return tuple(listed)


def _layers(value: object) -> tuple[int | str, ...]:
    listed = value if isinstance(value, list) else [value]
    for layer in listed:
        number = isinstance(layer, int) and not isinstance(layer, bool) and layer >= 0
        if not number and not (isinstance(layer, str) and _DIGEST.fullmatch(layer)):
            raise WrongValueError(
                "takes a layer number, or sha256: with the first 8 or more digits of a digest"
            )
    if not listed:
        raise WrongValueError("takes a layer number, a digest, or a list of them")
    return tuple(listed)
