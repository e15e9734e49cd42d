"""`layerscope.open`: the content of the JSON report as objects and columns, without side effects."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import layerscope
from tests.images import (
    device,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    oci_archive,
    symlink,
    whiteout,
    write,
)
from tests.opening.test_saved import IMAGES, KEY

SECRET = layer_tar([file("root/id_rsa", KEY)])


@pytest.fixture(params=["odd", "sample", "compressed", "without layers", "damaged"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Images of all kinds."""
    return write(tmp_path / "image.tar", IMAGES[request.param])


def camel(value: Any) -> Any:
    """A record with the keys of the JSON report."""
    if isinstance(value, dict):
        return {_camel(key): camel(inner) for key, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word.capitalize() for word in rest)


def test_records_equal_those_of_the_report(path: Path) -> None:
    """Every key is compared."""
    image = layerscope.open(path)
    report = image.report()
    for name in ("steps", "layers", "duplicates", "findings", "packages", "warnings"):
        assert camel([asdict(one) for one in getattr(image, name)]) == report[name], name
    config = {**asdict(image.config), "labels": None}
    assert camel(config) == {**report["image"]["config"], "labels": None}
    assert image.config.labels == report["image"]["config"]["labels"]
    totals = report["totals"]
    names = ("stored", "live", "wasted", "compressed", "duplicate", "avoidable")
    figures = {f"{name}Bytes": getattr(image, f"{name}_bytes") for name in names}
    assert figures.items() <= totals.items()
    assert image.efficiency == totals["efficiency"]
    assert (image.reference, list(image.tags), image.id, image.manifest_digest, image.created) == tuple(
        report["image"][key] for key in ("reference", "tags", "id", "manifestDigest", "created")
    )  # fmt: skip
    assert image.source == tuple(report["image"]["source"].values())


def test_columns_equal_those_of_the_report(path: Path) -> None:
    """Changes of every layer and waste are compared row by row; applying the changes gives the final image."""
    image = layerscope.open(path)
    report = image.report(files=True)
    final: dict[str, dict[str, Any]] = {}
    for number, layer in enumerate(report["layers"]):
        changes = image.changes(number)
        assert len(changes) == len(layer["files"])
        assert _rows(changes) == layer["files"]
        for row in layer["files"]:
            final[row["path"]] = row
            if row["change"] == "removed":
                del final[row["path"]]
        shown = image.files_after(number)
        assert shown.paths.tolist() == sorted(final, key=lambda path: path.encode(errors="surrogateescape").split(b"/"))  # fmt: skip
    assert image.files.paths.tolist() == list(dict.fromkeys(image.files.paths.tolist()))
    waste = image.waste
    records = [
        {"path": path, "bytes": size, "reason": reason, "storedIn": stored, "hiddenBy": hidden}
        for path, size, reason, stored, hidden in zip(
            *(column.tolist() for column in waste.columns().values()), strict=True
        )
    ]
    assert records == report["waste"]["records"]
    assert waste.by_reason() == report["waste"]["byReason"]


def _rows(changes: layerscope.Changes) -> list[dict[str, Any]]:
    columns = {name: column.tolist() for name, column in changes.columns().items()}
    rows = []
    for at in range(len(changes)):
        row = {name: column[at] for name, column in columns.items()}
        known = row["known"]
        rows.append(
            {
                "path": row["paths"],
                "type": row["types"],
                "bytes": row["bytes"],
                "logicalBytes": row["logical_bytes"],
                "mode": row["modes"] if known else None,
                "uid": row["uids"] if known else None,
                "gid": row["gids"] if known else None,
                "mtime": row["mtimes"] if known else None,
                "linkTarget": row["link_targets"],
                "change": row["changes"],
                "why": list(row["why"]),
            }
        )
    return rows


def test_columns_are_read_only(tmp_path: Path) -> None:
    """Columns that are computed later share them."""
    image = layerscope.open(write(tmp_path / "image.tar", IMAGES["odd"]))
    for table in (image.files, image.changes(0), image.waste):
        for name, column in table.columns().items():
            assert not column.flags.writeable, name
            assert column is getattr(table, name)
            assert len(column) == len(table)
    assert "10 rows" not in repr(image.waste)
    assert repr(image.files).startswith("<Files of ")


