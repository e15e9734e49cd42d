"""Debug symbols beside programs."""

from layerscope.analysis.findings.known_paths import path_rule, removed
from layerscope.words import Confidence

RULE = path_rule(
    "debug-symbols",
    title="Debug symbols left in",
    why="Only debuggers read them, and they can be kept elsewhere.",
    patterns=("/usr/lib/debug/*", "*.debug", "*.pdb", "*.dSYM"),
    fix=removed,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
