"""`layerscope fix`: the findings' fixes as a patch that `git apply` takes."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options, open_image
from layerscope.opening.run_rules import patcher_of
from layerscope.sources import Request
from tests.cli.running import Here
from tests.images import Member, docker_archive, file, layer_tar, whiteout, write

BASE = [file("bin/sh", b"s" * 100), file("etc/passwd", b"root:x:0:0::/root:/bin/sh\n")]
LISTS = [file("var/lib/apt/lists/x_Packages.lz4", b"l" * 300_000), file("usr/bin/vim", b"v")]
PIP = [file("root/.cache/pip/http-v2/a", b"p" * 1_500_000), file("usr/lib/x.py", b"x")]
CONTEXT = [file("app/.git/objects/pack/p.pack", b"g" * 2_000_000), file("app/x.py", b"x")]


def image(
    path: Path, steps: Sequence[tuple[str, Sequence[Member] | None]], base: Sequence[Member] = BASE
) -> Path:
    """Write an image of a base and these steps."""
    every = [("/bin/sh -c #(nop) ADD file:aa in / ", base), *steps]
    history = [
        {"created_by": text} | ({"empty_layer": True} if members is None else {})
        for text, members in every
    ]
    layers = [layer_tar(members) for _, members in every if members is not None]
    return write(path, docker_archive(layers, history=history))


def shell(command: str) -> str:
    """The text that BuildKit records for a RUN."""
    return f"RUN /bin/sh -c {command} # buildkit"


DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM debian

# the editor
RUN apt-get update && \\
    apt-get install -y \\
      # because
      vim
RUN pip install x
COPY . /app
CMD ["vim"]
"""
STEPS = [
    (shell("apt-get update &&     apt-get install -y       vim"), LISTS),
    (shell("pip install x"), PIP),
    ("COPY . /app # buildkit", CONTEXT),
    ('CMD ["vim"]', None),
]
PATCHED = """\
# syntax=docker/dockerfile:1
FROM debian

# the editor
RUN apt-get update && \\
    apt-get install -y \\
      # because
      vim && \\
    rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir x
COPY . /app
CMD ["vim"]
"""


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """A folder with an image and its Dockerfile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    image(tmp_path / "image.tar", STEPS)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return Here(tmp_path, capsysbinary, "fix")


def test_git_applies_the_patch(here: Here) -> None:
    """Everything else stays as the author wrote it: comments, line breaks, the position of `&&`."""
    code, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert code == 0
    assert words.startswith("patch with 3 fixes for Dockerfile and .dockerignore: 3.8 MB less\n")
    (here.folder / "fix.patch").write_text(patch)
    subprocess.run(["git", "apply", "fix.patch"], cwd=here.folder, check=True)
    assert (here.folder / "Dockerfile").read_text() == PATCHED
    assert (here.folder / ".dockerignore").read_text() == "**/.git\n"


def test_write_changes_the_files(here: Here) -> None:
    """Existing lines of .dockerignore stay and are not added again."""
    (here.folder / ".dockerignore").write_text("*.pyc")
    code, out, words = here("image.tar", "--dockerfile", "Dockerfile", "--write")
    assert (code, out) == (0, "")
    assert words.startswith("3 fixes written to Dockerfile and .dockerignore")
    assert (here.folder / "Dockerfile").read_text() == PATCHED
    assert (here.folder / ".dockerignore").read_text() == "*.pyc\n**/.git\n"


def test_rules_and_sizes_can_be_chosen(here: Here) -> None:
    """Findings can be chosen by rule or by size."""
    _, patch, words = here("image.tar", "--dockerfile", "Dockerfile", "--only", "apt-lists")
    assert "rm -rf /var/lib/apt/lists" in patch
    assert "--no-cache-dir" not in patch
    assert words.startswith("patch with 1 fix for Dockerfile")
    _, patch, _ = here("image.tar", "--dockerfile", "Dockerfile", "--min-bytes", "1 MB")
    assert "apt/lists" not in patch
    assert "--no-cache-dir" in patch


def test_without_a_dockerfile_the_patch_is_for_the_restored_one(here: Here) -> None:
    """The patch says so."""
    code, patch, _ = here("image.tar")
    assert code == 0
    assert patch.startswith("This patch is for a Dockerfile restored from the image's history")
    assert "-RUN pip install x\n" in patch
    assert "+RUN pip install --no-cache-dir x\n" in patch


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--write"], "--write needs --dockerfile"),
        (["--only", "apt-list"], "did you mean apt-lists"),
        (["--min-bytes", "much"], "--min-bytes: must be a number of bytes"),
        (["--context", "nowhere"], "nowhere"),
        (
            ["--dockerfile", "Dockerfile", "--prove", "--engine", "true"],
            "--engine true: --prove builds with docker, podman or buildah",
        ),
        (
            ["--dockerfile", "Dockerfile", "--prove", "--engine", "no-such-program"],
            "--engine no-such-program: --prove builds with docker, podman or buildah",
        ),
        (["--engine", "podman"], "--engine can only be used with --prove"),
        (["--keep"], "--keep can only be used with --prove"),
        (["--", "--no-cache"], "BUILD ARGS can only be used with --prove"),
        (["--diff", "--write", "--dockerfile", "Dockerfile"], "--diff and --write cannot"),
        (["--except", "apt-list"], "--except: unknown rule `apt-list`"),
        (["--confidence", "some"], "--confidence"),
        (["--dockerfile", "other"], "none of its instructions are among the steps"),
        (["--dockerfile", "from"], "from: it has no instructions except FROM"),
        (["--dockerfile", "nowhere"], "--dockerfile: nowhere: no such file"),
        (["--dockerfile", "."], "--dockerfile: .: is a directory"),
        (["--dockerfile", "-"], "--dockerfile: stdin cannot be fixed"),
        (["--dockerfile", "unknown"], "unknown: line 2: unknown instruction RNU"),
        (["--dockerfile", "unknown"], "did you mean RUN?"),
        (["--dockerfile", "open"], "open: line 3: a quote that does not end"),
        (["--dockerfile", "open-env"], "open-env: line 2: a quote that does not end"),
    ],
)
def test_wrong_use_exits_with_2(here: Here, args: list[str], message: str) -> None:
    """Nothing is written."""
    for name, text in {
        "other": "FROM x\nRUN something else\n",
        "from": "FROM busybox\n",
        "unknown": "FROM x\nRNU apt-get update\n",
        "open": 'FROM x\nENV A="b" C=\'d"\'\nRUN echo it\\\'s \\\n  "a\n',
        "open-env": 'FROM x\nENV A="b\n',
    }.items():
        (here.folder / name).write_text(text)
    code, out, err = here("image.tar", *args)
    assert (code, out) == (2, "")
    assert message in err


def test_an_image_without_findings_has_an_empty_patch(here: Here) -> None:
    """The exit code is 0."""
    image(here.folder / "clean.tar", [(shell("make"), [file("x", b"x")])])
    assert here("clean.tar") == (0, "", "nothing to fix\n")


def test_findings_of_low_confidence_are_fixed_on_request(here: Here) -> None:
    """They are requested by confidence or by rule; --except leaves rules out."""
    messages = [file(f"usr/share/locale/{name}/LC_MESSAGES/x.mo", b"m" * 1_500_000) for name in ("de", "fr")]  # fmt: skip
    image(here.folder / "image.tar", [(shell("make install"), [*messages, *LISTS])])
    code, patch, words = here("image.tar")
    assert code == 0
    assert "/usr/share/locale" not in patch
    assert "apt/lists" in patch
    assert "not written: locales (3.0 MB): low confidence; --confidence low includes it\n" in words
    for args in (["--confidence", "low"], ["--only", "locales,apt-lists"], ["--only", "locales"]):
        _, patch, words = here("image.tar", *args)
        assert "find /usr/share/locale" in patch
        assert "not written" not in words
    for args in (["--except", "apt-lists"], ["--severity", "error"], ["--confidence", "high", "--except", "x,apt-lists".removeprefix("x,")]):  # fmt: skip
        _, patch, words = here("image.tar", *args)
        assert patch == ""


def test_findings_that_need_a_decision_are_listed(here: Here) -> None:
    """They are listed alone or beside the fixes that are written."""
    modules = [file("app/node_modules/x/y.js", b"j" * 2_000_000)]
    image(here.folder / "image.tar", [("COPY . /app # buildkit", modules)])
    _, patch, words = here("image.tar")
    assert patch == ""
    assert words.startswith("every fix needs a decision; none was written\nnot written: ")
    assert "it needs a decision; `layerscope report` describes the fix\n" in words


def test_fixes_that_the_dockerfile_has_are_not_written_again(here: Here) -> None:
    """The image is still the old one."""
    copied = (here.folder / "Dockerfile").read_text()
    here("image.tar", "--dockerfile", "Dockerfile", "--write")
    patched = (here.folder / "Dockerfile").read_text()
    code, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert (code, patch) == (0, "")
    assert words.startswith("the Dockerfile already has these fixes")
    (here.folder / "Dockerfile").write_text(copied.replace("vim", "vim nano"))
    code, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert (code, patch) == (2, "")
    assert patched != copied


def test_only_fixes_that_the_dockerfile_has_are_reported_as_written(here: Here) -> None:
    """The other fixes are written."""
    here("image.tar", "--dockerfile", "Dockerfile", "--write", "--only", "apt-lists")
    code, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert code == 0
    assert "+RUN pip install --no-cache-dir x\n" in patch
    assert "+**/.git\n" in patch
    assert "apt/lists" not in "".join(line for line in patch.splitlines() if line[:1] == "+")
    assert words.startswith(
        "the Dockerfile already has the fixes of apt-lists; rebuild the image to see the change\n"
        "patch with 2 fixes for Dockerfile and .dockerignore: 3.5 MB less\n"
    )


def test_fixes_of_one_run_are_recognized_together(here: Here) -> None:
    """Neither fix alone gives the RUN that the Dockerfile has."""
    command = "apt-get update && apt-get install -y vim && npm ci"
    npm = [file("root/.npm/_cacache/x", b"n" * 1_200_000)]
    image(here.folder / "image.tar", [(shell(command), [*LISTS, *npm]), STEPS[3]])
    (here.folder / "Dockerfile").write_text(f'FROM x\nRUN {command}\nCMD ["vim"]\n')
    here("image.tar", "--dockerfile", "Dockerfile", "--write")
    code, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert (code, patch) == (0, "")
    assert words == "the Dockerfile already has these fixes; rebuild the image to see the change\n"


def test_findings_that_need_a_decision_are_not_reported_as_fixed(here: Here) -> None:
    """buildah records mounts: the image was built from exactly this file."""
    cached = "--mount=type=cache,target=/root/.cache/pip pip install x"
    secret = [file("app/.env", b"DATABASE_PASSWORD=Xk93jd8fj20dkf\n"), file("app/x.py", b"x")]
    modules = [file("app/node_modules/x/y.js", b"j" * 2_000_000)]
    image(
        here.folder / "image.tar",
        [(f"/bin/sh -c {cached}", [file("usr/x", b"x")]), ("COPY . /app", [*modules, *secret])],
    )
    (here.folder / "Dockerfile").write_text(f"FROM debian\nRUN {cached}\nCOPY . /app\n")
    code, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert code == 0
    assert "already has" not in words
    assert "not written: " in words
    assert "FROM" not in patch


def test_a_dockerignore_that_has_the_fix_is_reported_with_the_other_fixes(here: Here) -> None:
    """Its lines are not counted as new fixes."""
    (here.folder / ".dockerignore").write_text(".git\n**/.git\n")
    _, patch, words = here("image.tar", "--dockerfile", "Dockerfile")
    assert ".git" not in patch.replace("a/Dockerfile", "").replace("diff --git", "")
    first, second, *_ = words.splitlines()
    assert (
        first
        == ".dockerignore already has the fixes of copied-context; rebuild the image to see the change"
    )
    assert second == "patch with 2 fixes for Dockerfile: 1.8 MB less"


# --- how edits come together ----------------------------------------------------------------------


def opened_with(
    folder: Path,
    steps: Sequence[tuple[str, Sequence[Member] | None]],
    text: str,
    base: Sequence[Member] = BASE,
) -> Opened:
    """An image of these steps with its Dockerfile."""
    path = image(folder / "i.tar", steps, base)
    dockerfile = parse_dockerfile(text.encode(), str(folder / "Dockerfile"))
    return open_image(Request(str(path)), Options(rules={}, dockerfile=dockerfile))


def fixed(opened: Opened, order: Sequence[int] | None = None) -> str:
    """The Dockerfile with all fixes, applied in some order."""
    assert opened.findings is not None
    findings, patcher = opened.findings.found, patcher_of(opened)
    numbers = range(len(findings)) if order is None else order
    _, text = patcher.texts(
        patcher.plan([findings[number] for number in numbers], range(len(findings)))
    )
    return text


def test_the_order_of_findings_does_not_matter(tmp_path: Path) -> None:
    """All orders of four findings give the same file."""
    npm = [file("root/.npm/_cacache/x", b"n" * 1_200_000)]
    steps = [
        (shell("apt-get update && apt-get install -y vim && npm ci"), [*LISTS, *npm]),
        *STEPS[1:],
    ]
    text = 'FROM x\nRUN apt-get update && apt-get install -y vim && npm ci\nRUN pip install x\nCOPY . /app\nCMD ["vim"]\n'
    opened = opened_with(tmp_path, steps, text)
    assert opened.findings is not None
    orders = itertools.permutations(range(len(opened.findings.found)))
    (only,) = {fixed(opened, order) for order in orders}
    assert "npm cache clean --force" in only
    assert "rm -rf /var/lib/apt/lists/*" in only


def test_a_command_that_ends_several_merged_runs_is_run_once(tmp_path: Path) -> None:
    """It runs at the end; the step that deleted files that are no longer stored is removed."""
    cache = [file(f"var/cache/apt/{name}pkgcache.bin", b"c" * 400_000) for name in ("src", "")]
    steps = [
        (shell("apt-get update"), [*LISTS, cache[0]]),
        (shell("apt-get install -y vim"), [cache[1]]),
        (shell("rm -rf /var/lib/apt/lists/*"), [whiteout("var/lib/apt/lists/x_Packages.lz4")]),
    ]
    text = (
        "FROM x\nRUN apt-get update\nRUN apt-get install -y vim\nRUN rm -rf /var/lib/apt/lists/*\n"
    )
    assert fixed(opened_with(tmp_path, steps, text)) == (
        "FROM x\nRUN apt-get update \\\n    && apt-get install -y vim \\\n"
        "    && apt-get clean \\\n    && rm -rf /var/lib/apt/lists/*\n"
    )


MERGED = [
    (
        ["set -eux; fetch big", "use big", "put big; rm big"],
        "RUN set -eux; fetch big\nRUN use big\nENV A=1\n# gone\nRUN put big; rm big\n",
        "ENV A=1\n# gone\nRUN set -eux; \\\n    fetch big; \\\n    use big; \\\n    (set +e; put big; rm big)\n",
    ),
    (
        ["fetch big &&   tar x", "rm big && x"],
        "RUN fetch big && \\\n  tar x\nRUN --network=none rm big && x\n",
        None,
    ),
    (
        ["fetch big &&   tar x", "rm big && x"],
        "RUN fetch big && \\\n  tar x\nRUN --mount=type=secret,id=s rm big && x\n",
        "RUN --mount=type=secret,id=s fetch big && \\\n  tar x \\\n    && rm big && x\n",
    ),
    (
        ["fetch big\ntar x\n", "rm big"],
        "RUN <<EOF\nfetch big\ntar x\nEOF\nRUN rm big\n",
        "RUN <<EOF\nset -e\n(\nset +e\nfetch big\ntar x\n)\nrm big\nEOF\n",
    ),
]


@pytest.mark.parametrize(("commands", "text", "expected"), MERGED)
def test_runs_are_merged_in_the_place_of_the_last(
    tmp_path: Path, commands: list[str], text: str, expected: str | None
) -> None:
    """Mounts are kept; comments and instructions between the RUNs come before the merged one."""
    layers: list[list[Member]] = [[file("big", b"b" * 1_500_000)]]
    layers += [[file(f"x{number}", b"x")] for number in range(len(commands) - 2)]
    layers.append([whiteout("big")])
    steps = [(shell(command), layer) for command, layer in zip(commands, layers, strict=True)]
    dockerfile = fixed(opened_with(tmp_path, steps, f"FROM x\n{text}"))
    assert dockerfile == f"FROM x\n{text if expected is None else expected}"


PLACED = [
    (
        "# escape=`\nFROM x\nRUN apt-get update && `\n    apt-get install vim\n",
        "apt-get update &&     apt-get install vim",
        "RUN apt-get update && `\n    apt-get install vim && `\n    rm -rf /var/lib/apt/lists/*\n",
    ),
    (
        "FROM x\r\nRUN apt-get update \\\r\n  && apt-get install vim\r\n",
        "apt-get update   && apt-get install vim",
        "apt-get install vim \\\r\n  && rm -rf /var/lib/apt/lists/*\r\n",
    ),
    (
        "FROM x\nRUN <<-EOF\n\tset -e\n\tapt-get update\n\tapt-get install vim\nEOF\n",
        "set -e\napt-get update\napt-get install vim\n",
        "\tapt-get install vim\nrm -rf /var/lib/apt/lists/*\nEOF\n",
    ),
    (
        "FROM x\nRUN apt-get update && apt-get install vim && cat <<EOF >x\ntext\nEOF\n",
        "apt-get update && apt-get install vim && cat <<EOF >x\ntext\nEOF",
        "cat <<EOF >x && rm -rf /var/lib/apt/lists/*\ntext\nEOF\n",
    ),
    (
        "FROM x\nRUN apt-get update && apt-get install vim",
        "apt-get update && apt-get install vim",
        "RUN apt-get update && apt-get install vim \\\n    && rm -rf /var/lib/apt/lists/*",
    ),
]


@pytest.mark.parametrize(("text", "recorded", "expected"), PLACED)
def test_added_text_follows_the_style_of_the_file(
    tmp_path: Path, text: str, recorded: str, expected: str
) -> None:
    """This covers the escape character, line ends, here-documents, and a last line without an end."""
    opened = opened_with(tmp_path, [(shell(recorded), LISTS)], text)
    dockerfile = fixed(opened)
    assert expected in dockerfile
    assert dockerfile.replace(expected, "") == text[: len(dockerfile) - len(expected)]


def test_a_diff_marks_left_out_lines(tmp_path: Path) -> None:
    """Changes that are far apart must not look adjacent."""
    files = [file("app/x", b"x" * 200_000)]
    owned = [file("app/x", b"x" * 200_000, uid=7, gid=7)]
    steps = [
        ("COPY . /app # buildkit", files),
        *((shell(f"echo {word}"), None) for word in ("one", "two", "three")),
        (shell("chown -R 7:7 /app"), owned),
    ]
    opened = open_image(Request(str(image(tmp_path / "image.tar", steps))), Options(rules={}))
    assert opened.findings is not None
    diffs = [one.difference for one in opened.findings.found if one.edits]
    assert diffs[0].split("\n") == [
        " ADD file:aa in /",
        "-COPY . /app",
        "+COPY --chown=7:7 . /app",
        " RUN echo one",
        " …",
        " RUN echo three",
        "-RUN chown -R 7:7 /app",
    ]


def test_a_restored_dockerfile_has_no_builder_syntax(here: Here) -> None:
    """Ports and health checks are written as in a Dockerfile."""
    ports = ("EXPOSE map[8000/tcp:{}]", None)
    check = ('HEALTHCHECK &{["CMD" "true"] "30s" "0s" "0s" "0s" \'\\x00\'}', None)
    image(here.folder / "image.tar", [STEPS[1], ports, check])
    _, patch, _ = here("image.tar")
    assert "\n EXPOSE 8000/tcp\n" in patch
    assert "map[" not in patch
    assert "&{" not in patch


def test_a_chown_stays_if_part_of_it_cannot_be_moved(tmp_path: Path) -> None:
    """It also changes files of the base image, which no COPY can do: the fix is described in words only."""
    big = b"b" * 600_000
    steps = [
        ("COPY app /srv/app # buildkit", [file("srv/app/data", big + b"x")]),
        (
            shell("chown -R 7:7 /srv"),
            [
                file("srv/of-base", big, uid=7, gid=7),
                file("srv/app/data", big + b"x", uid=7, gid=7),
            ],
        ),
    ]
    text = "FROM x\nCOPY app /srv/app\nRUN chown -R 7:7 /srv\n"
    opened = opened_with(tmp_path, steps, text, [*BASE, file("srv/of-base", big)])
    assert fixed(opened) == text
