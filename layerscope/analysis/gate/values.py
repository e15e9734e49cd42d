"""Parses limits from configuration files and options."""

from __future__ import annotations

import re

from msgspec import Struct

from layerscope.configuration import WrongValueError
from layerscope.settings import parse_bytes

_NUMBER = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,9})?")
_COUNT = re.compile(r"[0-9]{1,9}")
SWITCHES: dict[object, bool] = {"on": True, "true": True, "off": False, "false": False}
MAX_PATTERNS = 1000
_MAX_PATTERN_LENGTH = 4096


def parse_share(value: object) -> float:
    """A share from 0 to 1, written as 0.9 or "90 %"."""
    share: float | None = None
    if isinstance(value, str):
        number, percent = value.strip().removesuffix("%").strip(), value.strip().endswith("%")
        if _NUMBER.fullmatch(number):
            share = float(number) / 100 if percent else float(number)
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        share = float(value)
    if share is None or not 0 <= share <= 1:
        raise WrongValueError('takes a share from 0 to 1, such as 0.9 or "90 %"')
    return share


def parse_size(value: object) -> int:
    """Bytes, from a number or a size with a unit."""
    return parse_bytes(value)


def parse_count(value: object) -> int:
    """A non-negative integer."""
    if isinstance(value, str) and _COUNT.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise WrongValueError("takes a whole number")
    return value


def parse_switch(value: object) -> bool:
    """A boolean; on or off in an option."""
    switched = SWITCHES.get(value) if isinstance(value, str) else value
    if not isinstance(switched, bool):
        raise WrongValueError("takes on or off (in a file also true or false)")
    return switched


def parse_patterns(value: object) -> tuple[str, ...]:
    """A glob, or a list of globs."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise WrongValueError("takes a quoted path or glob, or a list of them")
    for pattern in listed:
        if not isinstance(pattern, str) or not pattern.strip("/"):
            raise WrongValueError("takes a quoted path or glob, or a list of them")
        if len(pattern) > _MAX_PATTERN_LENGTH:
            raise WrongValueError(f"takes paths of at most {_MAX_PATTERN_LENGTH:,} characters")
        why = _pattern_problem(pattern)
        if why:
            raise WrongValueError(f"has `{pattern[:100]}`, which matches nothing: {why}")
    if len(listed) > MAX_PATTERNS:
        raise WrongValueError(f"takes at most {MAX_PATTERNS:,} paths")
    return tuple(listed)


def _pattern_problem(pattern: str) -> str:
    """Why a pattern matches nothing or something unintended; "" if it is fine."""
    if not pattern.strip():
        return "it is blank"
    parts = pattern.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "write the path from the root, without `//`, `.` and `..`"
    from layerscope.filesystem.components import has_open_set

    if any(map(has_open_set, parts)):
        return "unclosed `[`; write `[[]` to match the character"
    return ""


class Tolerance(Struct, frozen=True):
    """Growth to tolerate: the larger of both values."""

    bytes: int = 0
    share: float = 0.0
    """As a share of the baseline's stored bytes."""

    def allowed(self, stored: int) -> int:
        """Tolerated growth in bytes, for a baseline that stores so many."""
        return max(self.bytes, int(self.share * stored))


def parse_tolerance(value: object) -> Tolerance:
    """A size, or a share with a percent sign."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return Tolerance(share=parse_share(value))
    return Tolerance(bytes=parse_bytes(value))
