"""Settings: defaults, then the configuration file, then the environment, then flags."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct, field

from layerscope.configuration import Table, WrongValueError, convert
from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.limits import Limits, parse_limits
from layerscope.toml_text import Places, key_lines, parse_toml_text

CONFIG_VARIABLE = "LAYERSCOPE_CONFIG"
"""The configuration file to use instead of the default."""
LIMITS_VARIABLE = "LAYERSCOPE_LIMITS"
"""Limits as NAME=NUMBER, separated by commas."""
THEME_VARIABLE = "LAYERSCOPE_THEME"
"""The theme's name."""

MAX_BYTES = 1 << 20
"""Maximum size of a configuration file in bytes."""

Sort = Literal["size", "name", "change", "layer"]
Mode = Literal["changes", "all"]
Preset = Literal["dive"]
"""Key bindings of other programs."""
Column = Literal["mode", "owner", "mtime", "layer", "share", "percent"]
"""Columns of the file tree that can be chosen, from left to right."""
SeverityName = Literal["error", "warning", "note"]
"""Severities of findings."""
Remote = Literal["ask", "always", "never"]
"""Whether names without a scheme are looked up in registries; `ask` needs a terminal."""
SORTS, MODES, PRESETS, COLUMNS, SEVERITIES, REMOTES = map(
    get_args, (Sort, Mode, Preset, Column, SeverityName, Remote)
)

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kKMGT]?i?B)?")
_UNITS = {
    f"{prefix}{binary}B".upper(): (1024 if binary else 1000) ** power
    for power, prefix in enumerate(("", "k", "M", "G", "T"))
    for binary in ("", "i")
}


class RuleChoice(Struct, frozen=True):
    """The user's settings of one rule."""

    enabled: bool = True
    min_bytes: int | None = None
    """Smaller findings are dropped, in bytes; None for the rule's own threshold."""
    severity: str | None = None
    """One of `SEVERITIES`; None for the rule's own."""


class _File(Table, frozen=True):
    """The configuration file. None means not set: the last choice in the program applies."""

    theme: Annotated[
        Annotated[str, Meta(min_length=1)] | None, Meta(description="must be a string in quotes")
    ] = None
    columns: Annotated[
        tuple[Column, ...] | None,
        Meta(description=f"must be a list of: {', '.join(COLUMNS)}"),
    ] = None
    sort: Annotated[Sort | None, Meta(description=f"must be one of: {', '.join(SORTS)}")] = None
    mode: Annotated[Mode | None, Meta(description=f"must be one of: {', '.join(MODES)}")] = None
    binary: Annotated[bool, Meta(description="must be true or false")] = False
    """Sizes in MiB instead of MB."""
    remote: Annotated[Remote, Meta(description=f"must be one of: {', '.join(REMOTES)}")] = "ask"
    """Whether an image that is not on this machine is looked up in its registry."""
    limits: Annotated[
        Mapping[str, Any], Meta(description="must be a table such as { layers = 500 }")
    ] = field(default_factory=dict)
    keys: Annotated[
        Mapping[str, Any], Meta(description="must be a table such as { 'files.toggle' = \"o\" }")
    ] = field(default_factory=dict)
    rules: Annotated[
        Mapping[str, Any], Meta(description="must be a table such as { apt-lists = false }")
    ] = field(default_factory=dict)


class Settings(_File, frozen=True):
    """The user's settings; limits by name, keys as written by command id, rules by name."""

    limits: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key_preset: Preset | None = None
    rules: Mapping[str, RuleChoice] = field(default_factory=dict)
    places: Places = Places("", {})
    theme_place: str = ""
    """The flag or variable that overrides the theme of the file; empty if none does."""

    def place(self, key: str) -> str:
        """Where a key is set, for errors."""
        return (key == "theme" and self.theme_place) or self.places.of(key)


