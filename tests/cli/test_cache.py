"""The cache for users: output does not depend on it, and a command shows and clears it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerscope import cli
from layerscope.errors import UsageError
from layerscope.layers.store import DEFAULT_SIZE
from layerscope.layers.user_store import user_store
from tests.images import docker_archive, file, layer_tar
from tests.layers.caching import settled


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image old enough to be cached."""
    return settled(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a")])]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, which may not exist."""
    path = tmp_path / "the cache"
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(path))
    return path


class Here:
    """Runs command lines in this process."""

    def __init__(self, streams: pytest.CaptureFixture[str]) -> None:
        self._streams = streams

    def __call__(self, *args: str) -> tuple[int, str, str]:
        code = cli.run(args)
        return (code, *self._streams.readouterr())

    def info(self) -> Any:
        """The output of `layerscope cache info`."""
        code, out, err = self("cache", "info", "--format", "json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], folder: Path) -> Here:
    """Command lines with their own cache."""
    return Here(capsys)


def test_info_and_clear_report_the_cache(here: Here, image: Path, folder: Path) -> None:
    """The cache is empty, used, then cleared."""
    assert here.info() == {"folder": str(folder), "entries": 0, "bytes": 0, "maxBytes": 10**9}
    assert not folder.exists()
    cold = here("report", str(image), "--format", "json")
    info = here.info()
    assert info["entries"] >= 3
    assert info["bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    code, out, err = here("cache", "info")
    assert (code, err) == (0, "")
    assert str(folder) in out
    assert f"{info['entries']}" in out
    assert "1.0 GB" in out
    code, out, err = here("cache", "clear")
    assert (code, out) == (0, "")
    assert f"{info['entries']} entries removed" in err
    assert here.info()["entries"] == 0
    assert here("report", str(image), "--format", "json") == cold


@pytest.mark.parametrize("form", ["text", "json"])
def test_cold_and_warm_output_is_equal(here: Here, image: Path, form: str) -> None:
    """Output is byte-identical on both streams."""
    cold = here("report", str(image), "--format", form, "--files")
    assert cold[0] == 0
    assert cold[2] == ""
    assert here("report", str(image), "--format", form, "--files") == cold
    assert here("report", str(image), "--format", form, "--files", "--no-cache") == cold


def test_without_a_cache_nothing_is_written(here: Here, image: Path, folder: Path) -> None:
    """Neither the cache folder nor files are created."""
    assert here("report", str(image), "--no-cache")[0] == 0
    assert here(str(image), "--no-cache")[0] == 0
    assert here("demo")[0] == 0
    assert not folder.exists()


@pytest.mark.parametrize("command", [["report"], []])
def test_an_unusable_folder_causes_one_warning(
    here: Here, image: Path, folder: Path, command: list[str]
) -> None:
    """The report and the exit code stay the same; with --no-cache there is no warning."""
    expected = here(*command, str(image))
    assert expected[2] == ""
    here("cache", "clear")
    folder.write_text("a file")
    code, out, err = here(*command, str(image))
    assert (code, out) == expected[:2]
    assert err.count("layerscope: cache unavailable") == 1
    assert str(folder) in err
    assert len(err.splitlines()) == 2
    assert here(*command, str(image), "--no-cache") == expected


def test_the_size_of_the_cache_can_be_set(
    here: Here, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A size of 0 stores nothing; an invalid size is an error."""
    monkeypatch.setenv("LAYERSCOPE_CACHE_SIZE", "0")
    assert here("report", str(image))[0] == 0
    assert here.info()["entries"] == 0
    monkeypatch.setenv("LAYERSCOPE_CACHE_SIZE", "much")
    for words in (["report", str(image)], ["cache", "info"]):
        code, out, err = here(*words)
        assert (code, out) == (2, "")
        assert "invalid $LAYERSCOPE_CACHE_SIZE: 'much'" in err


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("", DEFAULT_SIZE),
        (" ", DEFAULT_SIZE),
        ("0", 0),
        ("123", 123),
        ("5 kB", 5000),
        ("500MB", 500_000_000),
        ("2g", 2_000_000_000),
        ("1 GiB", 1 << 30),
        ("3mib", 3 << 20),
    ],
)
def test_sizes_are_read_with_units(written: str, size: int) -> None:
    environment = {"LAYERSCOPE_CACHE_SIZE": written, "LAYERSCOPE_CACHE_DIR": "/nowhere"}
    assert user_store(environment).size == size


@pytest.mark.parametrize("written", ["-1", "1.5GB", "GB", "1 XB", "1" * 30, "１"])
def test_invalid_sizes_are_rejected(written: str) -> None:
    with pytest.raises(UsageError):
        user_store({"LAYERSCOPE_CACHE_SIZE": written, "LAYERSCOPE_CACHE_DIR": "/nowhere"})


def test_the_default_folder_is_the_platforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder can be named; a relative name is below the current folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "layerscope" in str(user_store({}).folder)
    monkeypatch.chdir(tmp_path)
    assert user_store({"LAYERSCOPE_CACHE_DIR": "mine"}).folder == tmp_path / "mine"
