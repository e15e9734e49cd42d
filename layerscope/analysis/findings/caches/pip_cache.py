"""Wheels and responses that pip keeps."""

from layerscope.analysis.findings.known_paths import mounted, path_rule, with_option

RULE = path_rule(
    "pip-cache",
    title="Cache of pip left in",
    why="pip keeps what it downloads and builds for the next installation, which an image never makes.",
    patterns=("**/.cache/pip",),
    fix=with_option(r"pip[\d.]* install", "--no-cache-dir", mounted),
)
