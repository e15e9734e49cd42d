"""Files not needed at run time are found in images that run a program, unless they are the purpose of the image."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.rules import RULES
from layerscope.opening.open import Options, open_image
from layerscope.settings import RuleChoice
from layerscope.sources import Request
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import findings_by
from tests.images import CREATED, Member, docker_archive, file, layer_tar, symlink, write

RUN = "/bin/sh -c "

CASES = {
    "compilers": (
        "apt-get update && apt-get install -y build-essential libpq-dev curl && make",
        ["usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "usr/bin/x86_64-linux-gnu-gcc-12"],
        ["usr/lib/gcc/x86_64-linux-gnu/12/libgomp.so", "usr/lib/x86_64-linux-gnu/libgcc_s.so.1"],
        "&& apt-get purge -y --auto-remove build-essential libpq-dev",
    ),
    "toolchains": (
        "curl x | tar x",
        ["usr/local/go/bin/go", "root/.rustup/toolchains/stable/bin/rustc"],
        ["usr/local/bin/app", "go/bin/app"],
        "COPY --from=build",
    ),
    "headers": (
        "apk add --no-cache build-base python3 && make",
        ["usr/include/stdio.h", "usr/local/include/python3/Python.h"],
        ["srv/include/x.h"],
        "&& apk del build-base",
    ),
    "static-libraries": (
        "make install",
        ["usr/lib/x86_64-linux-gnu/libc.a", "usr/local/lib/libz.a"],
        ["usr/lib/x86_64-linux-gnu/libc.so.6", "usr/lib/gcc/x/12/libgcc.a", "srv/a.a"],
        "COPY --from=build",
    ),
    "debug-symbols": (
        "apt-get install -y libc6-dbg",
        ["usr/lib/debug/.build-id/ab/cd.debug", "srv/app.pdb"],
        ["srv/debug.log", "usr/lib/debugger.so"],
        "&& rm -rf /usr/lib/debug",
    ),
    "documentation": (
        "apt-get install -y curl",
        ["usr/share/man/man1/curl.1.gz", "usr/share/doc/curl/changelog.gz"],
        ["usr/share/doc/curl/copyright", "srv/doc/x"],
        "path-exclude=",
    ),
    "locales": (
        "make install",
        ["usr/share/locale/de/LC_MESSAGES/x.mo"],
        ["usr/share/locale/en/LC_MESSAGES/x.mo", "usr/share/locale/locale.alias"],
        "find /usr/share/locale -path '*/LC_MESSAGES/*' ! -path '/usr/share/locale/en*' -type f -delete",
    ),
    "python-bytecode": (
        "pip install flask",
        ["usr/lib/python3/site-packages/flask/__pycache__/app.pyc"],
        ["usr/lib/python3/site-packages/flask/app.py"],
        "RUN pip install --no-compile flask",
    ),
    "python-tests": (
        "pip install pandas",
        ["usr/lib/python3/site-packages/pandas/tests/x.py", "usr/lib/python3.11/test/y.py"],
        ["usr/lib/python3.11/test/support/z.py", "srv/tests/x.py"],
        "&& find /usr/lib/python3.11/test -mindepth 1 -maxdepth 1 ! -name support -exec rm -rf {} +",
    ),
    "source-maps": (
        "npm run build",
        ["srv/dist/app.js.map", "srv/dist/app.css.map"],
        ["srv/dist/world.map", "srv/dist/app.js"],
        r"&& find /srv/dist -type f \( -name '*.js.map' -o -name '*.css.map' \) -delete",
    ),
    "git-directory": (
        "git clone https://example.test/x /srv/x",
        ["srv/x/.git/objects/pack/1.pack"],
        ["srv/x/README.md", "srv/x/.git/HEAD"],
        "RUN git clone --depth 1 https://example.test/x /srv/x",
    ),
    "editor-files": (
        "make",
        ["srv/.idea/workspace.xml", "srv/.app.py.swp", "srv/.DS_Store"],
        ["srv/idea/x", "srv/swp"],
        "&& rm -rf /srv/.",
    ),
}


def in_image(
    rule: str, command: str, members: list[Member], start: tuple[str, ...], tmp_path: Path
) -> list[Finding]:
    """The findings of a rule for an image of one step that starts a program."""
    archive = docker_archive(
        [layer_tar(members)],
        history=[{"created": CREATED, "created_by": RUN + command}],
        config={"config": {"Entrypoint": list(start)}},
    )
    path = write(tmp_path / "image.tar", archive)
    findings = open_image(
        Request(str(path)), Options(rules={rule: RuleChoice(min_bytes=0)})
    ).findings
    assert findings is not None
    return [finding for finding in findings.found if finding.rule == rule]


@pytest.mark.parametrize("rule", CASES)
def test_unused_files_are_claimed_with_their_exact_bytes(rule: str, tmp_path: Path) -> None:
    """The image runs a Python program."""
    command, inside, outside, fix = CASES[rule]
    members = [file(name, b"x" * (500 + at)) for at, name in enumerate(reversed(inside))]
    members += [file(name, b"y" * 9000) for name in outside]
    (finding,) = in_image(rule, command, members, ("python3", "/srv/app.py"), tmp_path)
    assert finding.bytes == sum(500 + at for at in range(len(inside)))
    assert fix in finding.fix


def test_every_rule_has_a_case() -> None:
    """Every rule has a test case here, except core dumps, tested below, and development packages, which have a separate module."""
    names = [rule.name for rule in RULES]
    tools = names[names.index("compilers") : names.index("core-dumps")]
    assert {*tools} == {*CASES, "node-development"}


@pytest.mark.parametrize("start", [("gcc",), ("/usr/bin/make", "all"), ("bash",), ("sh", "-c")])
@pytest.mark.parametrize("rule", ["compilers", "toolchains", "headers", "static-libraries"])
def test_an_image_for_building_may_have_compilers(
    rule: str, start: tuple[str, ...], tmp_path: Path
) -> None:
    """So may an image that starts a shell: its purpose is unknown."""
    command, inside, _, _ = CASES[rule]
    members = [file(name, b"x" * 500) for name in inside]
    assert in_image(rule, command, members, start, tmp_path) == []


SITE = "usr/local/lib/python3.12/site-packages"
CALLERS = [
    f"{SITE}/triton/runtime/build.py",
    "opt/venv/lib/python3.11/site-packages/torch/_inductor/codecache.py",
    "usr/local/lib/python3.10/dist-packages/pytensor/link/c/cmodule.py",
    f"{SITE}/cmdstanpy/model.py",
    f"{SITE}/cupy/cuda/compiler.py",
    "usr/local/lib/R/site-library/rstan/DESCRIPTION",
    "usr/share/perl5/Inline/C.pm",
    "usr/local/bin/verilator",
    "home/runner/bin/Runner.Listener",
    "opt/conda/bin/jupyter-lab",
]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("rule", ["compilers", "headers", "static-libraries"])
def test_software_that_compiles_at_run_time_lowers_the_confidence(
    rule: str, caller: str, tmp_path: Path
) -> None:
    """The finding is a note that names the software."""
    command, inside, _, _ = CASES[rule]
    members = [*(file(name, b"x" * 500) for name in inside), file(caller, b"x")]
    (finding,) = in_image(rule, command, members, ("python3", "/srv/app.py"), tmp_path)
    assert (finding.severity, finding.confidence) == (Severity.NOTE, Confidence.LOW)
    assert "compiles while the container runs" in finding.why


def test_the_fix_keeps_languages_that_variables_select() -> None:
    """They are not counted either."""
    names = ("de", "fr", "en_GB")
    members = [file(f"usr/share/locale/{name}/LC_MESSAGES/x.mo", b"x" * 500) for name in names]
    steps = [(RUN + "make install", members)]
    (finding,) = findings_by(steps, "locales", config={"Env": ["LANG=de_DE.UTF-8"]})
    assert finding.bytes == 500
    assert "! -path '/usr/share/locale/en*' ! -path '/usr/share/locale/de*'" in finding.fix


def test_a_toolchain_is_needed_if_jobs_run_in_the_image() -> None:
    """Triton compiles, but not with Go."""
    go = file("usr/local/go/bin/go", b"x" * 500)
    for beside, confidence in (
        (f"{SITE}/triton/x.py", Confidence.MEDIUM),
        ("usr/bin/gitlab-runner", Confidence.LOW),
    ):
        steps = [(RUN + "curl x | tar x", [go, file(beside, b"x")])]
        (finding,) = findings_by(steps, "toolchains", config={"Entrypoint": ["/srv/app"]})
        assert finding.confidence is confidence


def clone(*more: str) -> list[Member]:
    """A clone in /opt/tool."""
    names = (".git/objects/pack/x.pack", ".git/HEAD", "README.md", *more)
    return [file(f"opt/tool/{name}", b"x" * 700) for name in names]


TOOLS: dict[str, tuple[list[Member], dict[str, object], Confidence]] = {
    "on PATH": (clone("bin/tool"), {"Env": ["PATH=/bin:/opt/tool/bin"]}, Confidence.LOW),
    "itself on PATH": (clone("tool"), {"Env": ["PATH=/opt/tool:/bin"]}, Confidence.LOW),
    "Flutter": (clone("bin/flutter"), {}, Confidence.LOW),
    "vcpkg": (clone(".vcpkg-root"), {}, Confidence.LOW),
    "nvm": (clone("nvm.sh"), {}, Confidence.LOW),
    "Homebrew": (clone("Library/Homebrew/brew.rb"), {}, Confidence.LOW),
    "pyenv": (clone("libexec/pyenv"), {}, Confidence.LOW),
    "named by a variable": (clone(), {"Env": ["TOOL_ROOT=/opt/tool"]}, Confidence.MEDIUM),
    "an application": (clone("run.sh"), {"WorkingDir": "/opt/tool", "Cmd": ["./run.sh"]}, Confidence.HIGH),
    "with an environment": (clone(".venv/bin/x"), {"Env": ["PATH=/opt/tool/.venv/bin"]}, Confidence.HIGH),
}  # fmt: skip


@pytest.mark.parametrize("what", TOOLS)
def test_the_history_of_a_tools_clone_has_low_confidence(what: str) -> None:
    """Some tools run Git in their clone; an application does not need its history."""
    members, config, confidence = TOOLS[what]
    steps = [(RUN + "git clone https://x.test/tool /opt/tool", members)]
    (finding,) = findings_by(steps, "git-directory", config=config)
    assert (finding.bytes, finding.confidence) == (700, confidence)
    assert finding.severity is Severity.WARNING.at(confidence)


def test_a_repository_fetched_by_add_is_reported() -> None:
    """A flag of ADD keeps its history."""
    step = "ADD --keep-git-dir=true https://x.test/tool.git /opt/tool # buildkit"
    (finding,) = findings_by([(step, clone())], "git-directory")
    assert finding.fix.endswith("\nADD https://x.test/tool.git /opt/tool")
    assert findings_by([(step, clone())], "copied-context") == []


def test_a_copied_repository_belongs_to_another_rule() -> None:
    """`copied-context` reports .git with everything else that the COPY should leave out."""
    members = [file("srv/.git/objects/1", b"x" * 100)]
    assert findings_by([("COPY . /srv # buildkit", members)], "git-directory") == []


def elf(kind: int, order: str = "<") -> bytes:
    """The head of an ELF file of this type."""
    return (
        b"\x7fELF\x02"
        + (b"\x01" if order == "<" else b"\x02")
        + bytes(10)
        + struct.pack(order + "H", kind)
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_core_dump_is_recognized_by_its_content(order: str) -> None:
    """Both byte orders are known; a directory, program or text with that name is not a core dump."""
    members = [
        file("srv/core.123", elf(4, order) + b"m" * 1000),
        file("srv/core", elf(2, order) + b"p" * 1000),
        file("opt/core", b"text"),
        file("usr/core/x", elf(4, order)),
        symlink("core", "srv/core.123"),
    ]
    (finding,) = findings_by([(RUN + "make test", members)], "core-dumps")
    assert (finding.bytes, len(finding.paths)) == (1018, 1)
    assert finding.fix.endswith("&& rm -rf /srv/core.123")


@pytest.mark.parametrize(
    ("command", "paths", "expected"),
    [
        (
            "apt-get install -y python3-pip",
            [
                "usr/lib/python3/dist-packages/a/__pycache__/x.pyc",
                "usr/lib/python3.11/__pycache__/y.pyc",
            ],
            "RUN apt-get install -y python3-pip \\\n"
            "    && find /usr/lib -type d -name __pycache__ -prune -exec rm -rf {} +",
        ),
        (
            "apt-get install -y python3-pip && pip install flask",
            ["usr/lib/python3/dist-packages/a/__pycache__/old/x.pyc"],
            "RUN apt-get install -y python3-pip \\\n"
            "    && pip install flask \\\n"
            "    && find /usr/lib/python3/dist-packages/a/__pycache__ -type d -name __pycache__ -prune -exec rm -rf {} +",
        ),
        ("pip install flask", ["x/__pycache__/x.pyc"], "RUN pip install --no-compile flask"),
    ],
)
def test_bytecode_of_system_packages_is_deleted(
    command: str, paths: list[str], expected: str
) -> None:
    """Their scripts compile whatever the environment says, so an option of pip or a variable would save nothing."""
    members = [file(path, b"x" * 100) for path in paths]
    (found,) = findings_by([(f"RUN /bin/sh -c {command} # buildkit", members)], "python-bytecode")
    assert found.fix == expected


def test_later_runs_write_no_bytecode_either() -> None:
    """They would write it again when they import modules whose bytecode was deleted."""
    steps = [
        ("RUN /bin/sh -c pip install flask # buildkit", [file("x/__pycache__/x.pyc", b"x" * 100)]),
        ("RUN /bin/sh -c python manage.py check # buildkit", [file("y", b"y")]),
    ]
    (found,) = findings_by(steps, "python-bytecode")
    assert found.fix == "ENV PYTHONDONTWRITEBYTECODE=1\nRUN pip install --no-compile flask"
    assert [edit.kind for edit in found.edits] == ["before", "change"]