def test_files_have_their_layers(tmp_path: Path) -> None:
    """Links have their targets."""
    lower = layer_tar([file("a/b", b"1"), symlink("link", "a/b"), device("null", 1, 3)])
    upper = layer_tar([file("c", b"22"), hardlink("d", "c"), whiteout("null")])
    files = layerscope.open(write(tmp_path / "a.tar", docker_archive([lower, upper]))).files
    rows = zip(
        files.paths, files.layers.tolist(), files.known.tolist(), files.link_targets, strict=True
    )
    assert list(rows) == [
        ("a", 0, False, None),
        ("a/b", 0, True, None),
        ("c", 1, True, None),
        ("d", 1, True, None),
        ("link", 0, True, "a/b"),
    ]


def test_contents_are_read_by_path(tmp_path: Path) -> None:
    """They are read from the final image or after a layer, and no longer after `close`."""
    layers = [layer_tar([file("etc/motd", b"old"), symlink("link", "etc/motd")]), layer_tar([file("etc/motd", b"new")])]  # fmt: skip
    path = write(tmp_path / "image.tar", docker_archive(layers))
    with layerscope.open(path) as image:
        assert image.read("etc/motd") == image.read("/etc/motd") == b"new"
        assert image.read("/etc/motd", layer=0) == b"old"
        for missing in ("/etc/passwd", "/etc", "/link", ""):
            with pytest.raises(layerscope.NothingFoundError):
                image.read(missing)
        with pytest.raises(layerscope.UsageError, match="no layer 7"):
            image.read("/etc/motd", layer=7)
        for wrong in (-1, 2):
            with pytest.raises(layerscope.UsageError, match="no layer"):
                image.changes(wrong)
    with pytest.raises(layerscope.UsageError, match="closed"):
        image.read("/etc/motd")
    image.close()
    assert image.stored_bytes == 6
    assert image.files.paths.tolist() == ["etc", "etc/motd", "link"]


def test_closing_closes_all_files(tmp_path: Path) -> None:
    path = write(tmp_path / "image.tar", oci_archive([SECRET]))
    layerscope.open(path, cache=False).close()  # what is opened once for all images
    before = len(list(Path("/proc/self/fd").iterdir()))
    image = layerscope.open(path, cache=False)
    assert len(list(Path("/proc/self/fd").iterdir())) > before
    image.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_options_are_applied_and_checked(tmp_path: Path) -> None:
    """Results that options leave out are None; errors name what is wrong."""
    image = write(
        tmp_path / "image.tar", docker_archive([SECRET, IMAGES["odd"][:0]], tags=("a:1",))
    )
    plain = layerscope.open(image, findings=False, duplicates=False)
    assert (plain.findings, plain.packages, plain.duplicates) == ((), (), ())
    assert (plain.avoidable_bytes, plain.duplicate_bytes) == (None, None)
    rules = {one.rule for one in layerscope.open(image).findings}
    assert rules
    rule = min(rules)
    assert rule not in {one.rule for one in layerscope.open(image, rules={rule: "off"}).findings}
    assert rule not in {one.rule for one in layerscope.open(image, rules={rule: False}).findings}
    noted = layerscope.open(image, rules={rule: "note"}).findings
    assert {one.severity for one in noted if one.rule == rule} == {"note"}
    assert layerscope.open(image, image="a:1", platform="linux/amd64").tags == ("a:1",)
    assert {one.verified for one in layerscope.open(image, verify=True).layers} == {True}
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (layerscope.ImageNotFoundError, {"image": "b:1"}),
        (layerscope.UsageError, {"platform": "?"}),
        (layerscope.UsageError, {"rules": {"no-such-rule": "off"}}),
        (layerscope.UsageError, {"rules": {rule: "loud"}}),
        (layerscope.UsageError, {"rules": {rule: True}}),
        (layerscope.UsageError, {"dockerfile": "no-such-file"}),
        (layerscope.UsageError, {"limits": {"no_such_limit": 1}}),
        (layerscope.LimitExceededError, {"limits": {"layers": 1}}),
        (layerscope.LayerscopeError, {"dockerfile": tmp_path / "missing"}),
    ]
    for error, arguments in wrong:
        with pytest.raises(error) as raised:
            layerscope.open(image, **arguments)
        assert str(raised.value)


