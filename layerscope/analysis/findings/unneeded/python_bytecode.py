"""Byte code that Python has compiled."""

import re

from layerscope.analysis.findings.finding import Confidence, Severity
from layerscope.analysis.findings.fixes import run_and, shell_word
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule, with_option

_SYSTEM_PACKAGES = re.compile(r"\b(?:apt(?:-get)?|aptitude|apk|dnf|microdnf|yum|zypper)\s")


def _uncompiled(place: Place) -> str:
    """Do not compile, where pip alone does; else delete it in the same RUN: packages of the distribution compile whatever
    PYTHONDONTWRITEBYTECODE says, which is for modules that are imported."""
    if _SYSTEM_PACKAGES.search(place.step.arguments):
        return _deleted(place)
    return with_option(r"pip[\d.]* install", "--no-compile", _deleted)(place)


def _deleted(place: Place) -> str:
    where = shell_word(place.evidence.name(_common(place)))
    command = f"find {where} -xdev -name __pycache__ -prune -exec rm -rf {{}} +"
    return not_copied(place) or run_and(place.step, command)


def _common(place: Place) -> int:
    """The directory that all of the byte code lies in."""
    table = place.evidence.filesystem.table
    at = above = place.evidence.common(place.group.paths)
    while at:  # `find` must be able to meet what is to be deleted
        if table.name(at) == b"__pycache__":
            above = int(table.parents[at])
        at = int(table.parents[at])
    return above


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
