"""The user's configuration of a gate: limits, exceptions, and where each was set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.values import parse_size
from layerscope.configuration import WrongValueError
from layerscope.words import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from layerscope.analysis.gate.ignores import Ignore
    from layerscope.analysis.gate.verdict import GateWarning
    from layerscope.settings import RuleChoice

WASTED_FLOOR = 20_000_000
"""Wasted bytes up to which percentages are ignored, so that small images cause no noise."""


def _fail_on(value: object) -> Severity:
    if value not in (Severity.ERROR, Severity.WARNING):
        raise WrongValueError('takes "error" or "warning"')
    return Severity(str(value))


def _base(value: object) -> int | str:
    """A number of layers, or the name of an image."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return value
    if not isinstance(value, str) or value in ("", "-") or len(value) > 4096:
        raise WrongValueError("takes a number of layers, or the name of an image in quotes")
    return value


OPTIONS: dict[str, tuple[Callable[[object], Any], str, str]] = {
    "wasted-floor": (parse_size, "SIZE", "Ignore percentages up to this many wasted bytes."),
    "fail-on": (
        _fail_on,
        "error|warning",
        "Lowest severity of findings that fails: error or warning.",
    ),
    "base": (_base, "N|IMAGE", "The base image, or its number of layers."),
}
"""Gate settings other than rules: parser, metavar and help."""


FLEET_LIMITS: dict[str, tuple[str, str]] = {
    "max-stored": ("Bytes stored", "Maximum bytes of all distinct layers together."),
    "max-wasted": ("Wasted bytes", "Maximum bytes of distinct layers that no image shows."),
    "max-avoidable": ("Avoidable bytes", "Maximum bytes of distinct layers that no image needs."),
}
"""Limits of many images together, each a size: title and help."""


class GateConfig(Struct, frozen=True, dict=True):
    """A validated gate configuration."""

    limits: Mapping[str, Any] = field(
        default_factory=lambda: {rule.name: rule.default for rule in RULES}
    )
    """By rule; None if it is off."""
    wasted_floor: int = WASTED_FLOOR
    fail_on: Severity = Severity.ERROR
    base: int | str | None = None
    """The number of base image layers, or the name of the base image; None to guess."""
    rules: Mapping[str, RuleChoice] = field(default_factory=dict)
    """Settings of finding rules."""
    ignores: tuple[Ignore, ...] = ()
    fleet: Mapping[str, int] = field(default_factory=dict)
    """Those of `FLEET_LIMITS` that are set, in bytes."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where each key was set: file and line, or the option."""
    source: str = "defaults"
    source_kind: str = "defaults"
    """`layerscope`, `dive` or `defaults`."""
    warnings: tuple[GateWarning, ...] = ()

    def place(self, key: str) -> str:
        """Where a key was set."""
        return self.places.get(key, "default")

    def with_values(self, values: Mapping[str, object], places: Mapping[str, str]) -> GateConfig:
        """A copy with these values; `False` and "off" turn a rule off. Raises `WrongValueError` with the key."""
        limits, options = dict(self.limits), {}
        parsers = {rule.name: rule.parse for rule in RULES}
        for key, value in values.items():
            try:
                if key in OPTIONS:
                    options[key.replace("-", "_")] = OPTIONS[key][0](value)
                elif value is False or value == "off":
                    limits[key] = None
                else:
                    limits[key] = parsers[key](value)
            except WrongValueError as error:
                raise WrongValueError(str(error), key) from None
        return replace(self, limits=limits, places={**self.places, **places}, **options)

    def with_fleet_limits(
        self, values: Mapping[str, object], places: Mapping[str, str]
    ) -> GateConfig:
        """A copy with these limits of many images; `False` and "off" turn one off. Raises `WrongValueError` with the key."""
        limits = dict(self.fleet)
        for key, value in values.items():
            limits.pop(key, None)
            try:
                if value is not False and value != "off":
                    limits[key] = parse_size(value)
            except WrongValueError as error:
                raise WrongValueError(str(error), key) from None
        fleet_places = {fleet_key(key): place for key, place in places.items()}
        return replace(self, fleet=limits, places={**self.places, **fleet_places})


def fleet_key(key: str) -> str:
    """The key of a limit of many images among all places."""
    return f"fleet.{key}"


def known_keys() -> list[str]:
    """All keys of `[ci]`."""
    return [*(rule.name for rule in RULES), *OPTIONS]
