"""Scanning files while a layer is read gives the same results as reading them afterwards."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from layerscope.analysis.findings import layer_scan
from layerscope.analysis.findings.layer_scan import LayerScan
from layerscope.layers import file_identity
from layerscope.layers.contents import LayerContents
from layerscope.layers.store import Entry, Store
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from tests.analysis.findings.rule_images import findings_of
from tests.analysis.findings.rules.test_secrets import ENV, FILES, GITHUB, KEY
from tests.images import Member, directory, docker_archive, file, hardlink, layer_tar, write
from tests.layers.caching import settled

STATUS = b"Package: a\nStatus: install ok installed\nVersion: 1\n\n"
LIST = b"/.\n/usr/bin/a\n"
LARGE = b"# nothing here\n" * 9000
DATA = [KEY, GITHUB, ENV, ENV.decode().encode("utf-16"), b"", b"nothing", LARGE + KEY, b"\0" + KEY]
NAMES = ["a.py", "id_rsa", ".env", ".env.example", "a", "etc/.npmrc", "usr/lib/a.py", "srv/key.pem"]
MEMBERS = st.lists(
    st.one_of(
        st.builds(file, st.sampled_from(NAMES), st.sampled_from(DATA)),
        st.builds(hardlink, st.sampled_from(NAMES), st.sampled_from(NAMES)),
    ),
    max_size=6,
)
ON_ONE_PASS = Options(rules={})
AFTERWARDS = Options(rules={}, verify_small=False)


def opened(folder: Path, layers: Sequence[Sequence[Member]], options: Options) -> Opened:
    image = settled(folder / "image.tar", docker_archive([layer_tar(each) for each in layers]))
    return open_image(Request(str(image)), options)


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(MEMBERS, min_size=1, max_size=3))
@example(layers=[[file(".env", ENV), hardlink(".env.example", ".env")]])
def test_findings_equal_those_of_reading_the_files(
    layers: list[list[Member]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The results are equal whatever names a file has, in this layer and in others."""
    folder = tmp_path_factory.mktemp("images")
    both = [opened(folder, layers, how) for how in (ON_ONE_PASS, AFTERWARDS)]
    first, second = (
        [
            (found.rule, found.layers, found.paths.tolist(), found.inodes.tolist(), found.title)
            for found in findings_of(each).found
        ]
        for each in both
    )
    assert first == second
    assert findings_of(both[0]).packages == findings_of(both[1]).packages


FEW = st.sampled_from(["a.py", ".env", "etc/.npmrc"])
LINKED = st.tuples(
    st.lists(st.builds(file, FEW, st.sampled_from([ENV, FILES[".npmrc"], b"nothing"])), max_size=3),
    st.lists(st.builds(hardlink, FEW, FEW), max_size=3),
).map(list)
"""Files, and further names that a second layer gives them."""


