"""`layerscope fleet`: formats, exit codes, the gate, and signals."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from layerscope.fleet.fleet import Fleet
from layerscope.opening.options import Options
from layerscope.progress import NullProgress
from layerscope.settings import Settings
from layerscope.sources.base import Request
from layerscope.text import cells
from layerscope.tui.fleet.state import Reader
from tests.cli.running import Here, Ran
from tests.fleet.running import written
from tests.images import docker_archive, file, layer_tar, oci_files, write
from tests.sources.registry.server import Registry

A, B = layer_tar([file("a", b"a" * 10)]), layer_tar([file("b", b"b" * 20)])


@pytest.fixture
def fleet(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Here:
    """Runs the command with one process."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.tar", docker_archive([A], tags=["app:1"]))
    write(tmp_path / "b.tar", docker_archive([A, B], tags=["app:2"]))
    return Here(tmp_path, capsysbinary, "fleet", "--jobs", "1")


def document(ran: Ran) -> Any:
    """The JSON document that was written."""
    return json.loads(ran.out)["fleet"]


def test_images_come_from_arguments_lists_and_stdin(
    fleet: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image is listed once."""
    fleet.write("list", "# images\n./a.tar\nb.tar\n")
    stdin = io.TextIOWrapper(io.BytesIO(b"a.tar\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    fleet_document = document(fleet("a.tar", "--from", "list", "-", "--format", "json"))
    assert [image["title"] for image in fleet_document["images"]] == ["app:1", "app:2"]
    assert fleet_document["totals"]["storedOnceBytes"] == 30
    assert fleet_document["totals"]["storedBytes"] == 40


def test_an_output_named_like_a_report_is_rejected(fleet: Here, tmp_path: Path) -> None:
    """`-o` of other commands writes reports; an existing folder of any name is accepted."""
    ran = fleet("a.tar", "-o", "fleet.json")
    assert ran.code == 2
    assert "not the name of a folder" in ran.err
    assert "layerscope fleet … --format json > fleet.json" in ran.err
    for options in (["--format", "html"], []):
        ran = fleet("a.tar", "-o", "a b.html", *options)
        assert "layerscope fleet … --format html > 'a b.html'" in ran.err
    assert "--format text > x.json" in fleet("a.tar", "-o", "x.json", "--format", "text").err
    assert not (tmp_path / "fleet.json").exists()
    (tmp_path / "fleet.json").mkdir()
    assert fleet("a.tar", "-o", "fleet.json").code == 0


def test_text_fits_80_columns(fleet: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The headline comes first."""
    monkeypatch.setattr("layerscope.cli.output.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    written(tmp_path / "images", 8)
    ran = fleet("images")
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert lines[0].startswith("8 images · ")
    assert "stored once" in lines[0]
    assert max(map(cells, lines)) <= 80
    for heading in ("Findings", "Layers", "Base images", "Duplicates", "Images", "Growth"):
        assert any(line.startswith(heading) for line in lines)


def test_a_terminal_gets_the_explorer(fleet: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """The explorer reads the images and can open one of them by its name; an option for a report prints one."""
    opened: list[tuple[Fleet, Request, Options]] = []

    def run_fleet(read: Reader, request: Request, options: Options, settings: Settings) -> None:
        opened.append((read(NullProgress(), lambda *_: None), request, options))
        assert settings.binary

    monkeypatch.setattr("layerscope.cli.fleet.has_terminal", lambda *_: True)
    monkeypatch.setattr("layerscope.tui.run_fleet", run_fleet)
    for more in ((), ("--no-cache",), ("--remote", "--platform", "linux/amd64")):
        ran = fleet("a.tar", "b.tar", "--binary", *more)
        assert (ran.code, ran.out) == (0, "")
    for read, _, options in opened:
        assert read.answers.totals.stored_once_bytes == 30
        assert options.cache is not None
    assert len(opened) == 3
    assert opened[2][1].remote == "always"
    assert opened[2][1].platform is not None
    for report in (["--format", "text"], ["--ci"], ["--max-stored", "1GB"], ["--ignore-errors"]):
        assert "2 images" in fleet("a.tar", "b.tar", *report).out
    assert len(opened) == 3


def test_images_that_cannot_be_read_are_listed(fleet: Here) -> None:
    """The exit code is 3 unless errors are accepted."""
    ran = fleet("a.tar", "none.tar", "--format", "json")
    assert ran.code == 3
    assert "none.tar: no such file" in ran.err
    images = document(ran)["images"]
    assert images[0]["totals"]["storedBytes"] == 10
    assert images[1]["totals"] is None
    assert "no such file" in images[1]["error"]
    assert fleet("a.tar", "none.tar", "--ignore-errors").code == 0


def test_unreachable_sources_exit_with_4(fleet: Here, tmp_path: Path) -> None:
    """This is so if no source can be reached."""
    assert fleet("docker-store://", "--store-root", str(tmp_path / "none")).code == 4
    with Registry() as registry:
        name = registry.reference()
    assert fleet(name).code == 4
    assert fleet(name, "a.tar").code == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "no images are named"),
        (["--from", "missing"], "missing: No such file"),
        (["a.tar", "--jobs", "0"], "0 is not in the range"),
        (["a.tar", "--config", "x.toml"], "--config has no effect without --ci"),
        (["a.tar", "--max-stored", "much"], "--max-stored must be"),
        (["a.tar", "--format", "xml"], "xml"),
        (["nothing://"], "nothing:// alone does not name images"),
    ],
)
def test_wrong_usage_exits_with_2(fleet: Here, args: list[str], message: str) -> None:
    """A hint says what to do."""
    ran = fleet(*args)
    assert ran.code == 2
    assert message in ran.err


