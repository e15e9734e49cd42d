"""`layerscope diff`: differences between two images, and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layerscope import cli
from tests.cli.running import Here
from tests.images import (
    BLOCK,
    Member,
    archive,
    docker_archive,
    docker_files,
    file,
    layer_tar,
    oci_archive,
    write,
)
from tests.report import golden
from tests.report.diff_sample import new_image, old_image


class Builds(Here):
    """Runs `diff`."""

    def image(self, name: str, *members: Member, **how: Any) -> str:
        """Write an image of one layer."""
        write(self.folder / name, docker_archive([layer_tar(members)], **how))
        return name

    def document(self, *args: str) -> dict[str, Any]:
        """The comparison as JSON."""
        document: dict[str, Any] = json.loads(self(*args, "--format", "json").out)
        return document


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Builds:
    """A folder with two builds of an image."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "old.tar", old_image())
    write(tmp_path / "new.tar", new_image())
    return Builds(tmp_path, capsysbinary, "diff")


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_image_does_not_differ_from_itself(here: Builds, form: str) -> None:
    """The exit code is 0, even with --mtime."""
    code, out, err = here("old.tar", "old.tar", "--mtime", "--format", form)
    assert (code, err) == (0, "")
    assert "No differences." in out or json.loads(out)["differ"] is False


def test_images_that_differ_exit_with_1_and_print_nothing_on_stderr(here: Builds) -> None:
    """`diff` does the same."""
    code, out, err = here("old.tar", "new.tar")
    assert (code, err) == (1, "")
    assert out.startswith("old:  demo:1")


def test_the_text_is_as_it_was_last_reviewed(here: Builds) -> None:
    golden.check("diff-100.txt", here("old.tar", "new.tar").out.encode())


def test_no_byte_of_an_image_controls_the_terminal(here: Builds) -> None:
    """Names, versions, instructions and values come from the image and are escaped."""
    out = here("old.tar", "new.tar", "--files", "--mtime").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\x07" not in out
    assert "/app/caf\\xe9\\x20" in out
    assert "8.5~\\e[31m" in out


def test_quiet_does_not_change_the_exit_code(here: Builds) -> None:
    assert here("old.tar", "new.tar", "--quiet") == (1, "", "")
    assert here("old.tar", "old.tar", "-q") == (0, "", "")
    assert here("old.tar", "new.tar", "-q", "-o", "x").code == 2


def test_times_count_only_with_mtime(here: Builds) -> None:
    """Two builds of the same sources are equal without --mtime, and differ with it."""
    one = here.image("one.tar", file("a", b"x", mtime=1))
    two = here.image("two.tar", file("a", b"x", mtime=2))
    code, out, _ = here(one, two)
    assert code == 0
    assert "No differences except layer digests" in out
    assert "1 rebuilt" in out
    code, out, _ = here(one, two, "--mtime")
    assert code == 1
    assert "/a  mtime" in out


def test_paths_restrict_the_comparison(here: Builds) -> None:
    """Only these paths determine the result and are written."""
    code, out, _ = here("old.tar", "new.tar", "--paths", "usr/lib")
    assert code == 0
    assert "No differences in these paths." in out
    code, out, _ = here("old.tar", "new.tar", "--paths", "*.py", "--paths", "/etc")
    assert code == 1
    assert "Differences: 2 paths." in out
    assert "/app/main.py" in out
    assert "/etc/passwd" in out
    assert "Steps" not in out
    assert "Config" not in out


def test_paths_that_neither_image_has_are_reported(here: Builds) -> None:
    code, _, err = here("old.tar", "new.tar", "--paths", "*.none")
    assert code == 1
    assert err == "layerscope: *.none matches no path in either image\n"


