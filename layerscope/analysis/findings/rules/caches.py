"""Caches that package managers and tools leave in an image: one row each. A new cache is one more row."""

from __future__ import annotations

from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.fixes import run_in
from layerscope.analysis.findings.known_paths import (
    Place,
    cleaned,
    cleaned_at_home,
    mounted,
    path_rule,
    removed,
    with_option,
)
from layerscope.analysis.findings.package_lists import users_of_lists
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.run_deletions import lists_in_one_run
from layerscope.analysis.findings.runs import programs
from layerscope.words import Confidence, Severity

_DOWNLOADS = "{} caches downloads for the next installation, which never happens in an image."
_REPOSITORIES = (
    "{} caches repository metadata and downloaded packages. The image does not need them to run."
)
_LINKED = (
    "{} caches downloads for the next installation. Files that are linked into {} are not counted."
)
_BUILD_INPUTS = "Dependencies are downloaded for the build. The packaged application does not read them from here."

_OWN_RULE = (
    *("pip", "uv", "pypoetry", "pipenv", "pdm", "yarn", "pnpm", "go-build", "coursier", "composer"),
    *("ccache", "sccache", "bazel"),
)
"""Directories of ~/.cache that have a rule of their own."""
_PUT_THERE = (
    *("huggingface", "torch", "whisper", "modelscope", "clip", "sentence_transformers", "doctr"),
    *("ms-playwright", "puppeteer", "Cypress", "selenium", "electron"),
)
"""Directories of ~/.cache with models and browsers that a step downloads on purpose."""


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
    called = [] if run is None else programs(run)
    tool = next((name for name in called if name in _YUMS), "dnf")
    return cleaned(f"{tool} clean all")(place)


