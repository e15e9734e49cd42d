"""Modules and object files that go keeps."""

from layerscope.analysis.findings.known_paths import mounted, path_rule

RULE = path_rule(
    "go-cache",
    title="Build cache or modules of Go left in",
    why="A Go program holds all that it needs: modules and object files are for building alone.",
    patterns=("**/.cache/go-build", "**/go/pkg/mod"),
    fix=mounted,
)
