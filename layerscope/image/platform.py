"""Platforms: normalised as containerd does, matched as Docker does."""

from __future__ import annotations

import platform
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
            variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
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
            return cls.of("linux", parts[0])
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
            if self.architecture == "amd64" and (
                not self.variant or offered.variant <= self.variant
            ):
                return 1
            return 1 if not offered.variant or not self.variant else None
        if (self.architecture, offered.architecture) == ("amd64", "386"):
            return 10
        if (self.architecture, offered.architecture) == ("arm64", "arm"):
            preference = self._arm("v8", offered.variant)
            return None if preference is None else 10 + preference
        return None

    @staticmethod
    def _arm(wanted: str, offered: str) -> int | None:
        """Preference among the variants of 32-bit ARM: the same, then older ones."""
        if wanted not in _ARM_VARIANTS or offered not in _ARM_VARIANTS:
            return None
        distance = _ARM_VARIANTS.index(offered) - _ARM_VARIANTS.index(wanted)
        return distance if distance >= 0 else None
