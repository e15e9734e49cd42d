"""Platforms: normalised as containerd does, matched as Docker does."""

from __future__ import annotations

import platform

import pytest

from layerscope.errors import UsageError
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, stated_platform


@pytest.mark.parametrize(
    ("words", "normal"),
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
def test_words_are_normalised(words: tuple[str, ...], normal: str) -> None:
    """So that those of different writers meet."""
    assert str(Platform.of(*words)) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("arm64", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("Windows/AMD64", "windows/amd64"),
    ],
)
def test_a_platform_is_written_with_slashes(text: str, normal: str) -> None:
    """Or as an architecture alone."""
    assert str(Platform.parse(text)) == normal


def test_a_system_alone_means_this_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker has it."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert str(Platform.parse("windows")) == "windows/arm64"
    assert str(Platform.parse("linux")) == str(Platform.host()) == "linux/arm64"
    assert str(Platform.parse("windows(10.0.20348)")) == "windows(10.0.20348)/arm64"


@pytest.mark.parametrize(
    ("text", "version", "normal"),
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
def test_a_version_follows_the_system(text: str, version: str, normal: str) -> None:
    """As containerd writes it; features that follow it are read over."""
    platform = Platform.parse(text)
    assert (platform.os_version, str(platform)) == (version, normal)


@pytest.mark.parametrize("version", ["10.0 (x64)", "a/b", "50%", "a+b", "\x1b[31m", "é", "~"])
def test_a_written_platform_reads_back(version: str) -> None:
    """Whatever an image states as its version."""
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
    """With how to write one."""
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
def test_documents_and_engines_name_the_parts_differently(fields: dict[str, str]) -> None:
    """A config or descriptor, Docker's inspection, Podman's list."""
    assert str(stated_platform(Lenient(fields, "x"))) == "windows(10.0.20348.2)/amd64"


@pytest.mark.parametrize("version", [7, None, ["10.0"], {}, ""])
def test_an_invalid_version_counts_as_unknown(version: object) -> None:
    """It is left out wherever the platform is shown."""
    fields = {"os": "windows", "architecture": "amd64", "os.version": version}
    assert str(Platform.stated(Lenient(fields, "x"))) == "windows/amd64"


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        # Levels of amd64 are not known of this machine: the base first, higher ones before another architecture.
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
def test_the_nearest_platform_comes_first(wanted: str, order: list[str]) -> None:
    """In this order, all of them accepted."""
    preferences = [Platform.parse(wanted).preference(Platform.parse(text)) for text in order]
    assert None not in preferences
    assert preferences[0] == 0
    assert preferences == sorted(preferences, key=lambda preference: preference or 0)
    assert len(set(preferences)) == len(preferences)


@pytest.mark.parametrize(
    ("wanted", "offered"),
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
def test_incompatible_platforms_are_rejected(wanted: str, offered: str) -> None:
    """Another system, architecture, or more than was asked for."""
    assert Platform.parse(wanted).preference(Platform.parse(offered)) is None


def test_without_a_version_all_versions_are_alike() -> None:
    """All are equally good."""
    wanted = Platform.parse("windows/amd64")
    for offered in ("windows/amd64", "windows(10.0.17763.1)/amd64", "windows(10.0.20348.2)/amd64"):
        assert wanted.preference(Platform.parse(offered)) == 0
