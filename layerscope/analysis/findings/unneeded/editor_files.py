"""What editors and desktops leave behind."""

from layerscope.analysis.findings.known_paths import is_copy, path_rule, removed
from layerscope.words import Severity

RULE = path_rule(
    "editor-files",
    title="Files of editors",
    why="Settings and swap files of editors belong to a workplace, not into an image; swap files hold text of what was edited.",
    patterns=(".idea", ".vscode", ".vs", "*.swp", "*.swo", ".DS_Store", "Thumbs.db"),
    fix=removed,
    steps=lambda step: not is_copy(step),
    severity=Severity.NOTE,
)
