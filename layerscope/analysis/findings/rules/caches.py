"""Caches that package managers and tools leave in an image: one row each. A new cache is one more row."""

from __future__ import annotations

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.cache_shapes import Shape
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.filled_caches import KEPT_CACHES, MODELS
from layerscope.analysis.findings.fixes import commands_in, run_in, shell_word
from layerscope.analysis.findings.known_paths import (
    Place,
    cleaned,
    cleaned_at,
    mounted,
    path_rule,
    removed,
    with_option,
)
from layerscope.analysis.findings.package_lists import users_of_lists
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.run_deletions import lists_in_one_run
from layerscope.analysis.findings.runs import programs, subcommand
from layerscope.words import Confidence, Severity

DOWNLOADS = "{} caches downloads for the next installation, which never happens in an image."
_REPOSITORIES = (
    "{} caches repository metadata and downloaded packages. The image does not need them to run."
)
_LINKED = (
    "{} caches downloads for the next installation. Files that are linked into {} are not counted."
)
BUILD_INPUTS = "Dependencies are downloaded for the build. The packaged application does not read them from here."

_OWN_RULE = (
    *("pip", "uv", "pypoetry", "pipenv", "pdm", "yarn", "pnpm", "go-build", "coursier", "composer"),
    *("ccache", "sccache", "bazel", "deno", "hex", "rebar3", "cabal", "sbt"),
)
"""Directories of ~/.cache that have a rule of their own."""


def _without_apk_cache(place: Place) -> Fix:
    """Use no cache, unless the step fetches the index explicitly, which is kept whatever follows."""
    clean = cleaned("rm -rf /var/cache/apk/*")
    for command in commands_in(place.evidence, place.step):
        if subcommand(command, "apk", ("update",)) is not None:
            return clean(place)
    return with_option("apk", ("add", "upgrade"), "--no-cache", clean)(place)


_YUMS = ("microdnf", "tdnf", "dnf5", "dnf", "yum")


def _without_apt_lists(place: Place) -> Fix:
    """Delete the lists in the same RUN, unless later steps install with them."""
    users = users_of_lists(place.evidence, place.group.layer)
    if users and place.step.instruction == "RUN":
        return lists_in_one_run(place.evidence, place.group.layer, users)
    return cleaned("rm -rf /var/lib/apt/lists/*")(place)


def _without_dnf_cache(place: Place) -> Fix:
    """Clean with the tool that the step itself calls."""
    run = run_in(place.evidence, place.step)
    names = [] if run is None else programs(run)
    tool = next((name for name in names if name in _YUMS), "dnf")
    return cleaned(f"{tool} clean all")(place)


def _without_gems(place: Place) -> Fix:
    """Delete the archives in the directory of RubyGems; those of Bundler are elsewhere."""
    usual = ("**/ruby/gems/*/cache", "/var/lib/gems/*/cache", "/usr/local/bundle/cache")
    tops = place.topmost_paths()
    if place.evidence.selector.select(usual)[tops].all():
        return cleaned('rm -rf "$(gem env gemdir)"/cache/*.gem')(place)
    archives = place.evidence.live_files[tops]
    directories = np.unique(place.evidence.filesystem.table.parents[tops[archives]])
    words = [f"{shell_word(place.evidence.name(each))}/*.gem" for each in directories.tolist()]
    words += [shell_word(place.evidence.name(each)) for each in tops[~archives].tolist()]
    return cleaned(f"rm -rf {' '.join(words)}")(place)


def _linked_by_uv(evidence: Evidence) -> tuple[str, ...]:
    """Environments that uv made of symlinks need its cache."""
    linked = any(
        pair.strip().lower() == "uv_link_mode=symlink" for pair in evidence.image.config.env
    )
    return ("**/.cache/uv", "**/archive-v0") if linked else ()


def _read_by_yarn(evidence: Evidence) -> tuple[str, ...]:
    """Without node_modules, Yarn's Plug'n'Play reads packages from the cache."""
    return ("**/.yarn/berry/cache",) if evidence.exists(".pnp.cjs", ".pnp.js") else ()


