"""Packages that npm keeps."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "npm-cache",
    title="Cache of npm left in",
    why="npm keeps what it downloads for the next installation, which an image never makes.",
    patterns=("**/.npm/_cacache", "**/.npm/_logs", "**/.npm/_npx"),
    fix=cleaned("npm cache clean --force"),
)