RULES: tuple[Rule, ...] = (
    path_rule(
        "apt-lists",
        title="APT package lists left in the image",
        why="`apt-get update` downloads package lists. They are outdated by the time the image runs, and installing a package fetches new ones.",
        patterns=("/var/lib/apt/lists/*",),
        fix=_without_apt_lists,
    ),
    path_rule(
        "apt-archives",
        title="APT cache left in the image",
        why=".deb files are not needed after installation, and APT rebuilds its binary caches when it needs them.",
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
        patterns=("/var/cache/debconf/*-old", "/var/lib/dpkg/*-old"),
        fix=cleaned("rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old"),
    ),
    path_rule(
        "apk-cache",
        title="apk cache left in the image",
        why=_REPOSITORIES.format("apk"),
        patterns=("/var/cache/apk/*", "/etc/apk/cache/*"),
        fix=with_option("apk", ("add",), "--no-cache", cleaned("rm -rf /var/cache/apk/*")),
    ),
    path_rule(
        "dnf-cache",
        title="dnf or yum cache left in the image",
        why=_REPOSITORIES.format("The package manager"),
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
        patterns=("/var/cache/zypp/*",),
        fix=cleaned("zypper clean --all"),
    ),
    path_rule(
        "pacman-cache",
        title="pacman cache left in the image",
        why=_REPOSITORIES.format("pacman"),
        patterns=("/var/cache/pacman/pkg/*", "/var/lib/pacman/sync/*"),
        fix=cleaned("rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*"),
    ),
    path_rule(
        "pip-cache",
        title="pip cache left in the image",
        why=_DOWNLOADS.format("pip"),
        patterns=("**/.cache/pip",),
        fix=with_option(r"pip[\d.]*", ("install", "wheel", "download"), "--no-cache-dir", mounted),
    ),
    path_rule(
        "uv-cache",
        title="uv cache left in the image",
        why=_LINKED.format("uv", "the environment"),
        patterns=("**/.cache/uv",),
        fix=mounted,
    ),
    path_rule(
        "poetry-cache",
        title="Poetry, Pipenv or PDM cache left in the image",
        why=_DOWNLOADS.format("The package manager"),
        patterns=("**/.cache/pypoetry", "**/.cache/pipenv", "**/.cache/pdm"),
        fix=mounted,
    ),
    path_rule(
        "conda-packages",
        title="conda package cache left in the image",
        why="conda keeps each package packed and unpacked. Files that are linked into an environment are not counted.",
        patterns=(
            "/opt/conda/pkgs",
            "**/miniconda3/pkgs",
            "**/anaconda3/pkgs",
            "**/miniforge3/pkgs",
            "**/mambaforge/pkgs",
            "**/micromamba/pkgs",
            "**/.conda/pkgs",
        ),
        fix=cleaned("conda clean --all --force-pkgs-dirs --yes"),
    ),
    path_rule(
        "npm-cache",
        title="npm cache left in the image",
        why=_DOWNLOADS.format("npm"),
        patterns=("**/.npm/_cacache", "**/.npm/_logs", "**/.npm/_npx"),
        fix=cleaned_at_home("npm cache clean --force", "/root"),
    ),
    path_rule(
        "yarn-cache",
        title="Yarn cache left in the image",
        why=_DOWNLOADS.format("Yarn"),
        patterns=("**/.cache/yarn", "**/.yarn/berry/cache"),
        fix=cleaned_at_home("yarn cache clean", "/root", "/usr/local/share/.cache"),
    ),
    path_rule(
        "pnpm-store",
        title="pnpm or Bun store left in the image",
        why=_LINKED.format("The package manager", "node_modules"),
        patterns=(
            "**/.local/share/pnpm/store",
            "**/.pnpm-store",
            "**/.cache/pnpm",
            "**/.bun/install/cache",
        ),
        fix=mounted,
    ),
    path_rule(
        "go-cache",
        title="Go build cache or modules left in the image",
        why="A Go binary contains everything it needs. Modules and object files are only used to build it.",
        patterns=("**/.cache/go-build", "**/go/pkg/mod"),
        fix=mounted,
    ),
    path_rule(
        "cargo-registry",
        title="Cargo registry left in the image",
        why="A Rust binary contains everything it needs. Crate sources are only used to build it.",
        patterns=(
            "**/.cargo/registry",
            "**/.cargo/git",
            "/usr/local/cargo/registry",
            "/usr/local/cargo/git",
        ),
        fix=mounted,
    ),
    path_rule(
        "maven-repository",
        title="Maven repository left in the image",
        why=_BUILD_INPUTS,
        patterns=("**/.m2/repository", "**/.ivy2/cache", "**/.cache/coursier"),
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "gradle-cache",
        title="Gradle cache left in the image",
        why=_BUILD_INPUTS,
        patterns=("**/.gradle/caches", "**/.gradle/wrapper/dists", "**/.gradle/daemon"),
        fix=mounted,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "composer-cache",
        title="Composer cache left in the image",
        why=_DOWNLOADS.format("Composer"),
        patterns=("**/.composer/cache", "**/.cache/composer"),
        fix=with_option(
            r"composer(?:\.phar)?", ("install", "update", "require"), "--no-cache", mounted
        ),
    ),
    path_rule(
        "gem-cache",
        title="Downloaded gems left in the image",
        why="RubyGems keeps the .gem file of every installed gem. Only a reinstallation needs it.",
        patterns=(
            "**/ruby/gems/*/cache/*.gem",
            "/var/lib/gems/*/cache/*.gem",
            "/usr/local/bundle/cache/*.gem",
            "**/vendor/bundle/ruby/*/cache/*.gem",
            "**/.bundle/cache",
        ),
        fix=cleaned('rm -rf "$(gem env gemdir)"/cache/*.gem'),
    ),
    path_rule(
        "compiler-cache",
        title="Compiler cache left in the image",
        why="ccache, sccache and Bazel keep object files for the next build, which never happens in an image.",
        patterns=("**/.ccache", "**/.cache/ccache", "**/.cache/sccache", "**/.cache/bazel"),
        fix=mounted,
    ),
    path_rule(
        "user-cache",
        title="Other caches in a home directory",
        why="Programs can recreate or download again what they keep in ~/.cache.",
        patterns=("/root/.cache/*", "/home/*/.cache/*"),
        fix=removed,
        spare=tuple(f"**/.cache/{name}" for name in (*_OWN_RULE, *_PUT_THERE)),
        confidence=Confidence.LOW,
        min_bytes=1_000_000,
    ),
    path_rule(
        "temporary-files",
        title="Temporary files left in the image",
        why="Files in /tmp are rarely needed after the build. Often they are archives that were unpacked elsewhere.",
        patterns=("/tmp/*", "/var/tmp/*"),  # noqa: S108 - paths in an image
        fix=removed,
        confidence=Confidence.MEDIUM,
    ),
    path_rule(
        "logs",
        title="Build logs left in the image",
        why="Package managers and installers wrote these logs during the build.",
        patterns=("/var/log/*",),
        fix=removed,
        spare=("/var/log/lastlog", "/var/log/faillog", "/var/log/tallylog"),
        severity=Severity.NOTE,
    ),
)
