"""Files at known places or with known names that a running container seldom reads: one row each."""

from layerscope.analysis.findings.known_paths import cleaned, is_copy, path_rule, removed
from layerscope.words import Confidence, Severity

DEBUG_SYMBOLS = path_rule(
    "debug-symbols",
    title="Debug symbols left in the image",
    why="Only debuggers read them. Keep them outside the image.",
    patterns=("/usr/lib/debug/*", "*.debug", "*.pdb", "*.dSYM"),
    fix=removed,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
LOCALES = path_rule(
    "locales",
    title="Translated messages",
    why="Programs in a container rarely print messages in other languages.",
    patterns=("/usr/share/locale/*/LC_MESSAGES",),
    fix=cleaned(
        "find /usr/share/locale -path '*/LC_MESSAGES/*' ! -path '/usr/share/locale/en*' -type f -delete"
    ),
    spare=("/usr/share/locale/en*",),
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=2_000_000,
)
EDITOR_FILES = path_rule(
    "editor-files",
    title="Editor files",
    why="Editor settings and swap files belong on a workstation. Swap files contain parts of the edited text.",
    patterns=(".idea", ".vscode", ".vs", "*.swp", "*.swo", ".DS_Store", "Thumbs.db"),
    fix=removed,
    steps=lambda step: not is_copy(step),
    severity=Severity.NOTE,
)
