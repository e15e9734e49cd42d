"""Settings: defaults, then the environment, then flags."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from layerscope.limits import Limits, parse_limits

LIMITS_VARIABLE = "LAYERSCOPE_LIMITS"
"""Limits as NAME=NUMBER, separated by commas."""


def limits_from(flags: Sequence[str], environment: Mapping[str, str] | None = None) -> Limits:
    """Limits from the environment, overridden by flags. Raises `UsageError`."""
    environment = os.environ if environment is None else environment
    inherited = tuple(
        part for part in environment.get(LIMITS_VARIABLE, "").split(",") if part.strip()
    )
    return parse_limits((*inherited, *flags))
