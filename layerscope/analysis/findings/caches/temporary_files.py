"""What was left in /tmp and /var/tmp."""

from layerscope.analysis.findings.known_paths import path_rule, removed
from layerscope.words import Confidence

RULE = path_rule(
    "temporary-files",
    title="Temporary files left in",
    why="What lies in /tmp was needed for a moment; often it is an archive that was unpacked elsewhere.",
    patterns=("/tmp/*", "/var/tmp/*"),  # noqa: S108 - paths in an image
    fix=removed,
    confidence=Confidence.MEDIUM,
)