@settings(max_examples=60, deadline=None)
@given(layers=LINKED)
def test_cached_scans_are_valid_for_every_image(
    layers: list[list[Member]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The scan of a layer holds for all images that contain the layer."""
    folder = tmp_path_factory.mktemp("images")
    shared = Store(folder / "cache")
    for image in (layers, layers[:1], layers[-1:]):
        fresh, cached = (
            [(found.rule, found.paths.tolist(), found.title) for found in findings_of(each).found]
            for each in (
                opened(folder, image, how)
                for how in (ON_ONE_PASS, replace(ON_ONE_PASS, cache=shared))
            )
        )
        assert fresh == cached


BASE = [
    file("var/lib/dpkg/status", STATUS),
    file("var/lib/dpkg/info/a.list", LIST),
    file("usr/bin/a", b"program"),
    file("root/.ssh/id_rsa", KEY),
    file("srv/.env", ENV),
    file("srv/app.py", GITHUB),
    file("srv/plain.py", b"nothing"),
]


def test_a_second_image_on_the_same_base_reads_no_base_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets and packages of the base come from the cache."""
    cached = replace(ON_ONE_PASS, cache=Store(tmp_path / "cache"))
    first = opened(tmp_path, [BASE], cached)
    assert {found.rule for found in findings_of(first).found} >= {
        "secret-private-key", "secret-environment-file", "secret-credentials",
    }  # fmt: skip
    read: list[str] = []
    batches = LayerContents.batches

    def noted(self: LayerContents, *args: object) -> object:
        read.append(self.blob.name)
        return batches(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(LayerContents, "batches", noted)
    layers = [BASE, [file("srv/more.py", b"more")]]
    second = opened(tmp_path, layers, cached)
    assert read == []
    fresh = opened(tmp_path, layers, ON_ONE_PASS)
    ours, theirs = findings_of(second).packages, findings_of(fresh).packages
    assert repr(ours) == repr(theirs)
    assert [found.rule for found in findings_of(second).found] == [
        found.rule for found in findings_of(fresh).found
    ]


def test_further_names_count_only_in_their_image(tmp_path: Path) -> None:
    """A later layer may give a file the name of an environment file; other images with the file's layer are not affected."""
    cached = replace(ON_ONE_PASS, cache=Store(tmp_path / "cache"))
    base = [file("srv/notes.txt", ENV)]
    linked = [base, [hardlink("srv/.env", "srv/notes.txt")]]
    for layers, rules in ((linked, {"secret-environment-file"}), ([base], set())):
        found = findings_of(opened(tmp_path, layers, cached)).found
        assert {one.rule for one in found if one.rule.startswith("secret")} == rules


def test_files_in_aufs_link_directories_are_known_by_their_links(tmp_path: Path) -> None:
    """The path in AUFS's own directory does not count."""
    layer = [
        directory(".wh..wh.plnk"),
        file(".wh..wh.plnk/7.8", ENV),
        hardlink("srv/.env", ".wh..wh.plnk/7.8"),
    ]
    for how in (ON_ONE_PASS, AFTERWARDS):
        found = findings_of(opened(tmp_path, [layer], how)).found
        assert "secret-environment-file" in {one.rule for one in found}


def test_a_scan_with_invalid_entries_counts_as_missing(tmp_path: Path) -> None:
    """It is treated like any damaged cache entry."""
    cached = replace(ON_ONE_PASS, cache=Store(tmp_path / "cache"))
    expected = [one.rule for one in findings_of(opened(tmp_path, [BASE], cached)).found]
    assert cached.cache is not None
    scan = LayerScan()
    scan.mark_searched(np.array([99]))
    for entry in cached.cache.entries():
        key, _, kind = entry.path.name.partition(".")
        if kind == "scan":
            cached.cache.write(kind, key, scan.pack())
        elif kind in ("findings", "packages"):
            entry.path.unlink()
    again = opened(tmp_path, [BASE], cached)
    assert [one.rule for one in findings_of(again).found] == expected


def test_a_compressed_layer_is_decompressed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contents that rules need are kept while the layer is read."""

    def called(*_: object) -> object:
        raise AssertionError("it passed before")

    image = docker_archive([gzip.compress(layer_tar(BASE))])
    monkeypatch.setattr(LayerContents, "batches", called)
    findings = findings_of(
        open_image(Request(str(write(tmp_path / "image.tar", image))), Options(rules={}))
    )
    assert findings.packages
    assert any(found.rule == "secret-private-key" for found in findings.found)


def test_a_scan_survives_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking restores the contents that fit into the limit, and no secrets."""
    monkeypatch.setattr(layer_scan, "_MAX_KEPT_TOTAL", len(STATUS) + 1)
    scan = LayerScan()
    scan._room = len(STATUS) + 1
    scan.take(
        [1, 4, 5, 7],
        [b"var/lib/dpkg/status", b"./var/lib/dpkg/info/a.list", b"srv/id_rsa", b"usr/lib/a.py"],
        [STATUS, LIST, KEY, KEY],
    )
    again = LayerScan.unpack(scan.pack(), 8)
    for each in (scan, again):
        assert each.kept == {1: STATUS}
        assert list(each.secrets) == [5]
        assert each.searched.tolist() == [1, 4, 5]
    assert not again.changed
    assert KEY not in b"".join(array.tobytes() for array in scan.pack().arrays.values())


def test_storing_scans_takes_linear_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storing a scan does not examine all files of the cache, nor all layers."""
    looks: list[int] = []

    def counted(status: os.stat_result) -> file_identity.Identity | None:
        looks[-1] += 1
        return known(status)

    known = file_identity.file_identity
    listed = Store._files
    monkeypatch.setattr("layerscope.layers.blob.file_identity", counted)
    lists: list[int] = []

    def files(store: Store) -> Iterator[Entry]:
        lists[-1] += 1
        return listed(store)

    monkeypatch.setattr(Store, "_files", files)
    for count in (10, 40):
        looks.append(0)
        lists.append(0)
        folder = tmp_path / str(count)
        folder.mkdir()
        layers = [[file(f"{number}.env", ENV)] for number in range(count)]
        opened(folder, layers, replace(ON_ONE_PASS, cache=Store(folder / "cache")))
    assert lists[0] == lists[1]
    assert looks[1] < 6 * looks[0]
