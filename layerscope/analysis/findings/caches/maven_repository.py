"""Artifacts that Maven, Ivy and Coursier keep."""

from layerscope.analysis.findings.known_paths import mounted, path_rule
from layerscope.words import Confidence

RULE = path_rule(
    "maven-repository",
    title="Local repository of Maven left in",
    why="Artifacts are downloaded for building; what runs was packed into the application.",
    patterns=("**/.m2/repository", "**/.ivy2/cache", "**/.cache/coursier"),
    fix=mounted,
    confidence=Confidence.MEDIUM,
)
