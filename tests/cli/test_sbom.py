"""`layerscope sbom`: its output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerscope.errors import ExitCode
from tests.analysis.packages.programs import go_data, jar, program
from tests.cli.running import Here
from tests.images import docker_archive, file, layer_tar, write


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    layer = layer_tar([file("app", program(go_data()), mode=0o755)])
    broken = layer_tar([file("cut\x1b.jar", jar({"a": b"a" * 99})[:-9])])
    write(tmp_path / "image.tar", docker_archive([layer, broken]))
    write(tmp_path / "cut.tar", docker_archive([layer, broken[:512]]))
    return Here(tmp_path, capsysbinary, "sbom")


def test_cyclonedx_is_the_default(here: Here) -> None:
    """The output is the same on stdout, in a file, and with or without the cache. Archives that cannot be read are named on stderr."""
    first = here("image.tar")
    assert first.code == ExitCode.OK
    assert "packages are missing from the list: /cut\\e.jar: damaged archive" in first.err
    assert json.loads(first.out)["specVersion"] == "1.6"
    assert here("image.tar").out == here("image.tar", "--no-cache").out == first.out
    ran = here("image.tar", "--format", "spdx", "--output", "out.json")
    assert (ran.code, ran.out) == (ExitCode.OK, "")
    assert json.loads((here.folder / "out.json").read_text())["spdxVersion"] == "SPDX-2.3"


def test_a_damaged_image_is_listed_anyway(here: Here) -> None:
    """The exit code is 3 unless errors are ignored."""
    ran = here("cut.tar")
    assert ran.code == ExitCode.UNREADABLE
    assert "example.com" in ran.out
    assert here("cut.tar", "--ignore-errors").code == ExitCode.OK


def test_wrong_usage_is_reported_before_anything_is_written(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert here("image.tar", "--format", "text").code == ExitCode.USAGE
    assert here("image.tar", "--output", "image.tar").code == ExitCode.USAGE
    assert here("missing.tar").code == ExitCode.UNREADABLE
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    ran = here("image.tar", "--output", "none.json")
    assert ran.code == ExitCode.USAGE
    assert "SOURCE_DATE_EPOCH" in ran.err
    assert not (here.folder / "none.json").exists()
