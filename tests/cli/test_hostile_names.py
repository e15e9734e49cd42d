"""Names from users and images are escaped for terminals and logs in every command, format and error."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from layerscope.report import FORMATS, TABLES
from layerscope.report.gate import FORMATS as GATE_FORMATS
from layerscope.text import _UNSAFE
from tests.cli.running import Here, Ran
from tests.images import (
    archive,
    docker_archive,
    docker_files,
    file,
    layer_tar,
    oci_files,
    symlink,
    whiteout,
    write,
)

EVIL = "e\x1b[31m\x1b]0;owned\x07\u202ex\x9b2J\r\n::error::owned\u2028##[error]z"
"""ESC, a title, reordering, a C1 control, lines, commands of CI services."""
RAW = "\udce9\udcff"
"""Bytes that are not UTF-8, as the command line and the file system give them."""
NAMES = {"controls": EVIL, "no UTF-8": f"x{RAW}"}

LOGS = ("text", "github")
"""Formats that go into the logs of CI services."""
UNSAFE = re.compile(f"(?!\n){_UNSAFE.pattern}")


def harmless(ran: Ran, *, log: bool = True) -> None:
    """Assert that nothing in either stream moves, hides or reorders text, and that no name in a `log` is a command of a CI service."""
    for stream in (ran.out, ran.err):
        ours = stream.replace("\r\n", "\n").replace("⚠️", "")
        match = UNSAFE.search(ours)
        assert match is None, repr(ours[max(match.start() - 60, 0) : match.end() + 20])
        if log or stream is ran.err:
            assert "\n::error::owned" not in stream
            assert "##[" not in stream


def layers(name: str) -> list[bytes]:
    return [
        layer_tar([file(f"gone/{name}", b"a" * 200_000), file(name, b"a" * 200_000), symlink("l", name)]),
        layer_tar([whiteout("gone"), file(f"twice/{name}", b"a" * 200_000)]),
    ]  # fmt: skip


@pytest.fixture(params=list(NAMES), ids=list(NAMES))
def name(request: pytest.FixtureRequest) -> str:
    return NAMES[request.param]


@pytest.fixture
def here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    name: str,
) -> Here:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    for path, data in files_of(name).items():
        write(folder / path, data)
    return Here(folder, capsysbinary)


@cache
def files_of(name: str) -> dict[str, bytes]:
    """Images, settings and a Dockerfile whose names begin with this one; the images hold it, too."""
    safe = name.encode(errors="surrogateescape").decode(errors="replace")
    history: list[dict[str, object]] = [
        {"created_by": "COPY . /gone/ # buildkit", "comment": safe, "author": safe},
        {"created_by": "RUN /bin/sh -c rm -rf /gone # buildkit"},
        {"created_by": f"ENV A={safe}", "empty_layer": True},
    ]
    config = {"config": {"Env": [f"PATH={safe}"], "User": safe, "Labels": {safe: safe}}}
    all_layers = layers(f"{name}.tar")
    files: dict[str, bytes] = {}
    for tail, layers_of_image in ((".tar", all_layers), (".old", all_layers[:1])):
        saved = docker_archive(
            layers_of_image, history=history, config=config, tags=(f"{safe}{tail}:x",)
        )
        files[f"{name}{tail}"] = saved
    bad = docker_files(all_layers[:1], tags=(f"{safe}:x",))
    bad["manifest.json"] = bad["manifest.json"].replace(
        b"/layer.tar", json.dumps(safe)[1:-1].encode()
    )
    files[f"{name}.bad"] = archive(bad)
    files |= {f"{name}.oci/{path}": data for path, data in oci_files(layers(name)).items()}
    dockerfile = "FROM scratch\nCOPY . /gone/\nRUN rm -rf /gone\n# \x1b[31m\u202e\n"
    files[f"{name}.Dockerfile"] = dockerfile.encode()
    files[f"{name}.json"] = b"{}"
    files[f"{name}.toml"] = b'[ci]\n"a\\u001b\\u202eb" = 1\n'
    return files


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("more", [(), ("--files",), ("--dockerfile", "NAME.Dockerfile")])
def test_reports_escape_hostile_names(
    here: Here, name: str, form: str, more: tuple[str, ...]
) -> None:
    more = tuple(word.replace("NAME", name) for word in more)
    for image in (f"{name}.tar", f"./{name}.oci", str(here.folder / f"{name}.tar")):
        ran = here.run("report", image, "--format", form, *more)
        assert (ran.code, bool(ran.out)) == (0, True)
        harmless(ran, log=form in LOGS)


@pytest.mark.parametrize("table", TABLES)
def test_tables_escape_hostile_names(here: Here, name: str, table: str) -> None:
    harmless(here.run("report", f"{name}.tar", "--format", "csv", "--table", table), log=False)


@pytest.mark.parametrize("form", GATE_FORMATS)
@pytest.mark.parametrize("more", [(), ("--dockerfile", "NAME.Dockerfile"), ("--base", "NAME.old")])
def test_gates_escape_hostile_names(
    here: Here, name: str, form: str, more: tuple[str, ...]
) -> None:
    more = tuple(word.replace("NAME", name) for word in more)
    ran = here.run("ci", f"{name}.tar", "--format", form, "--max-wasted", "1", "--forbidden-paths", f"/{name}.tar", *more)  # fmt: skip
    assert ran.code == 1
    harmless(ran, log=form in LOGS)


@pytest.mark.parametrize(
    "args",
    [
        ("diff", "NAME.tar", "NAME.old"),
        ("diff", "NAME.tar", "NAME.old", "--files"),
        ("diff", "NAME.tar", "NAME.old", "--format", "json", "--files"),
        ("diff", "NAME.tar", "NAME.old", "--format", "markdown"),
        ("diff", "NAME.tar", "NAME.old", "--format", "html"),
        ("diff", "NAME.tar", "NAME.old", "--format", "github"),
        ("diff", "NAME.tar", "NAME.old", "--paths", "NAME"),
        ("fleet", "NAME.tar", "NAME.old", "NAME.bad", "-j", "1"),
        ("fleet", "NAME.tar", "NAME.old", "NAME.bad", "-j", "1", "--format", "html"),
        ("series", "NAME.old", "NAME.tar"),
        ("series", "NAME.old", "NAME.tar", "--format", "json"),
        ("series", "NAME.old", "NAME.tar", "--format", "markdown"),
        ("series", "NAME.old", "NAME.tar", "--format", "html"),
        ("series", "NAME.tar", "--tags", "NAME"),
        ("sbom", "NAME.tar"),
        ("sbom", "NAME.tar", "--format", "spdx"),
        ("sbom", "NAME"),
        ("fix", "NAME.tar", "--dockerfile", "NAME.Dockerfile"),
        ("fix", "NAME.tar", "--dockerfile", "no/NAME"),
        ("fix", "NAME.tar", "--only", "NAME"),
        ("save", "NAME.tar", "-o", "no/NAME"),
        ("ask", "NAME", "rules"),
        ("ask", ".", "NAME"),
        ("fleet", "NAME.tar", "--from", "NAME.Dockerfile", "-j", "1"),
        ("fleet", "NAME.tar", "--cluster", "NAME"),
        ("fleet", "NAME.tar", "--output", "NAME.json"),
        ("completion", "NAME"),
        ("web", "NAME"),
        ("log", "NAME.tar", "/gone/NAME.tar"),
        ("log", "NAME.tar", "/gone/NAME.tar", "--format", "json"),
        ("log", "NAME.tar", "/NAME"),
        ("ls", "NAME.tar"),
        ("ls", "NAME.tar", "-R"),
        ("ls", "NAME.tar", "/NAME"),
        ("ls", "NAME.tar", "/l/NAME"),
        ("cat", "NAME.tar", "/NAME.tar"),
        ("cat", "NAME.tar", "/gone"),
        ("cat", "NAME.tar", "/NAME", "/l"),
        ("extract", "NAME.tar", "/", "-o", "out NAME"),
        ("extract", "NAME.tar", "/NAME.tar"),
        ("extract", "NAME.tar", "/NAME.tar", "--force"),
        ("extract", "NAME.tar", "/NAME", "-o", "NAME.json"),
        ("rules",),
        ("images", "--store-root", "NAME"),
        ("images", "--store-root", "NAME", "--format", "json"),
        ("cache", "info"),
        ("cache", "info", "--format", "json"),
        ("cache", "clear"),
        ("build", "--engine", "NAME", "."),
        ("demo", "--save", "NAME.json"),
        ("demo", "--save", "no/NAME"),
        (),
        ("NAME",),
        ("--NAME",),
        ("report", "--NAME", "x"),
        ("report", "NAME"),
        ("report", "./NAME"),
        ("report", "NAME.json"),
        ("report", "NAME.bad"),
        ("report", "NAME.Dockerfile"),
        ("report", "x://NAME"),
        ("report", "docker-archive://NAME"),
        ("report", "oci://NAME.tar"),
        ("report", "docker-store://NAME", "--store-root", "NAME"),
        ("report", "containers-storage://NAME", "--store-root", "NAME"),
        ("report", "containerd://NAME", "--store-root", "NAME"),
        ("report", "docker://NAME"),
        ("report", "NAME.tar", "--image", "NAME"),
        ("report", "NAME.tar", "--platform", "NAME"),
        ("report", "NAME.tar", "--platform", "NAME/NAME"),
        ("report", "NAME.tar", "--limit", "NAME"),
        ("report", "NAME.tar", "--limit", "NAME=NAME"),
        ("report", "NAME.tar", "--format", "NAME"),
        ("report", "NAME.tar", "--dockerfile", "NAME"),
        ("report", "NAME.tar", "--dockerfile", "NAME.json"),
        ("report", "NAME.tar", "--dockerfile", "."),
        ("report", "NAME.tar", "--output", "NAME.tar"),
        ("report", "NAME.tar", "--output", "NAME/NAME"),
        ("report", "NAME.oci", "--output", "NAME.oci/x"),
        ("report", "NAME.tar", "--output", "NAME.tar/x"),
        ("NAME.tar", "--theme", "NAME"),
        ("ci", "NAME.tar", "--config", "NAME"),
        ("ci", "NAME.tar", "--config", "NAME.toml"),
        ("ci", "NAME.tar", "--config", "NAME.json"),
        ("ci", "NAME.tar", "--baseline", "NAME"),
        ("ci", "NAME.tar", "--baseline", "NAME.json"),
        ("ci", "NAME.tar", "--base", "NAME"),
        ("ci", "NAME.tar", "--rule", "NAME"),
        ("ci", "NAME.tar", "--rule", "NAME=error"),
        ("ci", "NAME.tar", "--max-size", "NAME"),
        ("ci", "NAME.tar", "--forbidden-paths", "NAME["),
        ("NAME", "NAME"),
        ("log", "NAME.tar"),
        ("ls", "NAME.tar", "--layer", "NAME"),
    ],
    ids=" ".join,
)
def test_other_commands_and_errors_escape_hostile_names(
    here: Here, name: str, args: tuple[str, ...]
) -> None:
    ran = here.run(*(word.replace("NAME", name) for word in args))
    assert ran.out or ran.err
    harmless(ran, log=not {"json", "markdown", "html", "sbom"} & {*args})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAYERSCOPE_CONFIG", "NAME.toml"),
        ("LAYERSCOPE_CONFIG", "NAME"),
        ("LAYERSCOPE_CONFIG", "."),
        ("LAYERSCOPE_CACHE_DIR", "NAME"),
        ("LAYERSCOPE_CACHE_DIR", "NAME.json"),
        ("LAYERSCOPE_CACHE_SIZE", "NAME"),
        ("LAYERSCOPE_LIMITS", "NAME"),
        ("LAYERSCOPE_THEME", "NAME"),
        ("DOCKER_HOST", "NAME"),
        ("DOCKER_HOST", "unix:///NAME"),
        ("DOCKER_CONTEXT", "NAME"),
        ("CONTAINER_HOST", "NAME"),
        ("DOCKER_CONFIG", "NAME"),
        ("CONTAINERS_STORAGE_CONF", "NAME.json"),
        ("CONTAINERD_ADDRESS", "NAME"),
    ],
)
@pytest.mark.parametrize("args", [("report", "missing"), ("report", "NAME.tar"), ("cache", "info"), ("images",)])  # fmt: skip
def test_errors_escape_hostile_variables(
    here: Here,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    args: tuple[str, ...],
) -> None:
    monkeypatch.setenv(variable, value.replace("NAME", name))
    harmless(here.run(*(word.replace("NAME", name) for word in args)))
