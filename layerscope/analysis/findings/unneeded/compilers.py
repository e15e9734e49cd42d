"""Compilers in an image that runs something else."""

from layerscope.analysis.findings.finding import Confidence
from layerscope.analysis.findings.known_paths import path_rule
from layerscope.analysis.findings.unneeded.runtimes import runs_something
from layerscope.analysis.findings.unneeded.stages import built_apart

RULE = path_rule(
    "compilers",
    title="Compilers left in",
    why="A compiler is needed while the image is built; beside a program that runs it is weight, and it helps intruders.",
    patterns=(
        "/usr/lib/gcc",
        "/usr/libexec/gcc",
        "/usr/lib/llvm-*/bin",
        "/usr/lib/llvm-*/lib/clang",
        "/usr/bin/*-linux-*-gcc*",
        "/usr/bin/*-linux-*-g++*",
        "/usr/bin/*-linux-*-cpp*",
        "/usr/bin/*-linux-*-ld.*",
        "/usr/bin/*-linux-*-lto-dump*",
    ),
    fix=built_apart,
    spare=("/usr/lib/gcc/**/*.so*",),
    when=runs_something,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
