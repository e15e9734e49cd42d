"""Tests of Python packages."""

import numpy as np

from layerscope.analysis.findings.deleting import files_of_lower_layers, found_by_name
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.fixes import shell_word
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule
from layerscope.filesystem.paths import subtree_counts
from layerscope.words import Confidence, Severity

_KEPT = "support"
"""The part of Python's package `test` that other tests use."""


def _deleted(place: Place) -> Fix:
    """Delete them where they are, except paths that are not claimed."""
    copied = not_copied(place)
    if copied is not None:
        return copied
    evidence, layer, tops = place.evidence, place.group.layer, place.topmost_paths()
    kept = evidence.live_under(f"**/test/{_KEPT}")
    spare = subtree_counts(evidence.filesystem.table, kept)[tops] > 0
    below = subtree_counts(evidence.filesystem.table, files_of_lower_layers(evidence, layer))
    if (below[tops[spare]] > 0).any():
        return place.deletion_fix("")
    commands = [
        f"find {shell_word(evidence.name(top))} -mindepth 1 -maxdepth 1 ! -name {_KEPT} -exec rm -rf {{}} +"
        for top in tops[spare].tolist()
    ]
    if not spare.all():
        created = place.created_paths()
        created = created[~evidence.selector.below(tops[spare].astype(np.int64))[created]]
        command = found_by_name(evidence, layer, created, ["tests", "test"], "d")
        if not command:
            return place.deletion_fix("")
        commands.insert(0, command)
    return place.deletion_fix(" && ".join(commands))


RULE = path_rule(
    "python-tests",
    title="Tests of Python packages",
    why="Tests that packages install are never run in an image.",
    wrong="Some packages import helpers from their tests: try the application without them before you publish.",
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
