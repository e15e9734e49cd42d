"""Packages that Composer keeps."""

from layerscope.analysis.findings.known_paths import mounted, path_rule, with_option

RULE = path_rule(
    "composer-cache",
    title="Cache of Composer left in",
    why="Composer keeps what it downloads for the next installation, which an image never makes.",
    patterns=("**/.composer/cache", "**/.cache/composer"),
    fix=with_option("composer install", "--no-cache", mounted),
)
