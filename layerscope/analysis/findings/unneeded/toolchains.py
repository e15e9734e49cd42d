"""Toolchains of Go and Rust in an image that runs something else."""

from layerscope.analysis.findings.unneeded.stages import build_rule

RULE = build_rule(
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
)
