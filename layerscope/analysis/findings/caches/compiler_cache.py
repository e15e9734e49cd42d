"""Object files that ccache, sccache and Bazel keep."""

from layerscope.analysis.findings.known_paths import mounted, path_rule

RULE = path_rule(
    "compiler-cache",
    title="Cache of a compiler left in",
    why="Object files are kept for the next build, which an image never makes.",
    patterns=("**/.ccache", "**/.cache/ccache", "**/.cache/sccache", "**/.cache/bazel"),
    fix=mounted,
)
