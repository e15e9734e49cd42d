"""Platforms: normalised as containerd does, matched as Docker does."""

from __future__ import annotations

import platform

import pytest

from layerscope.errors import UsageError
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, platform_in_document


@pytest.mark.parametrize(
    ("words", "normalised"),
    [
        (("linux", "amd64"), "linux/amd64"),
        (("Linux", "X86_64"), "linux/amd64"),
        (("linux", "x86-64"), "linux/amd64"),
        (("linux", "amd64", "v1"), "linux/amd64"),
        (("linux", "amd64", "v2"), "linux/amd64/v2"),
        (("linux", "aarch64"), "linux/arm64"),
        (("linux", "aarch64", "v8"), "linux/arm64"),
        (("linux", "arm64", "8"), "linux/arm64"),
        (("linux", "arm64", "v8.0"), "linux/arm64"),
        (("linux", "arm64", "9"), "linux/arm64/v9"),
        (("linux", "arm"), "linux/arm/v7"),
        (("linux", "arm", "6"), "linux/arm/v6"),
        (("linux", "armhf"), "linux/arm/v7"),
        (("linux", "armel"), "linux/arm/v6"),
        (("linux", "armv7l"), "linux/arm/v7"),
        (("linux", "i386"), "linux/386"),
        (("linux", "i686"), "linux/386"),
        (("macOS", "arm64"), "darwin/arm64"),
        (("windows", "amd64"), "windows/amd64"),
        (("linux", "riscv64"), "linux/riscv64"),
        (("", ""), ""),
    ],
)
def test_parts_are_normalised(words: tuple[str, ...], normalised: str) -> None:
    """Different spellings of a platform are equal."""
    assert str(Platform.of(*words)) == normalised


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("arm64", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("Windows/AMD64", "windows/amd64"),
    ],
)
def test_platforms_are_parsed(text: str, normalised: str) -> None:
    """An architecture alone is accepted, too."""
    assert str(Platform.parse(text)) == normalised


def test_a_system_alone_means_this_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is how Docker interprets it."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert str(Platform.parse("windows")) == "windows/arm64"
    assert str(Platform.parse("linux")) == str(Platform.host()) == "linux/arm64"
    assert str(Platform.parse("windows(10.0.20348)")) == "windows(10.0.20348)/arm64"


@pytest.mark.parametrize(
    ("text", "version", "normalised"),
    [
        ("windows(10.0.20348)/amd64", "10.0.20348", "windows(10.0.20348)/amd64"),
        ("Windows(10.0.20348.2)/AMD64", "10.0.20348.2", "windows(10.0.20348.2)/amd64"),
        ("windows(10.0.20348)/x86_64/v1", "10.0.20348", "windows(10.0.20348)/amd64"),
        ("windows(10.0.26100)/arm64/v9", "10.0.26100", "windows(10.0.26100)/arm64/v9"),
        ("windows(10.0.17763+win32k)/amd64", "10.0.17763", "windows(10.0.17763)/amd64"),
        ("windows(10.0.17763+win32k+b)/amd64", "10.0.17763", "windows(10.0.17763)/amd64"),
        ("windows(+win32k)/amd64", "", "windows/amd64"),
        ("linux(a%2Fb%28%25)/amd64", "a/b(%", "linux(a%2Fb%28%25)/amd64"),
        ("freebsd(14.1)/amd64", "14.1", "freebsd(14.1)/amd64"),
    ],
)
def test_os_versions_are_parsed(text: str, version: str, normalised: str) -> None:
    """The syntax is containerd's; OS features after the version are ignored."""
    platform = Platform.parse(text)
    assert (platform.os_version, str(platform)) == (version, normalised)


@pytest.mark.parametrize("version", ["10.0 (x64)", "a/b", "50%", "a+b", "\x1b[31m", "é", "~"])
def test_formatted_platforms_can_be_parsed(version: str) -> None:
    """This holds for any version in an image."""
    platform = Platform.of("windows", "amd64", "", version)
    assert Platform.parse(str(platform)) == platform


MALFORMED = (
    "",
    "/",
    "linux/",
    "/amd64",
    "linux//v7",
    "a/b/c/d",
    "windows()/amd64",
    "windows(10.0.20348/amd64",
    "windows10.0.20348)/amd64",
    "windows((10.0.20348))/amd64",
    "windows(10.0.20348)x/amd64",
    "(10.0.20348)/amd64",
    "windows(10.0.20348)/",
    "windows/amd64(10.0.20348)",
    "windows(10.0.20348)(1)/amd64",
    "windows(10.0.20348+)/amd64",
    "windows(10.0.%zz)/amd64",
    "windows(10.0/20348)/amd64",
    "windows 10.0/amd64",
    "amd64(10.0.20348)",
    "linux/*",
    "linux/amd64\n",
)


