"""Platforms: normalised and written as containerd does (its package platforms), matched as Docker does."""

from __future__ import annotations

import platform
import re
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import UsageError
from layerscope.image.documents import Lenient

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
"""Architectures whose variants are levels that include all lower ones, with the lowest level."""
_SYSTEMS = frozenset(("linux", "windows", "darwin", "macos", "freebsd"))
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_SYSTEM = re.compile(
    r"(?P<os>[A-Za-z0-9_-]+)"
    r"(?:\((?=[^)])(?P<version>(?:[A-Za-z0-9_.-]|%[0-9A-Fa-f]{2})*)(?:\+(?:[A-Za-z0-9_.-]|%[0-9A-Fa-f]{2})+)*\))?"
)
"""An operating system with its version and features, each preceded by `+`."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_LEVELS_ABOVE = 1_000_000
_OTHER = 10_000_000
"""Preference values of images that may not run, and of images for another, compatible architecture."""
_VERSION_RANKS = 3
"""Number of preference values among versions of one system."""


class Platform(Struct, frozen=True):
    """An operating system and an architecture, normalised; empty text if unknown."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    """The version of Windows, as containers run only on hosts of the same build: major.minor.build.revision."""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "", os_version: str = "") -> Platform:
        """A platform from unnormalised parts."""
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
        return cls(os, architecture, variant, os_version.strip())

    @classmethod
    def in_document(cls, fields: Lenient) -> Platform:
        """The platform in a config, a descriptor's `platform`, or an engine's answer."""
        return cls.of(
            fields.text("os") or "",
            fields.text("architecture") or fields.text("arch") or "",
            fields.text("variant") or "",
            fields.text("os.version") or fields.text("OsVersion") or "",
        )

    @classmethod
    def parse(cls, text: str) -> Platform:
        """A platform as `--platform` gives it: os[(os.version)]/arch[/variant], or a system or an architecture alone.

        OS features, as in windows(10.0.20348+win32k), are ignored. Raises `UsageError`.
        """
        parts = text.split("/")
        system = _SYSTEM.fullmatch(parts[0])
        if len(parts) == 1:
            if system is not None and system["os"].lower() in _SYSTEMS:
                parts.append(platform.machine())
            elif _WORD.fullmatch(text):
                return cls.of("linux", text)
        if system is None or len(parts) not in (2, 3) or not all(map(_WORD.fullmatch, parts[1:])):
            raise UsageError(
                f"invalid platform: {text!r}",
                hint="expected os[(os.version)]/arch[/variant], such as linux/arm64/v8 or 'windows(10.0.20348)/amd64'",
            )
        _, architecture, variant = [*parts, ""][:3]
        return cls.of(system["os"], architecture, variant, unquote(system["version"] or ""))

    @classmethod
    def host(cls) -> Platform:
        """This machine's platform for images: Linux on its architecture."""
        return cls.of("linux", platform.machine())

    def __str__(self) -> str:
        """In the syntax of `parse`; special characters in versions are percent-encoded."""
        version = _UNSAFE.sub(_percent_encoded, self.os_version)
        system = f"{self.os}({version})" if version else self.os
        return "/".join(part for part in (system, self.architecture, self.variant) if part)

    def with_version(self, other: Platform) -> Platform:
        """The same platform, with the version of `other` if this one has none and both have the same OS."""
        if self.os_version or self.os != other.os:
            return self
        return replace(self, os_version=other.os_version)

    def without_version(self) -> Platform:
        """The same platform without an OS version."""
        return replace(self, os_version="")

    def fields(self) -> dict[str, str]:
        """Its parts under their OCI names, empty ones included."""
        return {
            "os": self.os,
            "os.version": self.os_version,
            "architecture": self.architecture,
            "variant": self.variant,
        }

    def preference(self, available: Platform) -> int | None:
        """How well an image for `available` fits this requested platform: 0 is best, None does not fit."""
        if available.os != self.os:
            return None
        version, processor = (
            self._version_preference(available),
            self._processor_preference(available),
        )
        if version is None or processor is None:
            return None
        return processor * _VERSION_RANKS + version

    def _version_preference(self, available: Platform) -> int | None:
        """Preference among versions: those that start with the components of the wanted one, then less exact ones, then no version."""
        if not self.os_version:
            return 0
        if not available.os_version:
            return 2
        wanted, offered = self.os_version.split("."), available.os_version.split(".")
        if offered[: len(wanted)] == wanted:
            return 0
        return 1 if wanted[: len(offered)] == offered else None

    def _processor_preference(self, available: Platform) -> int | None:
        """Preference among architectures and their variants."""
        if available.architecture == self.architecture:
            if available.variant == self.variant:
                return 0
            if self.architecture == "arm":
                return self._arm_preference(self.variant, available.variant)
            if self.architecture in _LEVELS:
                return self._level(available)
            return 1 if not available.variant or not self.variant else None
        if (self.architecture, available.architecture) == ("amd64", "386"):
            return _OTHER
        if (self.architecture, available.architecture) == ("arm64", "arm"):
            preference = self._arm_preference("v8", available.variant)
            return None if preference is None else _OTHER + preference
        return None

    def _level(self, available: Platform) -> int | None:
        """Preference among levels of one architecture: the nearest one below.

        This machine's level is unknown, so without a requested level, higher ones come last.
        """
        wanted, found = _level(self), _level(available)
        if wanted is None or found is None:
            return None
        if found <= wanted:
            return wanted - found
        return None if self.variant else _LEVELS_ABOVE + found - wanted

    @staticmethod
    def _arm_preference(wanted: str, available: str) -> int | None:
        """Preference among the variants of 32-bit ARM: the same, then older ones."""
        if wanted not in _ARM_VARIANTS or available not in _ARM_VARIANTS:
            return None
        distance = _ARM_VARIANTS.index(available) - _ARM_VARIANTS.index(wanted)
        return distance if distance >= 0 else None


def platform_in_document(fields: Lenient) -> Platform | None:
    """The platform in a document; None without an architecture."""
    platform = Platform.in_document(fields)
    return platform if platform.architecture else None


def _percent_encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode(errors="surrogatepass"))


def _level(platform: Platform) -> int | None:
    """A variant such as v3 or v8.2 as a number that grows with it; None for other words."""
    match = re.fullmatch(
        r"v(\d{1,3})(?:\.(\d{1,3}))?", platform.variant or _LEVELS[platform.architecture]
    )
    return None if match is None else 1000 * int(match[1]) + int(match[2] or 0)
