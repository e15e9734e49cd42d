"""Packages that Yarn keeps."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "yarn-cache",
    title="Cache of Yarn left in",
    why="Yarn keeps what it downloads for the next installation, which an image never makes.",
    patterns=("**/.cache/yarn", "**/.yarn/berry/cache"),
    fix=cleaned("yarn cache clean"),
)
