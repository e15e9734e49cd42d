"""Headers of C and C++."""

from layerscope.analysis.findings.finding import Confidence
from layerscope.analysis.findings.known_paths import path_rule
from layerscope.analysis.findings.unneeded.runtimes import runs_something
from layerscope.analysis.findings.unneeded.stages import built_apart

RULE = path_rule(
    "headers",
    title="Header files left in",
    why="Headers are read by compilers alone.",
    patterns=("/usr/include/*", "/usr/local/include/*"),
    fix=built_apart,
    when=runs_something,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