def limits_from(
    flags: Sequence[str],
    environment: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> Limits:
    """Limits from the configuration, overridden by the environment, overridden by flags. Raises `UsageError`."""
    environment = os.environ if environment is None else environment
    configured = () if settings is None else (f"{k}={v}" for k, v in settings.limits.items())
    inherited = (part for part in environment.get(LIMITS_VARIABLE, "").split(",") if part.strip())
    return parse_limits((*configured, *inherited, *flags))


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of file and environment. Raises `UsageError` that names file and line."""
    environment = os.environ if environment is None else environment
    path = config_file(environment)
    try:
        text = read_file(path, MAX_BYTES).decode()
    except (FileNotFoundError, NotADirectoryError):
        if environment.get(CONFIG_VARIABLE):
            raise UsageError(f"{path}: no such file", hint=f"${CONFIG_VARIABLE} names it") from None
        text = ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: not UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    return parse_settings(text, str(path), environment.get(THEME_VARIABLE) or None)


def config_file(environment: Mapping[str, str]) -> Path:
    """The path of the user's configuration, existing or not."""
    path = environment.get(CONFIG_VARIABLE)
    if path:
        return Path(path)
    from platformdirs import user_config_path

    return user_config_path("layerscope") / "config.toml"


def parse_settings(text: str, file: str, theme: str | None = None) -> Settings:
    """The settings of a configuration text; `theme` overrides its theme. Raises `UsageError`."""
    table = parse_toml_text(text, file)
    places = Places(file, key_lines(text))
    file_values = convert(table, _File, places.of)
    convert(file_values.limits, _Limits, places.of, "limits")
    values = msgspec.structs.asdict(file_values) | {
        "columns": file_values.columns
        and tuple(name for name in COLUMNS if name in file_values.columns),
        "keys": _keys({k: v for k, v in file_values.keys.items() if k != _PRESET}, places),
        "key_preset": _preset(file_values.keys.get(_PRESET), places),
        "rules": parse_rules(file_values.rules, places),
    }
    if theme is not None:
        values |= {"theme": theme, "theme_place": f"${THEME_VARIABLE}"}
    return Settings(**values, places=places)


_Number = Annotated[int, Meta(ge=0, lt=10**18, description="must be a number of 0 or more")]
_Limits = msgspec.defstruct(
    "_Limits",
    [(limit, _Number, 0) for limit in Limits.__struct_fields__],
    bases=(Table,),
    rename=str,
)


_PRESET = "preset"


def _preset(name: object, places: Places) -> str | None:
    """The name of a key preset. Raises `UsageError` for an unknown one."""
    takes = f"must be one of: {', '.join(PRESETS)}"
    return None if name is None else convert(name, Preset, places.of, f"keys.{_PRESET}", takes)


def _keys(table: Mapping[str, Any], places: Places) -> dict[str, tuple[str, ...]]:
    """Keys by command id. To TOML, `files.toggle` is a nested table unless it is quoted."""
    flat: dict[str, Any] = {}
    for name, item in table.items():
        if isinstance(item, dict):
            flat |= {f"{name}.{suffix}": keys for suffix, keys in item.items()}
        else:
            flat[name] = item
    kind = Annotated[tuple[str, ...], Meta(min_length=1)]
    return {
        name: convert(
            [keys] if isinstance(keys, str) else keys,
            kind,
            places.of,
            f"keys.{name}",
            "must be a key or a list of keys, in quotes",
        )
        for name, keys in flat.items()
    }


class _Rule(Table, frozen=True):
    """The settings of one rule in a file."""

    enabled: Annotated[bool | Literal["on", "off"], Meta(description="must be true or false")] = (
        True
    )
    min_bytes: Size | None = None
    severity: Annotated[
        SeverityName | Literal["off"] | None,
        Meta(description=f"must be one of: {', '.join(SEVERITIES)}, off"),
    ] = None

    def choice(self) -> RuleChoice:
        """The settings as `RuleChoice`."""
        off = self.enabled in (False, "off") or self.severity == "off"
        severity = None if self.severity == "off" else self.severity
        return RuleChoice(enabled=not off, min_bytes=self.min_bytes, severity=severity)


def parse_rules(table: Mapping[str, Any], places: Places) -> dict[str, RuleChoice]:
    """Settings by rule: `[rules.NAME]` with enabled, min-bytes, severity; or `NAME = false`, or "off". Does not check whether a rule
    exists. Raises `UsageError`."""
    choices = {}
    for name, item in table.items():
        takes = 'must be false, "off", or a table such as { severity = "error" }'
        given = {"enabled": item} if isinstance(item, bool) or item in ("on", "off") else item
        rule = convert(given, _Rule, places.of, f"rules.{name}", takes)
        choices[name] = rule.choice()
    return choices


class Size(int):
    """A number of bytes."""

    @classmethod
    def parse(cls, value: object) -> Size:
        """The result of `parse_bytes`."""
        return cls(parse_bytes(value))


def parse_bytes(value: object) -> int:
    """A number of bytes, or a size with a unit: "10 MB", "1.5GiB". Raises `WrongValueError`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise WrongValueError('must be a number of bytes or a size such as "10 MB"')
    factor = _UNITS[(match[2] or "B").upper()]
    return int(Decimal(match[1]) * factor)
