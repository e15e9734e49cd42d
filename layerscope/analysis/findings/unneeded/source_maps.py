"""Source maps of JavaScript and CSS."""

from layerscope.analysis.findings.finding import Confidence, Severity
from layerscope.analysis.findings.fixes import run_and, shell_word
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule


def _deleted(place: Place) -> str:
    """Delete them in the same RUN, below the directory that holds the largest."""
    top = shell_word("/".join(place.tops()[0].split("/")[:2]))
    return not_copied(place) or run_and(place.step, f"find {top} -name '*.map' -type f -delete")


RULE = path_rule(
    "source-maps",
    title="Source maps left in",
    why="They lead from packed code to its sources, for debuggers of browsers; serving them also gives the sources away.",
    patterns=("*.js.map", "*.mjs.map", "*.cjs.map", "*.css.map", "*.ts.map"),
    fix=_deleted,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
