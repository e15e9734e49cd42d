"""Caches that tools leave behind: each found where the tool keeps it, with exact bytes and a fix that fits the step."""

from __future__ import annotations

import pytest

from layerscope.analysis.findings.rules import RULES, caches, language_caches
from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of
from tests.images import file, hardlink

RUN = "/bin/sh -c "

CASES = {
    "apt-archives": (
        "apt-get install -y curl",
        ["var/cache/apt/archives/curl_8_amd64.deb", "var/cache/apt/pkgcache.bin"],
        ["var/cache/apt/archives/lock", "srv/curl.deb"],
        "&& apt-get clean",
    ),
    "debian-backups": (
        "apt-get install -y curl",
        ["var/cache/debconf/templates.dat-old", "var/lib/dpkg/status-old"],
        ["var/cache/debconf/templates.dat", "var/lib/dpkg/status", "etc/passwd-old"],
        "&& rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old",
    ),
    "apk-cache": (
        "apk add curl",
        ["var/cache/apk/APKINDEX.1234.tar.gz"],
        ["lib/apk/db/installed"],
        "RUN apk add --no-cache curl",
    ),
    "dnf-cache": (
        "microdnf install curl",
        ["var/cache/dnf/fedora.solv", "var/cache/yum/x86_64/primary.xml"],
        ["var/lib/rpm/rpmdb.sqlite"],
        "&& microdnf clean all",
    ),
    "zypper-cache": (
        "zypper install -y curl",
        ["var/cache/zypp/solv/oss/solv"],
        ["etc/zypp/zypp.conf"],
        "&& zypper clean --all",
    ),
    "pacman-cache": (
        "pacman -S curl",
        ["var/cache/pacman/pkg/curl.pkg.tar.zst", "var/lib/pacman/sync/core.db"],
        ["var/lib/pacman/local/curl/desc"],
        "&& rm -rf /var/cache/pacman/pkg/*",
    ),
    "pip-cache": (
        "pip install flask && true",
        ["root/.cache/pip/http/1", "home/app/.cache/pip/wheels/2"],
        ["srv/cache/pip/1", "usr/lib/python3/site-packages/pip/x.py"],
        "RUN pip install --no-cache-dir flask",
    ),
    "uv-cache": (
        "uv sync",
        ["root/.cache/uv/archive-v0/1"],
        ["root/.local/bin/uv"],
        "--mount=type=cache,target=/root/.cache/uv uv sync",
    ),
    "poetry-cache": (
        "poetry install",
        ["root/.cache/pypoetry/cache/1", "root/.cache/pipenv/1"],
        ["srv/poetry.lock"],
        "--mount=type=cache,target=/root/.cache/",
    ),
    "conda-packages": (
        "conda install numpy",
        ["opt/conda/pkgs/numpy-1.tar.bz2", "home/x/miniconda3/pkgs/numpy/a"],
        ["opt/conda/lib/python3/site-packages/numpy/a"],
        "&& conda clean --all",
    ),
    "npm-cache": (
        "npm ci",
        ["root/.npm/_cacache/content-v2/1", "root/.npm/_logs/debug.log"],
        ["srv/node_modules/_cacache/x"],
        "&& npm cache clean --force",
    ),
    "yarn-cache": (
        "yarn install",
        ["usr/local/share/.cache/yarn/v6/1", "root/.yarn/berry/cache/1"],
        ["srv/.yarn/releases/yarn.cjs"],
        "&& yarn cache clean",
    ),
    "pnpm-store": (
        "pnpm install",
        ["root/.local/share/pnpm/store/v3/files/1", "root/.bun/install/cache/1"],
        ["root/.local/share/pnpm/pnpm"],
        "--mount=type=cache,target=",
    ),
    "go-cache": (
        "go build -o /app .",
        ["root/.cache/go-build/00/1", "go/pkg/mod/example.test/x@v1/x.go"],
        ["usr/local/go/pkg/tool/x", "app"],
        "--mount=type=cache,target=",
    ),
    "cargo-registry": (
        "cargo build --release",
        ["usr/local/cargo/registry/src/1", "root/.cargo/git/db/1"],
        ["usr/local/cargo/bin/cargo"],
        "--mount=type=cache,target=",
    ),
    "maven-repository": (
        "mvn package",
        ["root/.m2/repository/org/x.jar", "root/.ivy2/cache/1"],
        ["root/.m2/settings.xml"],
        "--mount=type=cache,target=",
    ),
    "gradle-cache": (
        "./gradlew build",
        ["root/.gradle/caches/modules-2/1", "root/.gradle/wrapper/dists/gradle-8/1"],
        ["srv/gradle/wrapper/gradle-wrapper.jar"],
        "--mount=type=cache,target=/root/.gradle/",
    ),
    "composer-cache": (
        "composer install --no-dev",
        ["root/.composer/cache/files/1"],
        ["srv/vendor/composer/autoload.php"],
        "RUN composer install --no-cache --no-dev",
    ),
    "gem-cache": (
        "gem install rails",
        ["usr/local/lib/ruby/gems/3.3.0/cache/rails-7.gem", "usr/local/bundle/cache/x.gem"],
        ["usr/local/lib/ruby/gems/3.3.0/gems/rails-7/lib/rails.rb"],
        '&& rm -rf "$(gem env gemdir)"/cache/*.gem',
    ),
    "nuget-packages": (
        "dotnet publish -o /app",
        ["root/.nuget/packages/x/1.0/x.1.0.nupkg", "root/.local/share/NuGet/v3-cache/1/list.dat"],
        ["root/.nuget/NuGet/NuGet.Config", "root/.dotnet/tools/.store/t/1/t/1/.nupkg.metadata"],
        "--mount=type=cache,target=/root/.",
    ),
    "cpan-cache": (
        "cpanm Mojolicious",
        ["root/.cpanm/work/1700000000.1/Mojolicious-9.35.tar.gz", "root/.cpan/build/x/Makefile"],
        ["usr/local/share/perl/5.36.0/Mojolicious.pm", "srv/work/1/x"],
        "&& rm -rf /root/.cpan",
    ),
    "haskell-cache": (
        "cabal install",
        [
            "root/.cabal/packages/hackage.haskell.org/01-index.tar",
            "root/.stack/pantry/pantry.sqlite3",
        ],
        [
            "root/.cabal/bin/app",
            "root/.cabal/store/ghc-9/app-1/bin/app",
            "root/.stack/snapshots/x/share/y",
        ],
        "--mount=type=cache,target=/root/.",
    ),
    "opam-cache": (
        "opam install -y dune",
        ["root/.opam/download-cache/md5/0f/0f3a", "root/.opam/default/.opam-switch/sources/x/y.ml"],
        ["root/.opam/default/bin/dune", "root/.opam/default/lib/x/y.cmxa"],
        "&& opam clean --all-switches --download-cache --logs",
    ),
    "hex-cache": (
        "mix deps.get",
        ["root/.hex/packages/hexpm/jason-1.4.0.tar", "root/.cache/rebar3/hex/hexpm/packages/x.tar"],
        ["root/.hex/hex.config", "root/.mix/archives/hex-2.0/x.beam", "srv/deps/jason/mix.exs"],
        "--mount=type=cache,target=/root/.",
    ),
    "pub-cache": (
        "dart compile exe bin/app.dart",
        ["root/.pub-cache/hosted/pub.dev/http-1.2.0/lib/http.dart", "root/.pub-cache/git/cache/x"],
        ["root/.pub-cache/bin/tool", "srv/hosted/x"],
        "--mount=type=cache,target=/root/.pub-cache/",
    ),
    "deno-cache": (
        "deno compile -o app main.ts",
        ["root/.cache/deno/deps/https/deno.land/0f3a", "deno-dir/npm/registry.npmjs.org/x/1/x.js"],
        ["usr/bin/deno", "srv/main.ts"],
        "--mount=type=cache,target=/",
    ),
    "compiler-cache": (
        "make",
        ["root/.ccache/0/1", "root/.cache/bazel/1"],
        ["usr/bin/ccache"],
        "--mount=type=cache,target=/root/.",
    ),
    "user-cache": (
        "tool",
        ["root/.cache/mesa/1", "home/app/.cache/fontconfig/1"],
        [
            "root/.cache/pip/1",
            "root/.cache/huggingface/model.bin",
            "root/.cache/ms-playwright/chrome",
            "root/.cache/node/corepack/v1/pnpm/9/dist/pnpm.cjs",
        ],
        "&& rm -rf /root/.cache/mesa",
    ),
    "temporary-files": (
        "curl -o /tmp/a.tar x && tar xf /tmp/a.tar",
        ["tmp/a.tar", "var/tmp/b/c"],
        ["srv/tmp/x"],
        "&& rm -rf /tmp/a.tar /var/tmp/b",
    ),
    "logs": (
        "apt-get install -y curl",
        ["var/log/dpkg.log", "var/log/apt/term.log"],
        ["var/log/lastlog", "srv/log/x"],
        "&& rm -rf /var/log/",
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_cache_is_found_with_its_exact_bytes_and_nothing_beside_it(rule: str) -> None:
    """Files in the cache count; similar paths do not."""
    command, inside, outside, fix = CASES[rule]
    members = [file(name, b"x" * (500 + at)) for at, name in enumerate(reversed(inside))]
    members += [file(name, b"y" * 9000) for name in outside]
    (finding,) = findings_by([(RUN + command, members)], rule)
    assert finding.bytes == sum(500 + at for at in range(len(inside)))
    assert len(finding.paths) == len(inside)
    assert fix in finding.fix


def test_every_cache_has_a_case() -> None:
    """Every rule about caches has a test case here, except apt-lists, which has a separate module."""
    rules = (*caches.RULES, *language_caches.RULES)
    assert {rule.name for rule in rules} == {*CASES, "apt-lists"}


@pytest.mark.parametrize(
    "rule",
    [name for name in CASES if name != "user-cache" and any(".cache/" in each for each in CASES[name][1])],
)  # fmt: skip
def test_the_rule_for_other_caches_skips_those_with_their_own_rule(rule: str) -> None:
    """`_OWN_RULE` names their directories in `~/.cache`."""
    members = [file(name, b"x" * 900) for name in CASES[rule][1] if ".cache/" in name]
    assert findings_by([(RUN + "make", members)], "user-cache") == []


ELSEWHERE = {
    "npm-cache": ["pkg-cache/npm/_cacache/content-v2/sha512/aa/bb/cc"],
    "pip-cache": ["var/pip/http-v2/0/f/3/a", "var/pip/selfcheck/0f"],
    "uv-cache": ["var/uv/archive-v0/x/y.py", "var/uv/simple-v12/pypi/x.rkyv"],
    "yarn-cache": ["var/yarn/v6/npm-x-1.0.0-0f3a-integrity/node_modules/x/index.js"],
    "pnpm-store": ["store/v10/files/00/0f3a"],
    "go-cache": ["opt/gopath/pkg/mod/cache/download/x/@v/1.zip", "opt/gopath/pkg/mod/x@v1/x.go"],
    "cargo-registry": ["opt/cargo/registry/cache/index.crates.io-6f/serde-1.0.crate"],
    "conda-packages": ["srv/conda/pkgs/numpy-1.26.0-py311.conda", "srv/env/pkgs/x-1/info/index.json"],
    "gem-cache": ["usr/local/bundle/ruby/3.3.0/cache/nokogiri-1.16.0.gem"],
    "maven-repository": ["var/ivy/org.x/y/ivydata-1.0.properties", "var/ivy/org.x/y/jars/y.jar"],
    "gradle-cache": ["var/gradle/caches/modules-2/files-2.1/x/y.jar"],
    "composer-cache": ["var/composer/repo/https---repo.packagist.org/p2.json", "var/composer/files/x/y.zip"],
    "nuget-packages": ["nuget/x/1.0/.nupkg.metadata", "nuget/x/1.0/x.1.0.nupkg"],
    "cpan-cache": ["cpan/work/1700000000.12/build.log", "cpan/work/1700000000.12/X-1.tar.gz"],
    "haskell-cache": ["hs/packages/hackage.haskell.org/01-index.tar.gz", "stack/pantry/pantry.sqlite3"],
    "opam-cache": ["opam/download-cache/sha256/0f/0f3a", "opam/5.1/.opam-switch/build/x/y.o"],
    "hex-cache": ["hex/packages/hexpm/jason-1.4.0.tar"],
    "pub-cache": ["pub/hosted/pub.dev/http-1.2.0/lib/http.dart"],
    "deno-cache": ["srv/deno/dep_analysis_cache_v2", "srv/deno/deps/https/deno.land/0f3a"],
}  # fmt: skip


@pytest.mark.parametrize("rule", ELSEWHERE)
def test_a_cache_is_recognized_by_its_contents(rule: str) -> None:
    """It is found, and cleaned, wherever a variable or an option put it."""
    members = [file(name, b"x" * (500 + at)) for at, name in enumerate(ELSEWHERE[rule])]
    (finding,) = findings_by([(RUN + CASES[rule][0], members)], rule)
    assert finding.bytes == sum(len(member.data) for member in members)
    place = f"/{ELSEWHERE[rule][0].split('/')[0]}"
    assert any(words in finding.fix for words in (place, "--no-cache", "conda clean"))


NO_CACHES = {
    "npm-cache": ["srv/_cacache/x", "srv/node_modules/cacache/lib/content-v2.js"],
    "gem-cache": ["srv/vendor/cache/x-1.gem", "srv/public/x-1.gem"],
    "conda-packages": ["srv/channel/noarch/x-1.conda", "go/pkgs/x.go"],
    "nuget-packages": ["root/.dotnet/tools/.store/t/1/t/1/.nupkg.metadata", "srv/x/1.0/.nupkg.metadata", "srv/app/app.dll", "usr/share/dotnet/x/y/z.nupkg"],
    "go-cache": ["srv/pkg/mod/x.go"],
    "poetry-cache": ["root/.cache/pypoetry/virtualenvs/app-py3/lib/python3.12/site-packages/x.py"],
    "pub-cache": ["srv/hosted/x.html"],
    "cpan-cache": ["srv/work/2024.1/build.log"],
}  # fmt: skip


@pytest.mark.parametrize("rule", NO_CACHES)
def test_directories_that_resemble_caches_are_left_alone(rule: str) -> None:
    """These are packages of the application, installed tools, and environments."""
    members = [file(name, b"x" * 900) for name in NO_CACHES[rule]]
    assert findings_by([(RUN + CASES[rule][0], members)], rule) == []


def test_an_apt_cache_and_a_pip_cache_of_one_step_are_two_findings() -> None:
    """Each cause has one finding."""
    steps = [
        (
            RUN + "apt-get update && pip install flask",
            [
                file("var/lib/apt/lists/main", b"l" * 200_000),
                file("root/.cache/pip/1", b"p" * 300_000),
            ],
        )
    ]
    found = findings_of(opened_of(steps)).found
    assert [(finding.rule, finding.bytes) for finding in found] == [
        ("pip-cache", 300_000),
        ("apt-lists", 200_000),
    ]


def test_files_linked_into_an_environment_are_not_claimed() -> None:
    """uv, pnpm and conda make hard links from their stores: only files without another name are claimed."""
    members = [
        file("root/.cache/uv/archive/a.py", b"a" * 700),
        file("root/.cache/uv/archive/b.py", b"b" * 30),
        hardlink("srv/.venv/lib/a.py", "root/.cache/uv/archive/a.py"),
    ]
    (finding,) = findings_by([(RUN + "uv sync", members)], "uv-cache")
    assert finding.bytes == 30


def test_a_copied_cache_should_not_be_copied() -> None:
    """No command can clean up after a COPY."""
    (finding,) = findings_by(
        [("COPY . /root # buildkit", [file("root/.npm/_cacache/1", b"x")])], "npm-cache"
    )
    assert finding.fix == (
        "# in .dockerignore:\n.npm/_cacache\n# so that this does not copy it:\nCOPY . /root"
    )


def test_an_existing_option_is_not_added_again() -> None:
    """If the command already has the option, the cache has another origin, and the fix is another one."""
    (finding,) = findings_by(
        [(RUN + "pip install --no-cache-dir flask", [file("root/.cache/pip/1", b"x")])], "pip-cache"
    )
    assert finding.fix.count("--no-cache-dir") == 1
    assert "--mount=type=cache" in finding.fix


def test_names_with_shell_syntax_are_quoted() -> None:
    """A hostile name is one word in a fix."""
    (finding,) = findings_by(
        [(RUN + "make", [file("tmp/a; rm -rf $HOME", b"x")])], "temporary-files"
    )
    assert "rm -rf '/tmp/a; rm -rf $HOME'" in finding.fix


@pytest.mark.parametrize(
    ("name", "word"), [("tmp/a\nRUN evil", "/tmp/a?'RUN evil'"), (b"tmp/\xff", "/tmp/?")]
)
def test_a_line_break_in_a_name_is_matched_by_a_pattern(name: str | bytes, word: str) -> None:
    """It does not end the instruction."""
    (finding,) = findings_by([(RUN + "make", [file(name, b"x")])], "temporary-files")
    assert finding.fix == f"RUN make \\\n    && rm -rf {word}"
    (finding,) = findings_by([("COPY . / # buildkit", [file(name, b"x")])], "temporary-files")
    assert finding.fix.count("\n") == 3
    assert finding.fix.endswith("\nCOPY . /")


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_every_rule_accepts_an_image_without_files(rule: str) -> None:
    """The only finding of an image with empty layers is the empty layer."""
    found = findings_by([(RUN + "true", []), ("CMD sh", None)], rule, None)
    assert found == [] or rule == "empty-layer"
    assert findings_by([("CMD sh", None)], rule, None) == []


def test_a_cache_that_later_steps_would_build_again_is_cleaned_there_as_well() -> None:
    """Later steps are changed if they now store no such files and do not clean up themselves; packages are fetched only once."""
    first = "RUN /bin/sh -c apt-get install -y a # buildkit"
    cache = [file("var/cache/apt/pkgcache.bin", b"p" * 100), file("usr/bin/a", b"a")]
    later = [
        ("RUN /bin/sh -c make # buildkit", [file("opt/x", b"x")]),
        (
            "RUN /bin/sh -c apt-get install -y b && apt-get clean # buildkit",
            [file("usr/bin/b", b"b")],
        ),
        ("RUN /bin/sh -c apt-get install -y c # buildkit", [file("usr/bin/c", b"c")]),
    ]
    (found,) = findings_by([(first, cache), *later], "apt-archives")
    assert found.fix == (
        "RUN apt-get install -y a \\\n    && apt-get clean\n"
        "# and in later steps that would store it again:\n"
        "RUN apt-get install -y c \\\n    && apt-get clean"
    )
    assert (found.steps, [edit.step for edit in found.edits]) == ((0, 3), [0, 3])
    packages = [file("var/cache/apt/archives/a.deb", b"p" * 100)]
    (found,) = findings_by([(first, packages), *later], "apt-archives")
    assert found.steps == (0,)
