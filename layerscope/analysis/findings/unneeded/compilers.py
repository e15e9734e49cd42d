"""Compilers in an image that runs something else."""

from layerscope.analysis.findings.unneeded.stages import build_rule

RULE = build_rule(
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
    spare=("/usr/lib/gcc/**/*.so*",),
)
