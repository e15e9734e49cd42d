"""`.dive-ci`: dive's three rules, with dive's meaning and defaults, and our exact figures.

The YAML is composed, never constructed: tags have no effect, and an alias is the node that it names. Keys beside `rules` are
ignored with a warning; dive ignores them, too, and its own example has `plugins`. msgspec is not used: every value is text in
dive's notation, every key has two spellings, and an error shows the one that was written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.verdict import GateWarning
from layerscope.configuration import WrongValueError, unknown_key
from layerscope.errors import UsageError

NAME = ".dive-ci"
OTHER_NAMES = (".dive-ci.yaml", ".dive-ci.yml")
"""Other common names: dive reads any file given with `--ci-config`."""

KEYS = {
    "lowestEfficiency": "min-efficiency",
    "highestWastedBytes": "max-wasted",
    "highestUserWastedPercent": "max-user-wasted-percent",
}
"""Gate rules by dive key; newer versions write the keys with hyphens."""
_NAMES = {
    **{key: key for key in KEYS},
    **{re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", key): key for key in KEYS},
}
_DEFAULTS = {"min-efficiency": 0.9, "max-user-wasted-percent": 0.1}
"""Defaults of dive."""

_SHAPE = "expected `rules:` with dive's keys below it"
_SIZE = re.compile(r"([0-9][0-9,]{0,20}(?:\.[0-9]{1,9})?)\s*([kmgtp]?)(i?)b?", re.IGNORECASE)
_SHARE = re.compile(r"[0-9]{0,9}(?:\.[0-9]{0,20})?")


def parse_dive(text: str, file: str) -> GateConfig:
    """The gate configuration of a dive file. Raises `UsageError` with file and line."""
    limits: dict[str, Any] = {rule.name: None for rule in RULES} | _DEFAULTS
    places: dict[str, str] = {}
    unread: list[GateWarning] = []
    for key, rules, place in _pairs(_compose(text, file), file):
        if key.lower() != "rules":
            unread.append(_unread_warning(key, place))
            continue
        for name, value, place in _pairs(rules, file):
            if name not in _NAMES:
                raise unknown_key(place, name, list(KEYS))
            if isinstance(value.value, list):
                raise UsageError(f"{_place(value, file)}: {_SHAPE}")
            gate = KEYS[_NAMES[name]]
            places[gate] = place
            try:
                limits[gate] = _limit(_NAMES[name], value.value)
            except WrongValueError as error:
                raise UsageError(f"{place}: `{name}` {error}") from None
    return GateConfig(
        limits=limits, wasted_floor=0, places=places, source=file, source_kind="dive", warnings=tuple(unread)
    )  # fmt: skip


def _limit(key: str, value: str) -> float | int | None:
    if value == "disabled":
        return None
    if key == "highestWastedBytes":
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise WrongValueError("takes a size such as 20MB, or disabled")
        power = " kmgtp".index(match[2].lower() or " ")
        return int(Decimal(match[1].replace(",", "")) * (1024 if match[3] else 1000) ** power)
    share = float(value) if _SHARE.fullmatch(value) and any(map(str.isdigit, value)) else 2.0
    if share > 1:
        raise WrongValueError("takes a share from 0 to 1, such as 0.9, or disabled")
    return share


def _unread_warning(key: str, place: str) -> GateWarning:
    """The warning about a key next to `rules`."""
    message = f"`{key}` has no effect: only keys below `rules` are read"
    if key in _NAMES:
        message = f"`{key}` has no effect here: write it below `rules`"
    elif difflib.get_close_matches(key.lower(), ["rules"]):
        message += "; did you mean rules?"
    return GateWarning("config-key-unused", message, place)


def _compose(text: str, file: str) -> Any:
    """The root node of a YAML document; None if it is empty. Raises `UsageError` with file and line."""
    import yaml

    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = (
            getattr(error, "problem", None) or getattr(error, "reason", None) or "invalid YAML"
        )
        if problem == "but found another document":
            problem = "only one YAML document is supported"
        raise UsageError(f"{file}{where}: {problem}") from None
    except RecursionError:
        depths = [line.count("[") + line.count("{") for line in text.splitlines()]
        deepest = depths.index(max(depths)) + 1
        raise UsageError(f"{file}, line {deepest}: nested too deeply") from None


def _pairs(node: Any, file: str) -> Iterator[tuple[str, Any, str]]:
    """Keys, value nodes and places of a mapping; nothing of an empty node. Raises `UsageError`."""
    if node is None or node.value in ("", "~", "null"):
        return  # also if all of it is commented out
    if node.id != "mapping":
        raise UsageError(f"{_place(node, file)}: {_SHAPE}")
    seen = set()
    for key, value in node.value:
        place = _place(key, file)
        if key.id != "scalar":
            raise UsageError(f"{place}: {_SHAPE}")
        same = "rules" if key.value.lower() == "rules" else _NAMES.get(key.value, key.value)
        if same in seen:
            raise UsageError(f"{place}: `{key.value}` is set twice")
        seen.add(same)
        yield key.value, value, place


def _place(node: Any, file: str) -> str:
    return f"{file}, line {node.start_mark.line + 1}"
