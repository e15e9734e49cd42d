"""Platforms: normalised as containerd does, matched as Docker does."""

from __future__ import annotations

import platform

import pytest

from layerscope.errors import UsageError
from layerscope.image.platform import Platform


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


@pytest.mark.parametrize("text", ["", "/", "linux/", "/amd64", "linux//v7", "a/b/c/d"])
def test_what_is_no_platform_is_told(text: str) -> None:
    """With how to write one."""
    with pytest.raises(UsageError, match="is no platform") as caught:
        Platform.parse(text)
    assert "os/arch" in str(caught.value.hint)


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
def test_what_does_not_run_is_not_accepted(wanted: str, offered: str) -> None:
    """Another system, architecture, or more than was asked for."""
    assert Platform.parse(wanted).preference(Platform.parse(offered)) is None
