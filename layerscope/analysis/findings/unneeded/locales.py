"""Translations of programs' messages."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule
from layerscope.words import Confidence, Severity

_DELETE = (
    "find /usr/share/locale -path '*/LC_MESSAGES/*' ! -path '/usr/share/locale/en*' -type f -delete"
)

RULE = path_rule(
    "locales",
    title="Translations of messages",
    why="Programs in a container seldom speak another language than that of its logs.",
    patterns=("/usr/share/locale/*/LC_MESSAGES",),
    fix=cleaned(_DELETE),
    spare=("/usr/share/locale/en*",),
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=2_000_000,
)
