"""Logs of the build."""

from layerscope.analysis.findings.known_paths import path_rule, removed
from layerscope.words import Severity

RULE = path_rule(
    "logs",
    title="Logs of the build left in",
    why="What package managers and installers wrote while the image was built tells nobody anything later.",
    patterns=("/var/log/*",),
    fix=removed,
    spare=("/var/log/lastlog", "/var/log/faillog", "/var/log/tallylog"),
    severity=Severity.NOTE,
)