@pytest.mark.parametrize("place", [0, 1])
def test_one_image_may_come_from_stdin(here: Builds, place: int) -> None:
    words = ["old.tar", "new.tar"]
    with (here.folder / words[place]).open("rb") as stream:
        words[place] = "-"
        done = subprocess.run(
            [sys.executable, "-m", "layerscope", "diff", *words],
            stdin=stream,
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"Differences: 17 paths" in done.stdout
    assert b"stdin" in done.stdout


def test_only_one_image_can_come_from_stdin(here: Builds) -> None:
    code, _, err = here("-", "-")
    assert (code, err.splitlines()[0]) == (
        2,
        "layerscope: only one image can be read from stdin",
    )


def test_either_image_can_have_a_scheme(here: Builds) -> None:
    assert here("docker-archive://old.tar", "docker-archive://./old.tar").code == 0


@pytest.mark.parametrize("bad", ["OLD", "NEW"])
def test_errors_name_the_bad_image(here: Builds, bad: str) -> None:
    """It may be missing, not be an image, or lack the one that --image selects."""
    write(here.folder / "none.tar", b"no image")
    for name, code in (("missing.tar", 3), ("none.tar", 3)):
        words = (name, "new.tar") if bad == "OLD" else ("old.tar", name)
        ran = here(*words)
        assert ran.code == code
        assert ran.err.startswith(f"layerscope: {bad}: ")
        assert name in ran.err
        assert ran.out == ""


def test_a_damaged_image_is_compared_anyway(here: Builds) -> None:
    """Exit code 3, and stderr names it; with --ignore-errors, the exit code is that of the comparison."""
    layer = layer_tar([file("a", b"a" * 3000), file("b", b"b" * 3000)])
    write(here.folder / "damaged.tar", docker_archive([layer[: 4 * BLOCK], layer]))
    code, out, err = here("old.tar", "damaged.tar")
    assert code == 3
    assert err.startswith("layerscope: NEW: damaged.tar: layer 0 is damaged")
    assert "The new image: layer 0 is damaged" in out
    assert here("old.tar", "damaged.tar", "--ignore-errors").code == 1


def test_a_damaged_layer_differs_from_its_claimed_digest(here: Builds) -> None:
    """A damaged layer is not shared, whatever its digest says, and must be fetched."""
    layer = layer_tar([file("a", b"a" * 3000), file("b", b"b" * 3000)])
    files = docker_files([layer])
    write(here.folder / "whole.tar", archive(files))
    cut = {name: data[: 4 * BLOCK] if data == layer else data for name, data in files.items()}
    write(here.folder / "cut.tar", archive(cut))
    ran = here("whole.tar", "cut.tar", "--format", "json")
    layers = json.loads(ran.out)["layers"]
    assert ran.code == 3
    assert (layers["common"], layers["shared"], layers["fetched"]) == (0, [], [0])


def test_an_invalid_limit_is_wrong_usage(here: Builds) -> None:
    """The error does not name an image."""
    code, _, err = here("old.tar", "new.tar", "--limit", "nothing=1")
    assert code == 2
    assert "OLD" not in err


def test_output_goes_to_a_file(here: Builds) -> None:
    code, out, _ = here("old.tar", "new.tar", "--format", "json", "--output", "diff.json")
    assert (code, out) == (1, "")
    assert json.loads((here.folder / "diff.json").read_text())["differ"] is True
    assert here("old.tar", "new.tar", "-o", "new.tar").code == 2


def test_json_has_every_difference(here: Builds) -> None:
    """Figures, layers, steps, packages, config and every path."""
    document = here.document("old.tar", "new.tar")
    assert (document["schemaVersion"], document["differ"]) == ("1.0", True)
    assert document["compared"] == {"mtime": False, "paths": []}
    assert document["old"]["image"]["tags"] == ["demo:1"]
    assert document["delta"]["storedBytes"] == (
        document["new"]["totals"]["storedBytes"] - document["old"]["totals"]["storedBytes"]
    )
    assert document["delta"]["compressedBytes"] is None
    assert document["delta"]["layers"] == 1
    layers = document["layers"]
    assert (layers["common"], layers["shared"], layers["fetched"]) == (1, [0], [1, 2, 3, 4])
    assert (layers["commonBytes"], layers["fetchedCompressedBytes"]) == (40_021, None)
    assert [
        (step["change"], (step["new"] or step["old"])["instruction"]) for step in document["steps"]
    ] == [
        ("changed", "RUN"),
        ("rebuilt", "RUN"),
        ("changed", "ENV"),
        ("changed", "COPY"),
        ("added", "RUN"),
        ("added", "USER"),
    ]
    files = {item["path"]: item for item in document["files"]["changes"]}
    assert files["app/mode"]["why"] == ["mode", "owner", "xattrs"]
    assert files["app/same-size.bin"]["why"] == ["content"]
    assert (files["app/current"]["old"]["linkTarget"], files["app/current"]["change"]) == (
        "releases/1",
        "modified",
    )
    assert files["app/becomes-a-link"]["why"] == ["type", "mode"]
    assert files["app/caf\udce9 "]["new"]["bytes"] == 7
    assert files["etc/passwd"] == {
        "path": "etc/passwd",
        "change": "removed",
        "why": [],
        "deltaBytes": -11,
        "old": {
            "type": "file",
            "bytes": 11,
            "logicalBytes": 11,
            "mode": 0o644,
            "uid": 0,
            "gid": 0,
            "mtime": 0,
            "linkTarget": None,
            "device": None,
            "layer": 0,
        },
        "new": None,
    }
    assert not {"app/unchanged.bin", "etc/motd", "usr/lib/libc.so.6"} & files.keys()
    assert document["files"]["deltaBytes"] == document["delta"]["liveBytes"]
    assert (
        sum(group["deltaBytes"] for group in document["files"]["directories"])
        == (document["delta"]["liveBytes"])
    )
    assert [
        (package["name"], package["change"], package["deltaBytes"])
        for package in document["packages"]
    ] == [("git", "added", 120_000), ("vim", "removed", -90_000), ("curl", "changed", 1_500)]
    assert [(item["field"], item["name"]) for item in document["config"]] == [
        ("user", None),
        ("workingDir", None),
        ("env", "GONE"),
        ("env", "MODE"),
        ("labels", "text"),
        ("labels", "version"),
        ("exposedPorts", "80/tcp"),
        ("exposedPorts", "8080/tcp"),
        ("volumes", "/data"),
    ]


def test_totals_match_the_report(here: Builds) -> None:
    """This includes avoidable bytes, for large duplicate files."""
    twice = b"".join(number.to_bytes(4, "big") for number in range(500_000))
    old = here.image("once.tar", file("a", twice))
    new = here.image("twice.tar", file("a", twice), file("b/c", twice))
    document = here.document(old, new)
    assert document["delta"]["duplicateBytes"] == document["delta"]["avoidableBytes"] == len(twice)
    for side, name in (("old", old), ("new", new)):
        assert cli.run(["report", name, "--format", "json", "--output", f"{side}.json"]) == 0
        report = json.loads((here.folder / f"{side}.json").read_bytes())
        assert document[side]["totals"] == report["totals"]


def test_the_bytes_to_fetch_are_known_for_compressed_layers(here: Builds) -> None:
    """Layers of the old image are not fetched, at whatever place and in whatever form it stores them."""
    shared, rest = layer_tar([file("a", b"a" * 9000)]), layer_tar([file("b", b"b" * 9000)])
    write(here.folder / "one.tar", docker_archive([shared]))
    write(here.folder / "two.tar", oci_archive([rest, shared, rest]))
    layers = here.document("one.tar", "two.tar")["layers"]
    assert (layers["common"], layers["shared"], layers["fetched"]) == (0, [1], [0])
    assert 0 < layers["fetchedCompressedBytes"] < 1000
    assert layers["fetchedBytes"] == 9000
    out = here("one.tar", "two.tar").out
    assert "Upgrading from the old image fetches 1 layer: " in out
    assert "B compressed, 9.0 kB of content." in out


def test_cold_and_warm_output_is_equal(here: Builds) -> None:
    words = ("old.tar", "new.tar", "--format", "json")
    first = here(*words, "--no-cache").out
    assert here(*words).out == first
    assert here(*words).out == first