def test_an_input_that_is_not_an_image_is_an_error(tmp_path: Path) -> None:
    """Each kind has its own class, derived from `LayerscopeError`."""
    with pytest.raises(layerscope.ImageNotFoundError):
        layerscope.open(tmp_path / "missing.tar")
    with pytest.raises(layerscope.NotAnImageError) as raised:
        layerscope.open(write(tmp_path / "text", b"hello\n" * 200))
    assert isinstance(raised.value, layerscope.LayerscopeError)
    assert raised.value.hint


def test_damage_is_reported_not_raised(tmp_path: Path) -> None:
    """The readable part is available."""
    image = layerscope.open(write(tmp_path / "image.tar", IMAGES["damaged"]))
    assert len(image.damages) == 1
    assert image.layers[-1].broken is not None
    assert image.stored_bytes > 0


def test_a_saved_image_opens_with_the_same_results(tmp_path: Path) -> None:
    """An image can be saved after it was closed, too."""
    image = layerscope.open(write(tmp_path / "image.tar", IMAGES["odd"]))
    image.save(tmp_path / "one.saved")
    with layerscope.open(tmp_path / "image.tar") as again:
        pass
    again.save(tmp_path / "two.saved")
    for name in ("one.saved", "two.saved"):
        saved = layerscope.open(tmp_path / name)
        assert saved.findings == image.findings
        assert saved.files.paths.tolist() == image.files.paths.tolist()
        with pytest.raises(layerscope.ContentsNotSavedError):
            saved.read("/z")
    with pytest.raises(layerscope.LayerscopeError, match="cannot write"):
        image.save(tmp_path / "no" / "folder")


def test_the_cache_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the user's, another folder, or none."""
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(tmp_path / "user"))
    image = write(tmp_path / "image.tar", IMAGES["odd"])
    layerscope.open(image, cache=False)
    assert not (tmp_path / "user").exists()
    layerscope.open(image, cache=tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir())
    assert not (tmp_path / "user").exists()
    first = layerscope.open(image)
    assert list((tmp_path / "user").iterdir())
    assert layerscope.open(image).report(files=True) == first.report(files=True)


def test_progress_is_reported_and_can_cancel(tmp_path: Path) -> None:
    """An exception of the callback is raised by `open`."""
    image = write(tmp_path / "image.tar", IMAGES["odd"])
    heard: list[tuple[str, int, int | None]] = []
    layerscope.open(image, cache=False, progress=lambda *report: heard.append(report))
    assert "Reading layers" in {stage for stage, _, _ in heard}

    def stop(*_: object) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        layerscope.open(image, cache=False, progress=stop)


def test_opening_has_no_side_effects(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """There is no output, signal handler, thread, changed folder or hook left; numpy and Python behave as before."""

    def around() -> list[Any]:
        handlers = [signal.getsignal(number) for number in signal.valid_signals()]
        hooks = [sys.excepthook, threading.excepthook, sys.stdout, sys.stderr, Path.cwd()]
        return [*handlers, *hooks, sorted(np.geterr().items()), threading.active_count()]

    before = around()
    image = layerscope.open(write(tmp_path / "image.tar", IMAGES["sample"]))
    image.report(files=True)
    image.save(tmp_path / "image.saved")
    image.close()
    assert around() == before
    assert capfd.readouterr() == ("", "")


def test_threads_can_open_and_share_images(tmp_path: Path) -> None:
    path = write(tmp_path / "image.tar", IMAGES["sample"])
    expected = layerscope.open(path, cache=False).report(files=True)
    with ThreadPoolExecutor(6) as pool:
        reports = list(pool.map(lambda _: layerscope.open(path).report(files=True), range(6)))
        assert all(report == expected for report in reports)
        image = layerscope.open(path)
        results = list(pool.map(lambda _: (image.files.paths.tolist(), image.waste.bytes.sum(), image.read("etc/os-release")), range(12)))  # fmt: skip
    assert all(each == results[0] for each in results)


def test_stdin_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` means stdin, as on the command line."""
    path = write(tmp_path / "image.tar", IMAGES["odd"])
    with path.open("rb") as stream:
        saved_stdin = os.dup(0)
        os.dup2(stream.fileno(), 0)
        try:
            assert layerscope.open("-").source == ("stdin", "-")
        finally:
            os.dup2(saved_stdin, 0)
            os.close(saved_stdin)
