"""`layerscope log`: which steps touched a path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerscope import cli
from tests.images import directory, docker_archive, file, layer_tar, whiteout, write

LAYERS = [
    layer_tar([directory("etc"), file("etc/motd", b"one"), file("etc/[id].conf", b"x")]),
    layer_tar([file("etc/motd", b"three", mode=0o600), file("etc/b\x1b.conf", b"yy")]),
    layer_tar([whiteout("etc/motd")]),
]
HISTORY = [{"created_by": f"RUN /bin/sh -c step {number} # buildkit"} for number in range(3)]


class Log:
    """Runs `log` on one image."""

    def __init__(self, image: Path, streams: pytest.CaptureFixture[bytes]) -> None:
        self._image = image
        self._streams = streams
        self.err = ""

    def __call__(self, *args: str) -> tuple[int, str]:
        code = cli.run(["log", str(self._image), *args])
        out, err = self._streams.readouterr()
        self.err = err.decode()
        return code, out.decode()


@pytest.fixture
def log(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Log:
    """`log` on an image of three steps."""
    image = write(tmp_path / "image.tar", docker_archive(LAYERS, history=HISTORY))
    return Log(image, capsysbinary)


def test_steps_are_listed_newest_last(log: Log) -> None:
    """Each step has a heading; below it are its changes, with what happened to them later."""
    code, out = log("/etc/motd")
    assert code == 0
    assert out.splitlines() == [
        "Layer 0  RUN step 0",
        "  + -rw-r--r--  0:0             3 B  /etc/motd  3 B wasted, hidden by 1",
        "",
        "Layer 1  RUN step 1",
        "  ~ -rw-------  0:0             5 B  /etc/motd  content +2 B · mode 0644 → 0600 · 5 B wasted, hidden by 2",
        "",
        "Layer 2  RUN step 2",
        "  - -rw-------  0:0             5 B  /etc/motd",
    ]


def test_a_glob_lists_all_matches(log: Log) -> None:
    """It matches names or whole paths; names are escaped for the terminal."""
    code, out = log("*.conf")
    assert code == 0
    assert "/etc/[id].conf  in the image" in out
    assert "/etc/b\\e.conf" in out
    assert "\x1b" not in out
    assert log("etc/**")[1].count("/etc/") == 5


def test_sizes_follow_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The flag has the same effect without settings."""
    image = write(tmp_path / "large.tar", docker_archive([layer_tar([file("big", b"x" * 2048)])]))
    log = Log(image, capsysbinary)
    assert " 2.0 kB " in log("/big")[1]
    assert " 2.0 KiB " in log("/big", "--binary")[1]
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(write(tmp_path / "c.toml", b"binary = true\n")))
    assert " 2.0 KiB " in log("/big")[1]


def test_a_path_that_looks_like_a_glob_is_a_path(log: Log) -> None:
    """A word that names an existing path is not a glob."""
    assert "/etc/[id].conf" in log("etc/[id].conf")[1]


def test_a_directory_lists_changes_below_it(log: Log) -> None:
    """Its total after each step is listed, too."""
    out = log("etc/")[1]
    assert "· drwxr-xr-x  0:0             8 B  /etc  inside 1 added, 1 modified" in out


def test_an_untouched_path_exits_with_1(log: Log) -> None:
    """stdout stays empty and stderr has the reason; JSON is still a complete document."""
    assert log("etc/nothing", "*.none") == (1, "")
    assert log.err == "layerscope: no step touched etc/nothing or *.none\n"
    code, out = log("etc/nothing", "--format", "json")
    assert code == 1
    assert json.loads(out)["steps"] == []


def test_a_path_that_no_step_touched_is_named_on_stderr(log: Log) -> None:
    """The other paths are listed nevertheless."""
    code, out = log("etc/motd", "etc/\x1bnothing", "*.conf", "*.none", "--format", "json")
    assert (code, len(json.loads(out)["steps"])) == (0, 3)
    assert log.err == (
        "layerscope: no step touched etc/\\enothing\nlayerscope: no step touched *.none\n"
    )


def test_json_has_all_events(log: Log) -> None:
    """It has steps, events, states before and after, and waste, with the names of the report."""
    code, out = log("etc/motd", "--format", "json")
    document: dict[str, Any] = json.loads(out)
    assert code == 0
    assert [(step["layer"], step["arguments"]) for step in document["steps"]] == [
        (0, "step 0"),
        (1, "step 1"),
        (2, "step 2"),
    ]
    event = document["steps"][1]["events"][0]
    assert (event["change"], event["why"]) == ("modified", ["content", "mode"])
    assert (event["before"]["bytes"], event["after"]["bytes"]) == (3, 5)
    assert event["waste"] == {
        "bytes": 5,
        "reason": "deleted",
        "hiddenBy": 2,
        "path": "etc/motd",
    }