def test_limits_apply_to_all_images_together(fleet: Here) -> None:
    """Bytes count distinct layers; a figure exactly at the limit passes."""
    assert fleet("a.tar", "b.tar", "--max-stored", "30").code == 0
    ran = fleet("a.tar", "b.tar", "--max-stored", "29", "--max-wasted", "0", "--format", "json")
    assert ran.code == 1
    assert "2 images: failed: max-stored" in ran.err
    gate = document(ran)["gate"]
    assert not gate["passed"]
    assert [(one["rule"], one["outcome"]) for one in gate["checks"]] == [
        ("max-stored", "fail"),
        ("max-wasted", "pass"),
    ]
    assert gate["checkedImages"] == 0


def test_the_rules_of_ci_apply_to_each_image(fleet: Here) -> None:
    """They are read from .layerscope.toml as by ci, with limits of the fleet in [fleet]; options override both."""
    fleet.write(".layerscope.toml", "[ci]\nmax-layers = 1\n[fleet]\nmax-stored = 29\n")
    ran = fleet("a.tar", "b.tar", "--ci", "--format", "json")
    assert ran.code == 1
    gate = document(ran)["gate"]
    assert (gate["checkedImages"], gate["failedImages"]) == (2, 1)
    assert [(one["image"], one["rule"]) for one in gate["failures"]] == [(1, "max-layers")]
    assert gate["checks"][0]["place"] == ".layerscope.toml, line 4"
    assert fleet.run("ci", "b.tar").code == 1
    assert "1 image (max-layers)" in fleet("a.tar", "b.tar", "--ci", "--max-stored", "off").err
    text = fleet("a.tar", "b.tar", "--ci").out
    assert "the fleet fails" in text
    assert "app:2  max-layers" in text
    fleet.write(".layerscope.toml", "[fleet]\nmax-store = 29\n")
    ran = fleet("a.tar", "--ci")
    assert ran.code == 2
    assert "did you mean max-stored" in ran.err


def test_a_download_that_is_too_large_is_rejected(fleet: Here) -> None:
    """Each distinct layer counts once; nothing is fetched before."""
    with Registry() as registry:
        for number in range(2):
            registry.repository(f"app{number}").push(oci_files([B, A]), "1")
        names = [registry.reference(f"app{number}:1") for number in range(2)]
        layers = sum(
            len(data) for path, data in oci_files([B, A]).items() if data.startswith(b"\x1f\x8b")
        )
        assert fleet(*names, "--max-download", str(layers - 1)).code == 3
        assert fleet(*names, "--no-cache", "--max-download", str(layers)).code == 0


def test_no_cache_leaves_nothing_behind(
    fleet: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left in the cache or in the temporary folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(tmp_path / "cache"))
    one = fleet("a.tar", "b.tar", "--no-cache", "--format", "json")
    assert not list(folder.iterdir())
    assert not (tmp_path / "cache").exists()
    two = fleet("a.tar", "b.tar", "--format", "json")
    assert list((tmp_path / "cache").iterdir())
    assert one.out == two.out == fleet("a.tar", "b.tar", "--format", "json").out


def children(marker: str) -> list[int]:
    """IDs of processes with a word in their environment."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if marker.encode() in (entry / "environ").read_bytes():
                    pids.append(int(entry.name))
            except OSError:
                continue
    return pids


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_end_all_processes(tmp_path: Path, number: signal.Signals) -> None:
    """The temporary folder is removed unless the signal is SIGKILL."""
    written(tmp_path / "images", 30, 0.02)
    marker = f"LAYERSCOPE_TEST={tmp_path}"
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "layerscope", "fleet", "images", "--no-cache", "--jobs", "2"],
        cwd=tmp_path,
        env={**os.environ, "LAYERSCOPE_TEST": str(tmp_path), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while len(children(marker)) < 3 and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert b"Traceback" not in err
    deadline = time.monotonic() + 30
    while children(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not children(marker)
    if number != signal.SIGKILL:
        assert not list(folder.iterdir())


def test_a_killed_run_is_continued(tmp_path: Path) -> None:
    """It continues from its journal, and its report equals that of an uninterrupted run."""
    written(tmp_path / "images", 30, 0.02)
    marker = f"LAYERSCOPE_TEST={tmp_path}"

    def start(cache: str) -> subprocess.Popen[bytes]:
        command = ["fleet", "images", "--jobs", "2", "--output", f"runs-{cache}", "--format", "json"]  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "layerscope", *command],
            cwd=tmp_path,
            env={**os.environ, "LAYERSCOPE_TEST": str(tmp_path), "LAYERSCOPE_CACHE_DIR": cache},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    process = start("killed")
    journal = tmp_path / "runs-killed" / "unfinished.journal"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size > 50_000):
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while children(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not children(marker)
    assert journal.stat().st_size > 50_000
    again = start("killed")
    uninterrupted = start("whole")
    (out, err), (expected, _) = again.communicate(timeout=60), uninterrupted.communicate(timeout=60)
    assert (again.returncode, uninterrupted.returncode, err) == (0, 0, b"")
    assert out == expected
    assert not journal.exists()
    assert (tmp_path / "runs-killed" / "run=000001" / "images.parquet").exists()
