"""Settings: defaults, then the configuration file, then the environment, then flags."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.limits import Limits, parse_limits
from layerscope.toml_text import key_lines, parse_toml_text

CONFIG_VARIABLE = "LAYERSCOPE_CONFIG"
"""A configuration file in place of the user's."""
LIMITS_VARIABLE = "LAYERSCOPE_LIMITS"
"""Limits as NAME=NUMBER, separated by commas."""
THEME_VARIABLE = "LAYERSCOPE_THEME"
"""The theme's name."""

MAX_BYTES = 256 << 10
"""Maximum size of the configuration file in bytes."""

SORTS = ("size", "name", "change", "layer")
MODES = ("changes", "all")
COLUMNS = ("mode", "owner", "mtime", "layer", "share", "percent")
"""Columns of the file tree that can be chosen, from left to right."""

MAX_BYTES = 1 << 20
"""Maximum size of a configuration file in bytes."""

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kKMGT]?i?B)?")
_UNITS = {
    f"{prefix}{binary}B".upper(): (1024 if binary else 1000) ** power
    for power, prefix in enumerate(("", "k", "M", "G", "T"))
    for binary in ("", "i")
}

SEVERITIES = ("error", "warning", "note")
"""Severities of findings."""


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """The user's settings of one rule."""

    enabled: bool = True
    min_bytes: int | None = None
    """Findings of fewer bytes are dropped; None for the rule's own threshold."""
    severity: str | None = None
    """One of `SEVERITIES`; None for the rule's own."""


@dataclass(frozen=True)
class Settings:
    """The user's settings. None means not set: the last choice in the program applies."""

    theme: str | None = None
    columns: tuple[str, ...] | None = None
    """Of `COLUMNS`."""
    sort: str | None = None
    """One of `SORTS`."""
    mode: str | None = None
    """One of `MODES`."""
    binary: bool = False
    """Sizes in MiB instead of MB."""
    limits: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys by command id, as written."""
    rules: Mapping[str, RuleChoice] = field(default_factory=dict)
    """By the rule's name."""
    file: str = ""
    """The file they were read from."""
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    """The line of each dotted key."""

    def place(self, key: str) -> str:
        """Where a key is set, for errors."""
        line = self.lines.get(key)
        return f"{self.file}, line {line}" if line else self.file or f"${THEME_VARIABLE}"


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
    given = environment.get(CONFIG_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("layerscope") / "config.toml"


def parse_settings(text: str, file: str, theme: str | None = None) -> Settings:
    """The settings of a configuration text; `theme` overrides its theme. Raises `UsageError`."""
    table = parse_toml_text(text, file)
    lines = key_lines(text)
    values: dict[str, Any] = {}
    checks: dict[str, Callable[[object], Any]] = {
        "theme": _text,
        "columns": _columns,
        "sort": lambda value: _choice(value, SORTS),
        "mode": lambda value: _choice(value, MODES),
        "binary": _switch,
        "limits": _limits,
        "keys": _keys,
        "rules": parse_rules,
    }
    for key, value in table.items():
        if key not in checks:
            raise UsageError(
                f"{_at(file, lines, key)}: unknown setting `{key}`",
                hint=f"expected one of: {', '.join(checks)}",
            )
        try:
            values[key] = checks[key](value)
        except WrongValueError as error:
            dotted = f"{key}.{error.key}" if error.key else key
            raise UsageError(f"{_at(file, lines, dotted)}: `{dotted}` {error}") from None
    if theme is not None:
        values["theme"] = theme
        lines.pop("theme", None)
    return Settings(**values, file=file, lines=lines)


class WrongValueError(Exception):
    """A value of the wrong kind; `key` is which one inside its table."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise WrongValueError("must be a string in quotes")
    return value


def _switch(value: object, key: str = "") -> bool:
    if not isinstance(value, bool):
        raise WrongValueError("must be true or false", key)
    return value


def _choice(value: object, choices: Sequence[str], key: str = "") -> str:
    if value not in choices:
        raise WrongValueError(f"must be one of: {', '.join(choices)}", key)
    return str(value)


def _columns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or any(item not in COLUMNS for item in value):
        raise WrongValueError(f"must be a list of: {', '.join(COLUMNS)}")
    return tuple(column for column in COLUMNS if column in value)


def _limits(value: object) -> dict[str, int]:
    known = [field.name for field in fields(Limits)]
    limits = {}
    for name, number in _table(value, "a table such as { layers = 500 }").items():
        if name not in known:
            raise WrongValueError(f"is not a limit; expected one of: {', '.join(known)}", name)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**18:
            raise WrongValueError("must be a number of 0 or more", name)
        limits[name] = number
    return limits


def _keys(value: object) -> dict[str, tuple[str, ...]]:
    """Keys by command id; `files.toggle` is a table in a table for TOML unless it stands in quotes."""
    keys: dict[str, tuple[str, ...]] = {}
    for name, item in _table(value, "a table such as { 'files.toggle' = \"o\" }").items():
        inner = (
            {f"{name}.{rest}": one for rest, one in item.items()}
            if isinstance(item, dict)
            else {name: item}
        )
        for identifier, written in inner.items():
            listed = [written] if isinstance(written, str) else written
            if (
                not isinstance(listed, list)
                or not listed
                or not all(isinstance(key, str) for key in listed)
            ):
                raise WrongValueError("must be a key or a list of keys, in quotes", identifier)
            keys[identifier] = tuple(listed)
    return keys


_RULE = 'false, or a table such as { severity = "error" }'


def parse_rules(value: object) -> dict[str, RuleChoice]:
    """Settings by rule: `[rules.NAME]` with enabled, min-bytes, severity; or `NAME = false`. Whether a rule exists is not
    checked here. Raises `WrongValueError`."""
    choices = {}
    for name, item in _table(value, "a table such as { apt-lists = false }").items():
        if isinstance(item, bool):
            choices[name] = RuleChoice(enabled=item)
            continue
        values: dict[str, Any] = {}
        for key, given in _table(item, _RULE, name).items():
            dotted = f"{name}.{key}"
            if key == "enabled":
                values["enabled"] = _switch(given, dotted)
            elif key == "severity":
                values["severity"] = _choice(given, SEVERITIES, dotted)
            elif key == "min-bytes":
                values["min_bytes"] = parse_bytes(given, dotted)
            else:
                raise WrongValueError(
                    "is not a setting of a rule; expected one of: enabled, min-bytes, severity",
                    dotted,
                )
        choices[name] = RuleChoice(**values)
    return choices


def parse_bytes(value: object, key: str = "") -> int:
    """A number of bytes, or a size with a unit: "10 MB", "1.5GiB". Raises `WrongValueError`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise WrongValueError('must be a number of bytes or a size such as "10 MB"', key)
    factor = _UNITS[(found[2] or "B").upper()]
    return int(Decimal(found[1]) * factor)


def _table(value: object, takes: str, key: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(f"must be {takes}", key)
    return value


def _at(file: str, lines: Mapping[str, int], key: str) -> str:
    while key and key not in lines:
        key = key.rpartition(".")[0]
    line = lines.get(key)
    return f"{file}, line {line}" if line else file
