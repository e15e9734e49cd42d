"""Source maps of JavaScript and CSS."""

from layerscope.analysis.findings.deleting import found_by_name
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule
from layerscope.words import Confidence, Severity


def _deleted(place: Place) -> Fix:
    """Delete them in the same RUN, in the deepest directories that hold them."""
    return not_copied(place) or place.deletion_fix(
        found_by_name(place.evidence, place.group.layer, place.created_paths(), _NAMES, "f")
    )


_NAMES = ("*.js.map", "*.mjs.map", "*.cjs.map", "*.css.map", "*.ts.map")

RULE = path_rule(
    "source-maps",
    title="Source maps left in the image",
    why="Only browser debuggers read them, and serving them exposes the sources.",
    wrong="Servers that translate stack traces with source maps need them: accept the path.",
    patterns=_NAMES,
    configured=True,
    fix=_deleted,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
