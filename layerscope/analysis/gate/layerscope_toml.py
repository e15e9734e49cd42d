"""`.layerscope.toml`: limits in `[ci]` and `[fleet]`, exceptions in `[[ignore]]`, severities of findings in `[rules.NAME]`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field
from msgspec.structs import replace

from layerscope.analysis.findings.rules import check_rules
from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.config import FLEET_LIMITS, GateConfig, known_keys
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.values import SWITCHES, parse_patterns
from layerscope.configuration import Table, WrongValueError, convert, unknown_key
from layerscope.errors import UsageError
from layerscope.settings import parse_rules
from layerscope.toml_text import Places, key_lines, parse_toml_text

NAME = ".layerscope.toml"


class File(Table, frozen=True):
    """The tables of the file."""

    ci: Annotated[dict[str, Any], Meta(description="must be written as [ci]")] = field(
        default_factory=dict
    )
    fleet: Annotated[dict[str, Any], Meta(description="must be written as [fleet]")] = field(
        default_factory=dict
    )
    ignore: Annotated[list[dict[str, Any]], Meta(description="must be written as [[ignore]]")] = (
        field(default_factory=list)
    )
    rules: Annotated[dict[str, Any], Meta(description="must be written as [rules]")] = field(
        default_factory=dict
    )


class _Patterns(tuple[str, ...]):
    """Globs of paths, none of which is the root."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> _Patterns:
        """From a glob or a list of them. Raises `WrongValueError`."""
        for pattern in value if isinstance(value, list) else [value]:
            if isinstance(pattern, str) and pattern and not pattern.strip("/"):
                raise WrongValueError(f"`{pattern}` would ignore everything: name a path below it")
        return cls(parse_patterns(value))


_Number = Annotated[int, Meta(ge=0)]
_Digest = Annotated[str, Meta(pattern=r"^(?:sha256|sha512):[0-9a-f]{8,128}\Z")]


class Entry(Table, frozen=True):
    """One `[[ignore]]`."""

    path: _Patterns = _Patterns()
    rule: Annotated[
        str | Annotated[tuple[str, ...], Meta(min_length=1)],
        Meta(description="takes a quoted rule name, or a list of them"),
    ] = ()
    layer: Annotated[
        _Number | _Digest | Annotated[tuple[_Number | _Digest, ...], Meta(min_length=1)],
        Meta(
            description="takes a layer number, sha256: and the first 8 or more digits of a digest, or a list of them"
        ),
    ] = ()
    base_image: Annotated[
        bool | Literal["on", "off", "true", "false"],
        Meta(description="takes on or off (in a file also true or false)"),
    ] = False
    reason: Annotated[str, Meta(description="takes a quoted string")] = ""


def parse_toml(text: str, file: str) -> GateConfig:
    """The gate configuration in `text`. Raises `UsageError` with file and line."""
    document = parse_toml_text(text, file)
    places = Places(file, key_lines(text))
    table = convert(document, File, places.of)
    config = _fleet_limits(_limits(table.ci, places), table.fleet, places)
    rules = parse_rules(table.rules, places)
    check_rules(rules, lambda name: places.of(f"rules.{name}"))
    return replace(
        config,
        rules=rules,
        ignores=tuple(_ignore(entry, number, places) for number, entry in enumerate(table.ignore)),
        places={**config.places, **{name: places.of(f"rules.{name}") for name in rules}},
        source=file,
        source_kind="layerscope",
    )


def _limits(table: dict[str, Any], places: Places) -> GateConfig:
    for key in table:
        if key not in known_keys():
            raise unknown_key(places.of(f"ci.{key}"), key, known_keys())
    where = {key: places.of(f"ci.{key}") for key in table}
    try:
        return GateConfig().with_values(table, where)
    except WrongValueError as error:
        raise UsageError(f"{where[error.key]}: `{error.key}` {error}") from None


def _fleet_limits(config: GateConfig, table: dict[str, Any], places: Places) -> GateConfig:
    for key in table:
        if key not in FLEET_LIMITS:
            raise unknown_key(places.of(f"fleet.{key}"), key, list(FLEET_LIMITS))
    where = {key: places.of(f"fleet.{key}") for key in table}
    try:
        return config.with_fleet_limits(table, where)
    except WrongValueError as error:
        raise UsageError(f"{where[error.key]}: `{error.key}` {error}") from None


def _ignore(table: dict[str, Any], number: int, places: Places) -> Ignore:
    def place(key: str = "") -> str:
        return places.of(f"ignore.{number}.{key}")

    entry = convert(table, Entry, place)
    ignore = Ignore(
        paths=entry.path,
        rules=(entry.rule,) if isinstance(entry.rule, str) else entry.rule,
        layers=entry.layer if isinstance(entry.layer, tuple) else (entry.layer,),
        base_image=SWITCHES.get(entry.base_image, entry.base_image),
        place=place(),
    )
    gates = [rule for rule in RULES if rule.name in ignore.rules]
    for rule in gates:
        if not rule.ignorable:
            raise UsageError(
                f"{place('rule')}: `rule` cannot be {rule.name}: it counts the whole image"
            )
    names = {rule.name for rule in gates}
    check_rules((name for name in ignore.rules if name not in names), lambda _: place("rule"))
    if not (ignore.paths or ignore.rules or ignore.layers or ignore.base_image):
        raise UsageError(
            f"{place()}: this ignores nothing",
            hint="it needs path, rule, layer or base-image = true",
        )
    if gates and not (ignore.paths or ignore.layers or ignore.base_image):
        name = gates[0].name
        raise UsageError(
            f"{place()}: this would ignore all of {name}",
            hint=f"add path, layer or base-image = true, or turn the rule off: {name} = false",
        )
    return ignore
