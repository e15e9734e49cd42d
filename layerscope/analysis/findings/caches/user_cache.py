"""Other caches below a home directory."""

from layerscope.analysis.findings.known_paths import path_rule, removed
from layerscope.words import Confidence

_KNOWN = (
    *("pip", "uv", "pypoetry", "pipenv", "pdm", "yarn", "pnpm", "go-build", "coursier", "composer"),
    *("ccache", "sccache", "bazel"),
)
"""Caches that have a rule of their own."""
_WANTED = (
    *("huggingface", "torch", "whisper", "modelscope", "clip", "sentence_transformers", "doctr"),
    *("ms-playwright", "puppeteer", "Cypress", "selenium", "electron"),
)
"""Models and browsers that are put there on purpose."""

RULE = path_rule(
    "user-cache",
    title="Other caches in a home directory",
    why="Programs keep in ~/.cache what they can make or download again.",
    patterns=("/root/.cache/*", "/home/*/.cache/*"),
    fix=removed,
    spare=(
        *(f"**/.cache/{known}" for known in _KNOWN),
        *(f"**/.cache/{wanted}" for wanted in _WANTED),
    ),
    confidence=Confidence.LOW,
    min_bytes=1_000_000,
)
