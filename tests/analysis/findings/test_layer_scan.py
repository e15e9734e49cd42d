"""What is found while a layer is read is what reading its files afterwards finds."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.analysis.findings import layer_scan
from layerscope.analysis.findings.layer_scan import LayerScan
from layerscope.layers.contents import LayerContents
from layerscope.layers.store import Store
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from tests.analysis.findings.rule_images import findings_of
from tests.analysis.findings.rules.test_secrets import ENV, GITHUB, KEY
from tests.images import Member, docker_archive, file, hardlink, layer_tar, write

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
ON_ONE_PASS = Options(rules={}, verify=True)
AFTERWARDS = Options(rules={}, verify_small=False)


def opened(folder: Path, layers: Sequence[Sequence[Member]], options: Options) -> Opened:
    image = write(folder / "image.tar", docker_archive([layer_tar(each) for each in layers]))
    return open_image(Request(str(image)), options)


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(MEMBERS, min_size=1, max_size=3))
def test_findings_are_those_of_reading_the_files(
    layers: list[list[Member]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever names a file has, here and in other layers."""
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


BASE = [
    file("var/lib/dpkg/status", STATUS),
    file("var/lib/dpkg/info/a.list", LIST),
    file("usr/bin/a", b"program"),
    file("root/.ssh/id_rsa", KEY),
    file("srv/.env", ENV),
    file("srv/app.py", GITHUB),
    file("srv/plain.py", b"nothing"),
]


def test_a_second_image_on_the_same_base_looks_into_nothing_of_it(
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
    assert findings_of(second).packages == findings_of(fresh).packages
    assert [found.rule for found in findings_of(second).found] == [
        found.rule for found in findings_of(fresh).found
    ]


def test_a_compressed_layer_is_decompressed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rules want of it is taken as it passes."""

    def called(*_: object) -> object:
        raise AssertionError("it passed before")

    image = docker_archive([gzip.compress(layer_tar(BASE))])
    monkeypatch.setattr(LayerContents, "batches", called)
    findings = findings_of(
        open_image(Request(str(write(tmp_path / "image.tar", image))), Options(rules={}))
    )
    assert findings.packages
    assert any(found.rule == "secret-private-key" for found in findings.found)


def test_a_scan_comes_back_from_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what there was room for, and without a secret."""
    monkeypatch.setattr(layer_scan, "_MOST_KEPT", len(STATUS) + 1)
    scan = LayerScan()
    scan._room = len(STATUS) + 1
    scan.take(
        [1, 4, 5, 7],
        [b"var/lib/dpkg/status", b"./var/lib/dpkg/info/a.list", b"srv/id_rsa", b"usr/lib/a.py"],
        [STATUS, LIST, KEY, KEY],
    )
    again = LayerScan.unpack(scan.pack())
    for each in (scan, again):
        assert each.kept == {1: STATUS}
        assert list(each.secrets) == [5]
        assert each.searched.tolist() == [1, 4, 5]
    assert not again.changed
    assert KEY not in b"".join(array.tobytes() for array in scan.pack().arrays.values())
