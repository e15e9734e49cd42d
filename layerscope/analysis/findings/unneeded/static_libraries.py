"""Archives of object files."""

from layerscope.analysis.findings.unneeded.stages import build_rule

RULE = build_rule(
    "static-libraries",
    title="Static libraries left in",
    why="A .a file is read by linkers alone.",
    patterns=("/usr/lib/**/*.a", "/usr/lib64/**/*.a", "/usr/local/lib/**/*.a", "/opt/**/*.a"),
    spare=("/usr/lib/gcc",),
)
