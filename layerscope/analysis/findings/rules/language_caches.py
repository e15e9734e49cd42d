"""Caches of package managers of other languages: one row each, as in `caches`."""

from __future__ import annotations

from layerscope.analysis.findings.cache_shapes import Shape
from layerscope.analysis.findings.known_paths import cleaned_at, mounted, path_rule, removed
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules.caches import BUILD_INPUTS, DOWNLOADS
from layerscope.words import Confidence

RULES: tuple[Rule, ...] = (
    path_rule(
        "nuget-packages",
        title="NuGet packages left in the image",
        why="NuGet unpacks every package for the build. A published application has its own copy of what it needs.",
        wrong="A program that is started from its build directory (`bin/Debug`) reads packages from here: publish it (`dotnet publish`), or turn the rule off.",
        patterns=(
            *(
                "**/.nuget/packages",
                "**/.local/share/NuGet/*-cache",
                "**/.local/share/NuGet/http-cache",
            ),
            "**/.nuget/v3-cache",
        ),
        shapes=(Shape("**/*/*/.nupkg.metadata", up=3, pure=True),),
        spare=("**/.dotnet/tools", "**/.store"),
        runs="dotnet (?:run|watch|test|build|publish|msbuild|fsi|script|tool)|dotnet-script|msbuild|nuget",
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "cpan-cache",
        title="CPAN downloads and build directories left in the image",
        why="cpanm and cpan keep the archive, the build directory and the log of every module. An installed module needs none of it.",
        wrong="If containers install modules without a network, turn the rule off.",
        patterns=(
            *("**/.cpanm/work", "**/.cpanm/cache", "**/.cpanm/build.log", "**/.cpanm/sources"),
            *("**/.cpan/build", "**/.cpan/sources", "**/.cpan/cpandb.sql", "**/.cpan/Metadata"),
            *("**/.perl-cpm", "**/.cpanplus/*/build"),
        ),
        shapes=(
            Shape("**/work/1[0-9]*.[0-9]*/build.log", up=2),
            Shape("**/authors/01mailrc.txt.gz", up=2),
        ),
        fix=removed,
    ),
    path_rule(
        "haskell-cache",
        title="Cabal or Stack cache left in the image",
        why="Cabal and Stack keep an index of all packages of Hackage and the sources that they download. A compiled program needs none of it.",
        finds="Indexes and sources, but not the packages that Cabal and Stack built.",
        wrong="If a script in the container calls `cabal` or `stack`, they read it: turn the rule off there.",
        patterns=(
            *("**/.cabal/packages", "**/.cabal/logs", "**/.cache/cabal"),
            *("**/.stack/pantry", "**/.stack/indices", "**/.stack/programs/*/*.tar.*"),
            "**/.stack/templates",
        ),
        shapes=(
            Shape("**/hackage.haskell.org/0[01]-index.*"),
            Shape("**/pantry/pantry.sqlite3"),
        ),
        runs="cabal|stack",
        fix=mounted,
    ),
    path_rule(
        "opam-cache",
        title="opam downloads and sources left in the image",
        why="opam keeps downloaded archives, and the sources and build directories of packages. Installed packages need none of it.",
        finds="Archives, sources and build directories, but not switches with installed packages.",
        wrong="If a script in the container calls `opam`, it reads it: turn the rule off there.",
        patterns=(
            *("**/.opam/download-cache", "**/.opam/log", "**/.opam/repo/*.tar.gz"),
            *("**/.opam-switch/sources", "**/.opam-switch/build"),
        ),
        shapes=(
            Shape("**/download-cache/md5"),
            Shape("**/download-cache/sha256"),
            Shape("**/download-cache/sha512"),
        ),
        runs="opam",
        fix=cleaned_at(("**/.opam",), "opam clean --all-switches --download-cache --logs"),
    ),
    path_rule(
        "hex-cache",
        title="Hex or Rebar3 cache left in the image",
        why=DOWNLOADS.format("Mix or Rebar3"),
        wrong="If a script in the container calls `mix deps.get` without a network, it needs the cache: turn the rule off there.",
        patterns=("**/.hex/packages", "**/.hex/cache.*", "**/.cache/hex", "**/.cache/rebar3"),
        shapes=(Shape("**/packages/hexpm/*.tar"),),
        runs="rebar3",
        fix=mounted,
    ),
    path_rule(
        "pub-cache",
        title="Dart package cache left in the image",
        why=BUILD_INPUTS,
        wrong="Only `dart run` and `flutter run` read it. If a script in the container starts them, turn the rule off there, or compile the program.",
        patterns=(
            *("**/.pub-cache/hosted", "**/.pub-cache/hosted-hashes", "**/.pub-cache/git"),
            "**/.pub-cache/_temp",
        ),
        shapes=(Shape("**/hosted/pub.dev", up=0), Shape("**/hosted/pub.dartlang.org", up=0)),
        runs="dart|flutter",
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "deno-cache",
        title="Deno cache left in the image",
        why="Deno caches remote modules and compiled scripts. A compiled program has its own copy; only `deno run` reads the cache.",
        wrong="Only `deno run` reads it. If a script in the container starts it, turn the rule off there, or compile the program.",
        patterns=("**/.cache/deno", "/deno-dir"),
        shapes=(
            Shape("dep_analysis_cache_v*"),
            Shape("node_analysis_cache_v*"),
            Shape("v8_code_cache_v*"),
        ),
        runs=r"deno|docker-entrypoint\.sh (?:run|serve|task|eval|test|repl|jupyter|x|start)",
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
)
