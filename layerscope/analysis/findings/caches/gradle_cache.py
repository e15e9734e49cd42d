"""Artifacts and distributions that Gradle keeps."""

from layerscope.analysis.findings.known_paths import mounted, path_rule
from layerscope.words import Confidence

RULE = path_rule(
    "gradle-cache",
    title="Cache of Gradle left in",
    why="Artifacts and Gradle itself are downloaded for building; what runs was packed into the application.",
    patterns=("**/.gradle/caches", "**/.gradle/wrapper/dists", "**/.gradle/daemon"),
    fix=mounted,
    confidence=Confidence.MEDIUM,
)
