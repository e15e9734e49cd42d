"""Crates that cargo downloaded."""

from layerscope.analysis.findings.known_paths import mounted, path_rule

RULE = path_rule(
    "cargo-registry",
    title="Registry of cargo left in",
    why="A Rust program holds all that it needs: sources of crates are for building alone.",
    patterns=(
        "**/.cargo/registry",
        "**/.cargo/git",
        "/usr/local/cargo/registry",
        "/usr/local/cargo/git",
    ),
    fix=mounted,
)