RULES: tuple[Rule, ...] = (
    path_rule(
        "apt-lists",
        title="APT package lists left in the image",
        why="`apt-get update` downloads package lists. They are outdated by the time the image runs, and installing a package fetches new ones.",
        wrong="If a step that runs in the container installs packages, it needs `apt-get update` first in any case: the lists are outdated by then.",
        codes=("DL3009",),
        patterns=("/var/lib/apt/lists/*",),
        fix=_without_apt_lists,
    ),
    path_rule(
        "apt-archives",
        title="APT cache left in the image",
        why=".deb files are not needed after installation, and APT rebuilds its binary caches when it needs them.",
        wrong="If the image is a mirror of packages, turn the rule off.",
        patterns=(
            "/var/cache/apt/archives/*.deb",
            "/var/cache/apt/archives/partial/*",
            "/var/cache/apt/*.bin",
        ),
        fix=cleaned("apt-get clean"),
    ),
    path_rule(
        "debian-backups",
        title="Backups of dpkg and debconf databases",
        why="dpkg and debconf keep a copy of their databases from before the last change. Nothing in an image reads it.",
        wrong="Nothing reads these copies. If you compare databases by hand, turn the rule off.",
        patterns=("/var/cache/debconf/*-old", "/var/lib/dpkg/*-old"),
        fix=cleaned("rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old"),
    ),
    path_rule(
        "apk-cache",
        title="apk cache left in the image",
        why=_REPOSITORIES.format("apk"),
        wrong="If containers install packages without a network, the cache is what they install from: turn the rule off.",
        codes=("DL3019",),
        patterns=("/var/cache/apk/*", "/etc/apk/cache/*"),
        fix=_without_apk_cache,
    ),
    path_rule(
        "dnf-cache",
        title="dnf or yum cache left in the image",
        why=_REPOSITORIES.format("The package manager"),
        wrong="If containers install packages without a network, the cache is what they install from: turn the rule off.",
        codes=("DL3032", "DL3040"),
        patterns=(
            "/var/cache/dnf/*",
            "/var/cache/yum/*",
            "/var/cache/libdnf5/*",
            "/var/cache/tdnf/*",
        ),
        fix=_without_dnf_cache,
    ),
    path_rule(
        "zypper-cache",
        title="zypper cache left in the image",
        why=_REPOSITORIES.format("zypper"),
        wrong="If containers install packages without a network, the cache is what they install from: turn the rule off.",
        codes=("DL3036",),
        patterns=("/var/cache/zypp/*",),
        fix=cleaned("zypper clean --all"),
    ),
    path_rule(
        "pacman-cache",
        title="pacman cache left in the image",
        why=_REPOSITORIES.format("pacman"),
        wrong="If containers install packages without a network, the cache is what they install from: turn the rule off.",
        patterns=("/var/cache/pacman/pkg/*", "/var/lib/pacman/sync/*"),
        fix=cleaned("rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*"),
    ),
    path_rule(
        "pip-cache",
        title="pip cache left in the image",
        why=DOWNLOADS.format("pip"),
        wrong="If containers call `pip install` at run time without a network, they need the cache: turn the rule off.",
        codes=("DL3042",),
        patterns=("**/.cache/pip",),
        shapes=(Shape("**/http-v2", beside=("selfcheck", "wheels")),),
        fix=with_option(r"pip[\d.]*", ("install", "wheel", "download"), "--no-cache-dir", mounted),
    ),
    path_rule(
        "uv-cache",
        title="uv cache left in the image",
        why=_LINKED.format("uv", "the environment"),
        wrong="Environments that are linked into the cache count as in use. If containers call `uvx` in a script, they read it: turn the rule off.",
        patterns=("**/.cache/uv",),
        shapes=(Shape("**/archive-v0", beside=("simple-v*", "wheels-v*", "interpreter-v*")),),
        runs="uvx|uv (?:x|tool)",
        needed=_linked_by_uv,
        fix=mounted,
    ),
    path_rule(
        "poetry-cache",
        title="Poetry, Pipenv or PDM cache left in the image",
        why=DOWNLOADS.format("The package manager"),
        finds="Caches of downloads, without the virtual environments that Poetry keeps beside them.",
        wrong="If containers install packages at run time without a network, turn the rule off.",
        patterns=(
            *("**/.cache/pypoetry/cache", "**/.cache/pypoetry/artifacts"),
            *("**/.cache/pipenv", "**/.cache/pdm"),
        ),
        fix=mounted,
    ),
    path_rule(
        "conda-packages",
        title="conda package cache left in the image",
        why="conda keeps each package packed and unpacked. Files that are linked into an environment are not counted.",
        wrong="Environments that are linked into the cache count as in use. If containers create environments without a network, they need the packages: turn the rule off.",
        patterns=(
            *("/opt/conda/pkgs", "**/*conda*/pkgs", "**/*forge*/pkgs", "**/*mamba*/pkgs"),
            *("**/.conda/pkgs", "**/conda-bld/*/.cache"),
        ),
        shapes=(
            Shape("**/pkgs/*.conda"),
            Shape("**/pkgs/*.tar.bz2"),
            Shape("**/pkgs/*/info/index.json", up=3),
            Shape("urls.txt", beside=("*.conda", "*.tar.bz2")),
        ),
        fix=cleaned("conda clean --all --force-pkgs-dirs --yes"),
    ),
    path_rule(
        "npm-cache",
        title="npm cache left in the image",
        why=DOWNLOADS.format("npm"),
        wrong="If a script in the container calls `npx` or `npm install` without a network, it needs the cache: turn the rule off.",
        patterns=("**/.npm/_cacache", "**/.npm/_logs", "**/.npm/_npx"),
        shapes=(Shape("**/_cacache/content-v2"), Shape("**/_cacache/index-v5")),
        runs="npx|npm (?:exec|x|create|init)",
        fix=cleaned_at(("**/.npm",), "npm cache clean --force"),
    ),
    path_rule(
        "yarn-cache",
        title="Yarn cache left in the image",
        why=DOWNLOADS.format("Yarn"),
        wrong="With Plug'n'Play, applications read packages from the cache: where `.pnp.cjs` is in the image, it is not reported.",
        codes=("DL3060",),
        patterns=("**/.cache/yarn", "**/.yarn/berry/cache"),
        shapes=(Shape("**/v6/npm-*-integrity"),),
        runs="yarn dlx",
        needed=_read_by_yarn,
        fix=cleaned_at(("**/.cache/yarn", "**/.yarn/berry"), "yarn cache clean"),
    ),
    path_rule(
        "pnpm-store",
        title="pnpm or Bun store left in the image",
        why=_LINKED.format("The package manager", "node_modules"),
        wrong="Files that are linked into `node_modules` count as in use. If a script in the container installs packages without a network, turn the rule off.",
        patterns=(
            "**/.local/share/pnpm/store",
            "**/.pnpm-store",
            "**/.cache/pnpm",
            "**/.bun/install/cache",
        ),
        shapes=(Shape("**/v3/files/00", up=2), Shape("**/v10/files/00", up=2)),
        runs="pnpx|pnpm (?:dlx|create)|bunx|bun x",
        fix=mounted,
    ),
    path_rule(
        "go-cache",
        title="Go build cache or modules left in the image",
        why="A Go binary contains everything it needs. Modules and object files are only used to build it.",
        wrong="An image in which Go programs are built or tested needs it, also where a script calls `go`: turn the rule off there.",
        patterns=("**/.cache/go-build", "**/go/pkg/mod"),
        shapes=(
            Shape("**/pkg/mod/cache/download", up=2),
            Shape("**/trim.txt", beside=("00", "testexpire.txt")),
        ),
        runs="go (?:run|test|build|install|generate|tool)|air|dlv|gow|reflex|CompileDaemon",
        fix=mounted,
    ),
    path_rule(
        "cargo-registry",
        title="Cargo registry left in the image",
        why="A Rust binary contains everything it needs. Crate sources are only used to build it.",
        wrong="An image in which Rust programs are built needs it, also where a script calls `cargo`: turn the rule off there.",
        patterns=(
            "**/.cargo/registry",
            "**/.cargo/git",
            "/usr/local/cargo/registry",
            "/usr/local/cargo/git",
        ),
        shapes=(Shape("**/registry/cache/*/*.crate", up=3),),
        runs="cargo|bacon",
        fix=mounted,
    ),
    path_rule(
        "maven-repository",
        title="Maven, Ivy or sbt cache left in the image",
        why=BUILD_INPUTS,
        wrong="If a script in the container starts Maven or sbt, they read it: turn the rule off there.",
        patterns=(
            *("**/.m2/repository", "**/.ivy2/cache", "**/.cache/coursier", "**/.coursier/cache"),
            *("**/.sbt/boot", "**/.sbt/launchers", "**/.sbt/preloaded", "**/.cache/sbt"),
        ),
        shapes=(
            Shape("**/ivydata-*.properties", up=3, pure=True),
            Shape("**/https/repo1.maven.org"),
        ),
        runs="mvnw?|mvnd|sbtn?|ant|leiningen|lein|clj|clojure|amm|scala-cli|cs|jbang",
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "gradle-cache",
        title="Gradle cache left in the image",
        why=BUILD_INPUTS,
        wrong="If a script in the container starts Gradle, it reads it: turn the rule off there.",
        patterns=("**/.gradle/caches", "**/.gradle/wrapper/dists", "**/.gradle/daemon"),
        shapes=(Shape("**/caches/modules-2"), Shape("**/caches/build-cache-1")),
        runs="gradlew?",
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "composer-cache",
        title="Composer cache left in the image",
        why=DOWNLOADS.format("Composer"),
        wrong="If containers call `composer install` without a network, they need the cache: turn the rule off.",
        patterns=("**/.composer/cache", "**/.cache/composer"),
        shapes=(Shape("**/repo/https---repo.packagist.org", up=2, beside=("files",)),),
        fix=with_option(
            r"composer(?:\.phar)?", ("install", "update", "require"), "--no-cache", mounted
        ),
    ),
    path_rule(
        "gem-cache",
        title="Downloaded gems left in the image",
        why="RubyGems keeps the .gem file of every installed gem. Only a reinstallation needs it.",
        wrong="If containers install gems without a network, they need the archives: turn the rule off. The `vendor/cache` of a project is not reported.",
        patterns=(
            "**/ruby/gems/*/cache/*.gem",
            "**/ruby/*/cache/*.gem",
            "**/gems/ruby-*/cache/*.gem",
            "**/.gem/*/*/cache/*.gem",
            "**/.local/share/gem/ruby/*/cache/*.gem",
            "**/cache/bundler/git",
            "/var/lib/gems/*/cache/*.gem",
            "/usr/local/bundle/cache/*.gem",
            "**/.bundle/cache",
        ),
        spare=("**/vendor/cache",),
        fix=_without_gems,
    ),
    path_rule(
        "compiler-cache",
        title="Compiler cache left in the image",
        why="ccache, sccache and Bazel keep object files for the next build, which never happens in an image.",
        wrong="Builds inside a container are faster with it: turn the rule off for such images.",
        patterns=("**/.ccache", "**/.cache/ccache", "**/.cache/sccache", "**/.cache/bazel"),
        fix=mounted,
    ),
    path_rule(
        "user-cache",
        title="User caches left in the image",
        why="Programs can recreate or download again what they keep in ~/.cache.",
        finds="Everything in `~/.cache` without a rule of its own, except models and browsers downloaded on purpose.",
        wrong="It is a hint: some programs are slow, or fail without a network, until their cache is filled again. Name the directory in `ENV`, or turn the rule off.",
        patterns=("/root/.cache/*", "/home/*/.cache/*"),
        configured=True,
        fix=removed,
        spare=tuple(f"**/.cache/{name}" for name in _OWN_RULE),
        keep=(*(f"**/.cache/{name}" for name in KEPT_CACHES), *MODELS),
        severity=Severity.NOTE,
        confidence=Confidence.LOW,
        min_bytes=1_000_000,
    ),
    path_rule(
        "temporary-files",
        title="Temporary files left in the image",
        why="Files in /tmp are rarely needed after the build. Often they are archives that were unpacked elsewhere.",
        wrong="Paths named by CMD, ENTRYPOINT, WORKDIR, VOLUME or ENV are not reported. If a script uses something in `/tmp`, move it elsewhere: `/tmp` may be mounted over.",
        patterns=("/tmp/*", "/var/tmp/*"),  # noqa: S108 - paths in an image
        keep=MODELS,
        configured=True,
        fix=removed,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "logs",
        title="Build logs left in the image",
        why="Package managers and installers wrote these logs during the build.",
        wrong="Some programs fail if their log file or its directory is missing: create it empty instead.",
        patterns=("/var/log/*",),
        configured=True,
        fix=removed,
        spare=("/var/log/lastlog", "/var/log/faillog", "/var/log/tallylog"),
        severity=Severity.NOTE,
    ),
)
