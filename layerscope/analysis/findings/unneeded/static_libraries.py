"""Archives of object files."""

from layerscope.analysis.findings.finding import Confidence
from layerscope.analysis.findings.known_paths import path_rule
from layerscope.analysis.findings.unneeded.runtimes import runs_something
from layerscope.analysis.findings.unneeded.stages import built_apart

RULE = path_rule(
    "static-libraries",
    title="Static libraries left in",
    why="A .a file is read by linkers alone.",
    patterns=("/usr/lib/**/*.a", "/usr/lib64/**/*.a", "/usr/local/lib/**/*.a", "/opt/**/*.a"),
    fix=built_apart,
    spare=("/usr/lib/gcc",),
    when=runs_something,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
