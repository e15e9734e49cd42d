"""Differences between the configs of two images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from layerscope.image.model import Image
from layerscope.image.secret_names import is_secret
from layerscope.image.secret_spans import MASK, masked
from layerscope.text import safe_name

Value = str | tuple[str, ...]


class ConfigDifference(Struct, frozen=True):
    """A setting that differs. All text comes from the images: not safe for a terminal."""

    field: str
    """Its name in the JSON report: env, entrypoint, cmd, user, workingDir, labels, exposedPorts, volumes; or platform."""
    name: str | None
    """Which variable, label, port or volume; None for settings with a single value."""
    old: Value | None
    """None if the old image has none."""
    new: Value | None


def shown_value(name: str | None, value: Value) -> str:
    """A value on one line, safe to show, lists as in a Dockerfile. Secrets are masked. `name` is that of a variable or label."""
    if not isinstance(value, str):
        return safe_name(masked(json.dumps(value, ensure_ascii=False), "CMD"))
    return MASK if name is not None and is_secret(name, value) else safe_name(masked(value))


def compare_config(old: Image, new: Image) -> list[ConfigDifference]:
    """All differences, field by field, names in order."""
    old_config, new_config = old.config, new.config
    single: list[tuple[str, Value | None, Value | None]] = [
        ("platform", str(old.platform) or None, str(new.platform) or None),
        ("entrypoint", old_config.entrypoint or None, new_config.entrypoint or None),
        ("cmd", old_config.cmd or None, new_config.cmd or None),
        ("user", old_config.user or None, new_config.user or None),
        ("workingDir", old_config.working_dir or None, new_config.working_dir or None),
    ]
    named: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = [
        ("env", _variables(old_config.env), _variables(new_config.env)),
        ("labels", old_config.labels, new_config.labels),
        ("exposedPorts", _present(old_config.exposed_ports), _present(new_config.exposed_ports)),
        ("volumes", _present(old_config.volumes), _present(new_config.volumes)),
    ]
    differences = [
        ConfigDifference(field, None, before, after)
        for field, before, after in single
        if before != after
    ]
    for field, before, after in named:
        differences += _differences(field, before, after)
    return differences


def _differences(
    field: str, old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[ConfigDifference]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield ConfigDifference(field, name, old.get(name), new.get(name))


def _variables(env: Iterable[str]) -> dict[str, str]:
    """Environment variables by name; the last one of a name counts."""
    return {name: value for name, _, value in (variable.partition("=") for variable in env)}


def _present(names: Iterable[str]) -> dict[str, str]:
    """Items that are present or not, without values."""
    return dict.fromkeys(names, "")
