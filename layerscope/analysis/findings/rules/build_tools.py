"""Compilers, and files that only they read, in an image that runs something else."""

from layerscope.analysis.findings.build_tools import build_rule
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.run_time_compilers import is_workplace

_COMPILERS = (
    "/usr/lib/gcc",
    "/usr/libexec/gcc",
    "/usr/lib/llvm-*/bin",
    "/usr/lib/llvm-*/lib/clang",
    "/usr/bin/*-linux-*-gcc*",
    "/usr/bin/*-linux-*-g++*",
    "/usr/bin/*-linux-*-cpp*",
    "/usr/bin/*-linux-*-ld.*",
    "/usr/bin/*-linux-*-lto-dump*",
)
_TOOLCHAINS = (
    "/usr/local/go/bin",
    "/usr/local/go/pkg",
    "/usr/local/go/src",
    "/usr/lib/go-*",
    "/usr/lib/go",
    "**/.rustup/toolchains",
    "/usr/local/rustup/toolchains",
)
_HEADERS = ("/usr/include/*", "/usr/local/include/*")
_LIBRARIES = ("/usr/lib/**/*.a", "/usr/lib64/**/*.a", "/usr/local/lib/**/*.a", "/opt/**/*.a")
_ALL = (*_COMPILERS, *_TOOLCHAINS, *_HEADERS, *_LIBRARIES)

RULES: tuple[Rule, ...] = (
    build_rule(
        "compilers",
        title="Compilers left in the image",
        why="A compiler is only needed to build. At run time it adds weight and helps attackers.",
        finds="GCC and LLVM compilers in an image that starts something other than a compiler, a build tool or a shell.",
        wrong="With software that is known to compile at run time, it is a note of low confidence. If yours compiles, turn the rule off.",
        patterns=_COMPILERS,
        family=_ALL,
        spare=("/usr/lib/gcc/**/*.so*",),
    ),
    build_rule(
        "toolchains",
        title="Go or Rust toolchain left in the image",
        why="Programs built with it run without it. Copy the program into an image of its own.",
        finds="Go and Rust toolchains in an image that starts something other than a build tool or a shell.",
        wrong="An image for jobs that build programs needs them: turn the rule off there.",
        patterns=_TOOLCHAINS,
        family=_ALL,
        needing=is_workplace,
    ),
    build_rule(
        "headers",
        title="Header files left in the image",
        why="Only compilers read C and C++ headers.",
        finds="Headers in an image that starts something other than a compiler, a build tool or a shell.",
        wrong="With software that is known to compile at run time, it is a note of low confidence. If yours compiles, turn the rule off.",
        patterns=_HEADERS,
        family=_ALL,
    ),
    build_rule(
        "static-libraries",
        title="Static libraries left in the image",
        why="Only linkers read .a files.",
        finds="Archives of object files in an image that starts something other than a compiler, a build tool or a shell.",
        wrong="With software that is known to compile at run time, it is a note of low confidence. Some languages load `.a` files as plug-ins: accept the path then.",
        patterns=_LIBRARIES,
        family=_ALL,
        spare=("/usr/lib/gcc",),
    ),
)
