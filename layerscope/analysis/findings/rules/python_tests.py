"""Tests of Python packages."""

from layerscope.analysis.findings.deleting import find_by_name
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.fixes import run_and, shell_word
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule
from layerscope.filesystem.paths import subtree_counts
from layerscope.words import Confidence, Severity

_KEPT = "support"
"""The part of Python's package `test` that other tests use."""


def _deleted(place: Place) -> Fix:
    """Delete them where they are, except paths that are not claimed."""
    evidence, tops = place.evidence, place.topmost_paths()
    kept = evidence.live_under(f"**/test/{_KEPT}")
    spare = subtree_counts(evidence.filesystem.table, kept)[tops] > 0
    commands = [
        f"find {shell_word(evidence.name(top))} -mindepth 1 -maxdepth 1 ! -name {_KEPT} -exec rm -rf {{}} +"
        for top in tops[spare].tolist()
    ]
    if not spare.all():
        commands.insert(0, find_by_name(evidence, tops[~spare], ["tests", "test"], "d"))
    return not_copied(place) or run_and(place.evidence, place.step, " && ".join(commands))


RULE = path_rule(
    "python-tests",
    title="Tests of Python packages",
    why="Tests that packages install are never run in an image.",
    wrong="Some packages import helpers from their tests: start the application once without them before you publish.",
    patterns=(
        "**/site-packages/**/tests",
        "**/site-packages/**/test",
        "**/dist-packages/**/tests",
        "**/dist-packages/**/test",
        "/usr/lib/python3*/test",
        "/usr/local/lib/python3*/test",
    ),
    runs=r"pytest|py\.test|tox|nox|python[\d.]* -m (?:pytest|unittest|tox|nox)",
    fix=_deleted,
    spare=("**/site-packages/numpy/testing", "**/test/support"),
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=2_000_000,
)
