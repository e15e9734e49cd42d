"""Headers of C and C++."""

from layerscope.analysis.findings.unneeded.stages import build_rule

RULE = build_rule(
    "headers",
    title="Header files left in",
    why="Headers are read by compilers alone.",
    patterns=("/usr/include/*", "/usr/local/include/*"),
)
