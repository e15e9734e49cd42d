"""Packages that Poetry, Pipenv and PDM keep."""

from layerscope.analysis.findings.known_paths import mounted, path_rule

RULE = path_rule(
    "poetry-cache",
    title="Cache of Poetry, Pipenv or PDM left in",
    why="Downloaded packages are kept for the next installation, which an image never makes.",
    patterns=("**/.cache/pypoetry", "**/.cache/pipenv", "**/.cache/pdm"),
    fix=mounted,
)
