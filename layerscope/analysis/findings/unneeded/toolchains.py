"""Toolchains of Go and Rust in an image that runs something else."""

from layerscope.analysis.findings.finding import Confidence
from layerscope.analysis.findings.known_paths import path_rule
from layerscope.analysis.findings.unneeded.runtimes import runs_something
from layerscope.analysis.findings.unneeded.stages import built_apart

RULE = path_rule(
    "toolchains",
    title="Toolchain of Go or Rust left in",
    why="What they build runs without them: copy the program into an image of its own.",
    patterns=(
        "/usr/local/go/bin",
        "/usr/local/go/pkg",
        "/usr/local/go/src",
        "/usr/lib/go-*",
        "/usr/lib/go",
        "**/.rustup/toolchains",
        "/usr/local/rustup/toolchains",
    ),
    fix=built_apart,
    when=runs_something,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
