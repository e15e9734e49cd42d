"""Byte code that Python has compiled."""

from layerscope.analysis.findings.finding import Confidence, Severity
from layerscope.analysis.findings.fixes import instruction_text
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule, with_option


def _uncompiled(place: Place) -> str:
    """Do not compile: by an option of pip, else by the environment."""
    return with_option(r"pip[\d.]* install", "--no-compile", _environment)(place)


def _environment(place: Place) -> str:
    return not_copied(place) or f"ENV PYTHONDONTWRITEBYTECODE=1\n{instruction_text(place.step)}"


RULE = path_rule(
    "python-bytecode",
    title="Byte code of Python",
    why="Python makes it anew from the sources. It saves time at the first start: leave it in if that counts.",
    patterns=("__pycache__",),
    fix=_uncompiled,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=5_000_000,
)
