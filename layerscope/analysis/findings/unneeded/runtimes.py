"""Whether an image is there to run something, or to build."""

from __future__ import annotations

from layerscope.analysis.evidence import Evidence

_BUILDERS = frozenset(
    (
        "gcc",
        "g++",
        "cc",
        "c++",
        "clang",
        "make",
        "cmake",
        "ninja",
        "cargo",
        "rustc",
        "go",
        "bazel",
        "mvn",
        "gradle",
    )
)


def runs_something(evidence: Evidence) -> bool:
    """Whether the image starts a program that is no compiler and no build tool; shells alone do not count."""
    config = evidence.image.config
    words = [*config.entrypoint, *config.cmd]
    names = [word.rpartition("/")[2] for word in words[:3]]
    if not names or _BUILDERS & set(names):
        return False
    return not all(name in _SHELLS or name.startswith("-") for name in names)


_SHELLS = frozenset(
    ("sh", "bash", "ash", "dash", "zsh", "fish", "tini", "docker-entrypoint.sh", "")
)
