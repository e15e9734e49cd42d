"""`.dive-ci`: dive's three rules, with dive's meaning and defaults, and our exact figures.

Read as a stream of events: nothing is constructed, aliases are refused, and nothing nests. What stands beside `rules` is
passed over with a warning, as dive passes over it: its own example has `plugins`.
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

_NESTING = 100
"""Maximum nesting of skipped values."""
_SIZE = re.compile(r"([0-9][0-9,]{0,20}(?:\.[0-9]{1,9})?)\s*([kmgtp]?)(i?)b?", re.IGNORECASE)
_SHARE = re.compile(r"[0-9]{0,9}(?:\.[0-9]{0,20})?")


def parse_dive(text: str, file: str) -> GateConfig:
    """The gate configuration of a dive file. Raises `UsageError` with file and line."""
    limits: dict[str, Any] = {rule.name: None for rule in RULES} | _DEFAULTS
    places: dict[str, str] = {}
    unread: list[GateWarning] = []
    for key, value, line in _pairs(text, file, unread):
        place, name = f"{file}, line {line}", _NAMES[key]
        if KEYS[name] in places:
            raise UsageError(f"{place}: `{key}` is set twice")
        places[KEYS[name]] = place
        try:
            limits[KEYS[name]] = _limit(name, value)
        except WrongValueError as error:
            raise UsageError(f"{place}: `{key}` {error}") from None
    return GateConfig(
        limits=limits, wasted_floor=0, places=places, source=file, source_kind="dive", warnings=tuple(unread)
    )  # fmt: skip


def _limit(key: str, value: str) -> float | int | None:
    if value == "disabled":
        return None
    if key == "highestWastedBytes":
        found = _SIZE.fullmatch(value.strip())
        if found is None:
            raise WrongValueError("takes a size such as 20MB, or disabled")
        power = " kmgtp".index(found[2].lower() or " ")
        return int(Decimal(found[1].replace(",", "")) * (1024 if found[3] else 1000) ** power)
    share = float(value) if _SHARE.fullmatch(value) and any(map(str.isdigit, value)) else 2.0
    if share > 1:
        raise WrongValueError("takes a share from 0 to 1, such as 0.9, or disabled")
    return share


def _unread(key: str, place: str) -> GateWarning:
    """The warning about a key next to `rules`."""
    said = f"`{key}` has no effect: only keys below `rules` are read"
    if key in _NAMES:
        said = f"`{key}` has no effect here: write it below `rules`"
    elif difflib.get_close_matches(key.lower(), ["rules"]):
        said += "; did you mean rules?"
    return GateWarning("config-key-unused", said, place)


def _passed_over(events: Iterator[Any]) -> bool:
    """Skip the events of one node; False if it is nested too deeply."""
    import yaml

    inside = 0
    for event in events:
        inside += isinstance(event, yaml.CollectionStartEvent)
        inside -= isinstance(event, yaml.CollectionEndEvent)
        if not 0 < inside <= _NESTING:
            break
    return not inside


def _pairs(text: str, file: str, unread: list[GateWarning]) -> Iterator[tuple[str, str, int]]:
    """Known keys below `rules` with values and lines. Adds a warning to `unread` for each key next to it."""
    import yaml

    def line_of(event: Any) -> int:
        return int(event.start_mark.line) + 1

    def fail(event: Any, said: str) -> UsageError:
        return UsageError(f"{file}, line {line_of(event)}: {said}")

    shape = "expected `rules:` with dive's keys below it"
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        depth, key = 0, None
        documents = 0
        tops: set[str] = set()
        for event in events:
            if isinstance(
                event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent
            ):
                continue
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise fail(event, "only one YAML document is supported")
            elif isinstance(event, yaml.MappingStartEvent):
                depth += 1
                if depth > 2 or (depth == 2 and key != "rules"):
                    raise fail(event, shape)
                key = None
            elif isinstance(event, yaml.MappingEndEvent):
                depth -= 1
                key = None
            elif isinstance(event, yaml.ScalarEvent):
                if depth == 0 and not event.value:
                    continue  # an empty file: dive's defaults
                if depth == 0:
                    raise fail(event, shape)
                if key is None:
                    key, line = event.value, line_of(event)
                    if depth > 1 and key not in _NAMES:
                        raise unknown_key(f"{file}, line {line}", key, list(KEYS))
                    if depth > 1:
                        continue
                    top = "rules" if key.lower() == "rules" else key  # dive takes it in any case
                    if top in tops:
                        raise fail(event, f"`{key}` is set twice")
                    tops.add(top)
                    key = top
                    if key != "rules":
                        unread.append(_unread(key, f"{file}, line {line}"))
                        if not _passed_over(events):
                            raise fail(event, f"`{key}` is nested too deeply")
                        key = None
                elif depth == 1 and event.value in ("", "~", "null"):
                    key = None  # all of its rules are commented out
                elif depth == 1:
                    raise fail(event, shape)
                else:
                    yield key, event.value, line
                    key = None
            elif isinstance(event, yaml.AliasEvent):
                raise fail(event, "YAML aliases are not supported")
            else:
                raise fail(event, shape)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or "invalid YAML"
        raise UsageError(f"{file}{where}: {said}") from None
    except RecursionError:
        raise UsageError(f"{file}: nested too deeply") from None
