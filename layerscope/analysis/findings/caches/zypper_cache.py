"""Metadata and packages that zypper keeps."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "zypper-cache",
    title="Cache of zypper left in",
    why="Metadata of repositories and downloaded packages are kept for the next call, which an image never makes.",
    patterns=("/var/cache/zypp/*",),
    fix=cleaned("zypper clean --all"),
)
