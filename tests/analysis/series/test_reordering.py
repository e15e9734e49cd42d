"""The proposed moves, their savings, and their fixes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.analysis.series.reordering import Reordering
from layerscope.opening.series import with_reordering
from layerscope.report.patch import patch_of
from layerscope.words import Confidence
from tests.analysis.series.releases import Made, opened, release
from tests.analysis.series.test_causes import BASE
from tests.images import Member, file, layer_tar

LIBRARIES = b"l" * 300_000


def built(
    version: int,
    *,
    run: str = "pip install -r requirements.txt",
    files: Sequence[Member] = (file("app/requirements.txt", b"flask==1\n"),),
    before: Sequence[Made] = (),
    output: str = "usr/lib/libs",
) -> bytes:
    """A release: sources that change each time, then a RUN."""
    return release(
        [
            *BASE,
            Made("WORKDIR /app", []),
            *before,
            Made("COPY . /app", [*files, file("app/main.py", b"%d" % version)]),
            Made(f"RUN {run}", [file(output, LIBRARIES, mtime=version)]),
            Made('CMD ["app"]'),
        ],
        base=2,
        compress=None,
        layout=False,
    )


def found(
    folder: Path, releases: Sequence[bytes], dockerfile: str | None = None
) -> Reordering | None:
    """The proposal for these releases, if any."""
    return opened(folder, releases, dockerfile).reordering


def proposed(folder: Path, releases: Sequence[bytes], dockerfile: str | None = None) -> Reordering:
    """The proposal for these releases."""
    one = found(folder, releases, dockerfile)
    assert one is not None
    return one


def test_a_copy_is_split(tmp_path: Path) -> None:
    """The files with dependencies are copied first, the sources after the installation."""
    one = proposed(tmp_path, [built(1), built(2), built(3)])
    assert one.moves[0].copied_first == (b"app/requirements.txt",)
    assert one.finding.confidence is Confidence.MEDIUM
    assert one.finding.fix.splitlines()[:3] == [
        "COPY requirements.txt /app/",
        "RUN pip install -r requirements.txt",
        "COPY . /app",
    ]
    assert one.finding.bytes == 2 * len(layer_tar([file("usr/lib/libs", LIBRARIES)]))


def test_dependencies_that_change_are_installed_again(tmp_path: Path) -> None:
    """That release saves nothing, and stores the file twice."""
    other = [file("app/requirements.txt", b"flask==2\n")]
    one = proposed(tmp_path, [built(1), built(2), built(3, files=other)])
    assert one.hops[0] < 10_000
    assert one.hops[1] > 300_000


@pytest.mark.parametrize(
    "run",
    [
        "make",
        "pip install .",
        "pip install -e .",
        "pip install -r requirements.txt && python setup.py build",
        "cd /tmp && pip install -r requirements.txt",
        "rm -rf /app/tests",
        "rm -rf tests",
        "chown -R app /app",
        "npm ci",  # there is no package.json
        "pip install $PACKAGES",
    ],
)
def test_steps_that_may_read_the_sources_stay_after_them(tmp_path: Path, run: str) -> None:
    """Nothing is proposed for them."""
    assert found(tmp_path, [built(1, run=run), built(2, run=run)]) is None


@pytest.mark.parametrize(
    "run",
    [
        "apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*",
        "apk add --no-cache curl",
        "pip install flask==1",
        "set -eux; useradd -m app; mkdir -p /data; chown app:app /data",
        "npm install -g yarn",
        "curl -fsSL https://example.org/x -o /usr/bin/x && chmod +x /usr/bin/x",
    ],
)
def test_a_copy_moves_after_steps_that_do_not_read_it(tmp_path: Path, run: str) -> None:
    """It moves as a whole."""
    one = proposed(tmp_path, [built(1, run=run), built(2, run=run)])
    assert one.moves[0].copied_first == ()
    assert one.finding.bytes > 300_000


def test_a_run_that_overwrites_copied_files(tmp_path: Path) -> None:
    """The order then determines the final image."""
    releases = [built(number, output="app/main.py") for number in (1, 2)]
    assert found(tmp_path, releases) is None


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (b'{"name": "app"}', True),
        (b'{"scripts": {"postinstall": "node build.js"}}', False),
        (b'{"dependencies": {"a": "file:../a"}}', False),
        (b'{"workspaces": ["a"]}', False),
        (b"[", False),
    ],
)
def test_node_projects(tmp_path: Path, package: bytes, expected: bool) -> None:
    """`npm ci` needs the manifest and the lockfile, unless the manifest refers to other files."""
    files = [file("app/package.json", package), file("app/package-lock.json", b"{}")]
    releases = [built(number, run="npm ci", files=files) for number in (1, 2)]
    one = found(tmp_path, releases)
    assert (one is not None) is expected
    if one is not None:
        assert one.moves[0].copied_first == (b"app/package.json", b"app/package-lock.json")


@pytest.mark.parametrize("text", [b"-e .\n", b"./local\n", b"a @ file:///x\n", b"-r missing.txt\n"])
def test_requirements_that_refer_to_the_sources(tmp_path: Path, text: bytes) -> None:
    """They need more than that file."""
    files = [file("app/requirements.txt", text)]
    assert found(tmp_path, [built(1, files=files), built(2, files=files)]) is None


def test_an_argument_that_changes_in_each_release(tmp_path: Path) -> None:
    """It moves after steps that do not name it."""

    def version(number: int) -> bytes:
        steps = [
            *BASE,
            Made(f"ARG VERSION={number}"),
            Made("RUN apt-get install -y curl", [file("usr/bin/curl", LIBRARIES, mtime=number)], {"VERSION": str(number)}),
            Made("RUN echo $VERSION > /version", [file("version", b"%d" % number)], {"VERSION": str(number)}),
        ]  # fmt: skip
        return release(steps, base=2, compress=None, layout=False)

    one = proposed(tmp_path, [version(1), version(2)])
    assert "ARG VERSION" in one.finding.title
    assert one.finding.fix.splitlines()[:2] == ["RUN apt-get install -y curl", "ARG VERSION=2"]
    assert one.finding.bytes > 300_000


def test_a_variable_whose_value_another_instruction_shows(tmp_path: Path) -> None:
    """Builders record its value, not its name: without the Dockerfile, the value shows that it is used."""

    def labelled(number: int) -> bytes:
        steps = [
            *BASE,
            Made(f"ARG VERSION=v{number}"),
            Made(f"LABEL version=v{number}"),
            Made("RUN make", [file("usr/bin/made", LIBRARIES, mtime=number)], {"VERSION": f"v{number}"}),
        ]  # fmt: skip
        return release(steps, base=2, compress=None, layout=False)

    assert found(tmp_path, [labelled(1), labelled(2)]) is None


def test_a_label_of_the_classic_builder(tmp_path: Path) -> None:
    """No step reads it, so it comes last."""

    def labelled(number: int) -> bytes:
        steps = [
            *BASE,
            Made(f"LABEL version={number}"),
            Made("RUN make", [file("usr/bin/made", LIBRARIES, mtime=number)]),
            Made('ENTRYPOINT ["made"]'),
        ]
        return release(steps, base=2, buildkit=False, compress=None, layout=False)

    one = proposed(tmp_path, [labelled(1), labelled(2)])
    assert one.finding.confidence is Confidence.HIGH
    assert one.hops == (0,)


def test_variables_that_programs_read_stay(tmp_path: Path) -> None:
    """Programs use PATH and others without naming them."""

    def with_path(number: int) -> bytes:
        steps = [
            *BASE,
            Made(f"ENV PYTHONPATH=/lib{number}"),
            Made("RUN install", [file("usr/bin/made", LIBRARIES, mtime=number)]),
        ]
        return release(steps, base=2, compress=None, layout=False)

    assert found(tmp_path, [with_path(1), with_path(2)]) is None


def test_the_fix_keeps_the_rest_of_the_dockerfile(tmp_path: Path) -> None:
    """Comments, line breaks and case stay as they are written."""
    dockerfile = (
        "FROM base\nWORKDIR /app\n# all of it\nCOPY . /app\n# libraries\nrun pip install \\\n"
        '    -r requirements.txt\nCMD ["app"]\n'
    )
    series = opened(tmp_path, [built(1), built(2)], dockerfile)
    one = series.reordering
    assert one is not None
    patch = patch_of(with_reordering(series))
    assert patch.dockerfile == (
        "FROM base\nWORKDIR /app\nCOPY requirements.txt /app/\n# all of it\n# libraries\nrun pip install \\\n"
        '    -r requirements.txt\nCOPY . /app\nCMD ["app"]\n'
    )
    assert "-COPY . /app" in one.finding.difference
    assert "+COPY requirements.txt /app/" in one.finding.difference


def test_the_sources_of_a_classic_copy_are_not_known(tmp_path: Path) -> None:
    """Without the Dockerfile, the fix is described in words."""

    def classic(number: int) -> bytes:
        digest = f"{number:064x}"
        steps = [
            *BASE,
            Made("WORKDIR /app"),
            Made(f"COPY dir:{digest} in /app ", [file("app/requirements.txt", b"flask\n"), file("app/x", b"%d" % number)]),
            Made("RUN pip install -r requirements.txt", [file("usr/lib/libs", LIBRARIES, mtime=number)]),
        ]  # fmt: skip
        return release(steps, base=2, buildkit=False, compress=None, layout=False)

    one = proposed(tmp_path, [classic(1), classic(2)])
    assert one.finding.edits == ()
    assert "# COPY the source of /app/requirements.txt" in one.finding.fix


def test_moves_save_together_what_none_saves_alone(tmp_path: Path) -> None:
    """An ARG and a COPY come before an installation: each makes it run again."""

    def both(number: int) -> bytes:
        return built(number, before=[Made(f"ARG VERSION={number}")])

    one = proposed(tmp_path, [both(1), both(2)])
    assert len(one.moves) == 2
    assert one.finding.bytes > 300_000
    assert one.finding.fix.splitlines()[:4] == [
        "COPY requirements.txt /app/",
        "RUN pip install -r requirements.txt",
        "COPY . /app",
        "ARG VERSION=2",
    ]
