"""Files at known places or with known names that a running container seldom reads: one row each."""

from __future__ import annotations

import re

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.deleting import deletion
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.known_paths import (
    Place,
    is_copy,
    not_copied,
    path_rule,
    removed,
)
from layerscope.words import Confidence, Severity

_LANGUAGES = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES")


def _selected_languages(evidence: Evidence) -> tuple[str, ...]:
    """The languages that variables select."""
    pairs = [pair.partition("=")[::2] for pair in evidence.image.config.env]
    values = [value for name, value in pairs if name in _LANGUAGES]
    codes = {code for value in values for code in re.findall(r"\b[a-z]{2,3}(?=[_.:@]|$)", value)}
    return tuple(f"/usr/share/locale/{code}*" for code in sorted(codes))


def _untranslated(place: Place) -> Fix:
    """Delete the messages in all languages but English and those that variables select; if earlier layers have others, delete
    those of the step by name.
    """
    copied = not_copied(place)
    if copied is not None:
        return copied
    kept = ("/usr/share/locale/en*", *_selected_languages(place.evidence))
    if place.has_lower_files(kept):
        files = place.created_paths(tops=False)
        return place.deletion_fix(deletion(place.evidence, place.group.layer, files, (), "f"))
    tests = " ".join(f"! -path '{pattern}'" for pattern in kept)
    return place.deletion_fix(
        f"find /usr/share/locale -path '*/LC_MESSAGES/*' {tests} -type f -delete"
    )


DEBUG_SYMBOLS = path_rule(
    "debug-symbols",
    title="Debug symbols left in the image",
    why="Only debuggers read them. Keep them outside the image.",
    wrong="If you debug or profile in containers, you need them: turn the rule off, or keep them in an image for debugging.",
    patterns=("/usr/lib/debug/*", "*.debug", "*.pdb", "*.dSYM"),
    configured=True,
    fix=removed,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
LOCALES = path_rule(
    "locales",
    title="Translated messages",
    why="Programs in a container rarely print messages in other languages.",
    finds="Translations into languages other than English and those that `LANG`, `LANGUAGE` and `LC_…` select.",
    wrong="A program that speaks to its users in other languages needs them: turn the rule off.",
    patterns=("/usr/share/locale/*/LC_MESSAGES",),
    configured=True,
    fix=_untranslated,
    spare=("/usr/share/locale/en*",),
    needed=_selected_languages,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=2_000_000,
)
EDITOR_FILES = path_rule(
    "editor-files",
    title="Editor files",
    why="Editor settings and swap files belong on a workstation. Swap files contain parts of the edited text.",
    wrong="If an extension or a server reads these settings, accept the path.",
    patterns=(".idea", ".vscode", ".vs", "*.swp", "*.swo", ".DS_Store", "Thumbs.db"),
    configured=True,
    fix=removed,
    steps=lambda step: not is_copy(step),
    severity=Severity.NOTE,
)
