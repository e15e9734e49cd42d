"""Tests of Python packages."""

from layerscope.analysis.findings.finding import Confidence, Severity
from layerscope.analysis.findings.known_paths import path_rule, removed

RULE = path_rule(
    "python-tests",
    title="Tests of Python packages",
    why="Tests that packages install beside themselves are never run in an image.",
    patterns=(
        "**/site-packages/**/tests",
        "**/site-packages/**/test",
        "**/dist-packages/**/tests",
        "**/dist-packages/**/test",
        "/usr/lib/python3*/test",
        "/usr/local/lib/python3*/test",
    ),
    fix=removed,
    spare=("**/site-packages/numpy/testing", "**/test/support"),
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=2_000_000,
)
