"""Packages that apt downloaded and installed, and its binary caches."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "apt-archives",
    title="Downloads and caches of apt left in",
    why="Once a package is installed its .deb file is of no use, and apt makes its binary caches anew.",
    patterns=(
        "/var/cache/apt/archives/*.deb",
        "/var/cache/apt/archives/partial/*",
        "/var/cache/apt/*.bin",
    ),
    fix=cleaned("apt-get clean"),
)
