"""Platforms: normalised as containerd does, matched as Docker does."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass

from layerscope.errors import UsageError

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
}
_DEFAULT_VARIANTS = {("amd64", "v1"), ("arm64", "v8"), ("arm64", "8"), ("arm64", "v8.0")}
_ARM_VARIANTS = ("v8", "v7", "v6", "v5")
_LEVELS = {"amd64": "v1", "arm64": "v8"}
"""Architectures whose variants each run what those below it do, and the lowest."""
_SYSTEMS = frozenset(("linux", "windows", "darwin", "macos", "freebsd"))
_LEVELS_ABOVE = 1_000_000
_OTHER = 10_000_000
"""Preferences of what may not run, and of what another architecture runs in its stead."""


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a processor, normalised; empty text where the image says nothing."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "") -> Platform:
        """A platform from the words that writers use."""
        os, architecture, variant = os.lower(), architecture.lower(), variant.lower()
        os = {"macos": "darwin"}.get(os, os)
        architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
        variant = variant or implied
        if (architecture, variant) in _DEFAULT_VARIANTS:
            variant = ""
        if architecture == "arm":
            variant = variant or "v7"
        if architecture in ("arm", "arm64") and variant[:1].isdecimal():
            variant = f"v{variant}"
        return cls(os, architecture, variant)

    @classmethod
    def parse(cls, text: str) -> Platform:
        """A platform as `--platform` gives it: os/arch[/variant], or an architecture alone."""
        parts = text.split("/")
        if not all(parts) or len(parts) > 3:
            raise UsageError(
                f"{text!r} is no platform", hint="write os/arch[/variant], such as linux/arm64/v8"
            )
        if len(parts) == 1:
            known = parts[0].lower() in _SYSTEMS
            return cls.of(*((text, platform.machine()) if known else ("linux", text)))
        return cls.of(*parts)

    @classmethod
    def host(cls) -> Platform:
        """What images run on here: Linux on this machine's processor."""
        return cls.of("linux", platform.machine())

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def preference(self, offered: Platform) -> int | None:
        """How well an image for `offered` runs where this platform is wanted: 0 is best, None is not at all."""
        if offered.os != self.os:
            return None
        if offered.architecture == self.architecture:
            if offered.variant == self.variant:
                return 0
            if self.architecture == "arm":
                return self._arm(self.variant, offered.variant)
            if self.architecture in _LEVELS:
                return self._level(offered)
            return 1 if not offered.variant or not self.variant else None
        if (self.architecture, offered.architecture) == ("amd64", "386"):
            return _OTHER
        if (self.architecture, offered.architecture) == ("arm64", "arm"):
            preference = self._arm("v8", offered.variant)
            return None if preference is None else _OTHER + preference
        return None

    def _level(self, offered: Platform) -> int | None:
        """Preference among levels of one architecture: the nearest one below.

        Which levels this machine has is not known, so that where none was asked for, those above are taken last.
        """
        wanted, found = _level(self), _level(offered)
        if wanted is None or found is None:
            return None
        if found <= wanted:
            return wanted - found
        return None if self.variant else _LEVELS_ABOVE + found - wanted

    @staticmethod
    def _arm(wanted: str, offered: str) -> int | None:
        """Preference among the variants of 32-bit ARM: the same, then older ones."""
        if wanted not in _ARM_VARIANTS or offered not in _ARM_VARIANTS:
            return None
        distance = _ARM_VARIANTS.index(offered) - _ARM_VARIANTS.index(wanted)
        return distance if distance >= 0 else None


def _level(of: Platform) -> int | None:
    """A variant such as v3 or v8.2 as a number that grows with it; None for other words."""
    found = re.fullmatch(r"v(\d{1,3})(?:\.(\d{1,3}))?", of.variant or _LEVELS[of.architecture])
    return None if found is None else 1000 * int(found[1]) + int(found[2] or 0)
