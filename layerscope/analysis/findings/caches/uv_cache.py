"""Packages that uv keeps."""

from layerscope.analysis.findings.known_paths import mounted, path_rule

RULE = path_rule(
    "uv-cache",
    title="Cache of uv left in",
    why="uv keeps what it downloads for the next installation; what it linked into the environment is not counted here.",
    patterns=("**/.cache/uv",),
    fix=mounted,
)
