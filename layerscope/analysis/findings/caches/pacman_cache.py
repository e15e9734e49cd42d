"""Packages and databases that pacman keeps."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "pacman-cache",
    title="Cache of pacman left in",
    why="Downloaded packages and databases of repositories are kept for the next call, which an image never makes.",
    patterns=("/var/cache/pacman/pkg/*", "/var/lib/pacman/sync/*"),
    fix=cleaned("rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*"),
)