@pytest.mark.parametrize("text", MALFORMED)
def test_an_invalid_platform_is_reported(text: str) -> None:
    """The hint shows the syntax."""
    with pytest.raises(UsageError, match="invalid platform") as caught:
        Platform.parse(text)
    assert "os[(os.version)]/arch[/variant]" in str(caught.value.hint)


@pytest.mark.parametrize(
    "fields",
    [
        {"os": "windows", "architecture": "amd64", "os.version": "10.0.20348.2"},
        {"Os": "windows", "Architecture": "amd64", "OsVersion": "10.0.20348.2", "Variant": ""},
        {"Os": "windows", "Arch": "amd64", "OsVersion": "10.0.20348.2"},
        {"os": "windows", "architecture": "amd64", "os.version": " 10.0.20348.2\n"},
    ],
)
def test_field_names_of_documents_and_engines_are_known(fields: dict[str, str]) -> None:
    """Configs and descriptors, Docker's inspection and Podman's list use different names."""
    assert str(platform_in_document(Lenient(fields, "x"))) == "windows(10.0.20348.2)/amd64"


@pytest.mark.parametrize("version", [7, None, ["10.0"], {}, ""])
def test_an_invalid_version_counts_as_unknown(version: object) -> None:
    """The platform is shown without it."""
    fields = {"os": "windows", "architecture": "amd64", "os.version": version}
    assert str(Platform.in_document(Lenient(fields, "x"))) == "windows/amd64"


@pytest.mark.parametrize(
    ("requested", "order"),
    [
        # This machine's level of amd64 is unknown: the base first, higher ones before another architecture.
        ("linux/amd64", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/386"]),
        ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]),
        ("linux/arm64", ["linux/arm64", "linux/arm64/v9", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm64/v9", ["linux/arm64/v9", "linux/arm64/v8.2", "linux/arm64", "linux/arm/v8"]),
        ("linux/arm/v7", ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/386", ["linux/386"]),
        ("linux/mips64le", ["linux/mips64le", "linux/mips64le/hardfloat"]),
        ("windows(10.0.20348)/amd64", ["windows(10.0.20348.2)/amd64", "windows(10.0)/amd64", "windows/amd64", "windows(10.0.20348)/386", "windows/386"]),
        ("windows(10.0.20348.2)/amd64", ["windows(10.0.20348.2)/amd64", "windows(10.0.20348)/amd64", "windows/amd64"]),
    ],
)  # fmt: skip
def test_the_nearest_platform_comes_first(requested: str, order: list[str]) -> None:
    """All platforms are accepted, in this order."""
    preferences = [Platform.parse(requested).preference(Platform.parse(text)) for text in order]
    assert None not in preferences
    assert preferences[0] == 0
    assert preferences == sorted(preferences, key=lambda preference: preference or 0)
    assert len(set(preferences)) == len(preferences)


@pytest.mark.parametrize(
    ("requested", "offered"),
    [
        ("linux/amd64", "windows/amd64"),
        ("windows(10.0.20348)/amd64", "windows(10.0.17763)/amd64"),
        ("windows(10.0.20348)/amd64", "windows(10.0.203480)/amd64"),
        ("windows(10.0.20348)/amd64", "windows(10.0.2034)/amd64"),
        ("windows(10.0.20348)/amd64", "windows(110.0.20348)/amd64"),
        ("windows(10.0.20348.2)/amd64", "windows(10.0.20348.22)/amd64"),
        ("windows(10.0.20348)/amd64", "windows(10.0.20348)/arm64"),
        ("windows(10.0.20348)/amd64", "linux(10.0.20348)/amd64"),
        ("linux/amd64", "linux/arm64"),
        ("linux/386", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v3"),
        ("linux/amd64", "linux/amd64/odd"),
        ("linux/arm/v6", "linux/arm/v7"),
        ("linux/arm/v7", "linux/arm64"),
        ("linux/arm/odd", "linux/arm/v7"),
        ("linux/arm64/v8.2", "linux/arm64/v9"),
        ("linux/mips64le/hardfloat", "linux/mips64le/softfloat"),
        ("linux/s390x", "linux/ppc64le"),
    ],
)
def test_incompatible_platforms_are_rejected(requested: str, offered: str) -> None:
    """They have another system, architecture or version, or a higher level."""
    assert Platform.parse(requested).preference(Platform.parse(offered)) is None


def test_without_a_requested_version_all_versions_are_equal() -> None:
    requested = Platform.parse("windows/amd64")
    for offered in ("windows/amd64", "windows(10.0.17763.1)/amd64", "windows(10.0.20348.2)/amd64"):
        assert requested.preference(Platform.parse(offered)) == 0
