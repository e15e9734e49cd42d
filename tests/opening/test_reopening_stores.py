"""Opening an image of a local store again is fast, and nothing in a store can make the cache show wrong data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from layerscope.analysis import duplicates as duplicates_module
from layerscope.filesystem.content_reader import ContentReader
from layerscope.filesystem.model import Filesystem
from layerscope.layers import reading, tarsplit
from layerscope.layers.contents import LayerContents
from layerscope.layers.indexing import index_layer
from layerscope.layers.store import Store
from layerscope.opening.open import Opened, Options, open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request
from tests.analysis.findings.rules.test_secrets import KEY
from tests.images import digest, file, layer_tar
from tests.layers.caching import settled
from tests.opening.test_reopening import BASE, CHANGE, SECRET, TOP, forbid, report
from tests.sources.image_files import Layout
from tests.sources.stores import docker_store, podman_store, split
from tests.sources.test_containerd import NAME
from tests.sources.test_containerd import store as store_of

LAYERS = (BASE, CHANGE, TOP)


def containerd_store(root: Path, layers: Sequence[bytes]) -> None:
    """A store of containerd with one image."""
    layout = Layout()
    store_of(root, layout, {"moby": {NAME: layout.manifest(layers)}})


STORES: dict[str, Callable[..., Any]] = {
    "containers-storage": podman_store,
    "docker-store": docker_store,
    "containerd": containerd_store,
}
APART = ("containers-storage", "docker-store")
"""Stores that keep headers and contents apart."""


def settle(root: Path) -> None:
    """Nothing in a store was written just now, its folders neither."""
    for path in (root, *root.rglob("*")):
        settled(path)


def opened(scheme: str, root: Path, cache: Store | None, **options: Any) -> Opened:
    """The image of a store, opened by a new run."""
    store = None if cache is None else Store(cache.folder)
    return open_image(Request(f"{scheme}://demo", store_root=root), Options(cache=store, **options))


def files_of(root: Path, name: str) -> list[Path]:
    """The files of that name in all layers."""
    return sorted(path for path in root.rglob(name) if path.is_file())


@pytest.fixture
def cache(tmp_path: Path) -> Store:
    """An empty cache."""
    return Store(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "root"


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("scheme", STORES)
def test_a_second_opening_reads_neither_headers_nor_contents(
    scheme: str, small: bool, root: Path, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the report is the same to the byte, whether layers are verified or not."""
    STORES[scheme](root, LAYERS)
    settle(root)
    without = report(opened(scheme, root, None, verify_small=small))
    assert report(opened(scheme, root, cache, verify_small=small)) == without
    forbid(
        monkeypatch,
        (reading, "index_layer"),
        (tarsplit, "_scan"),
        (Filesystem, "stack"),
        (LayerContents, "chunks"),
        (LayerContents, "heads"),
        (LayerContents, "digests"),
        (duplicates_module, "_heads"),
    )
    assert report(opened(scheme, root, cache, verify_small=small)) == without


@pytest.mark.parametrize("scheme", APART)
def test_contents_are_read_from_a_cached_layer(scheme: str, root: Path, cache: Store) -> None:
    """Its headers are read when the first content is."""
    STORES[scheme](root, LAYERS)
    settle(root)
    for _ in range(2):
        found = opened(scheme, root, cache)
        row = found.filesystem.rows_of(int(found.filesystem.table.find(b"etc/motd") or 0)).start
        assert b"".join(found.contents[0].chunks(int(found.filesystem.inode_of[row]))) == b"welcome"


@pytest.mark.parametrize("scheme", APART)
def test_a_changed_file_in_the_store_is_noticed(scheme: str, root: Path, cache: Store) -> None:
    """Same name, same length, even the same time: what is called verified was verified as it is now."""
    STORES[scheme](root, LAYERS)
    settle(root)
    assert opened(scheme, root, cache).verified(0) is True
    path = next(path for path in files_of(root, "motd") if path.read_bytes() == b"welcome")
    status = path.stat()
    path.write_bytes(b"changed")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    settle(root)
    assert opened(scheme, root, cache).verified(0) is False
    expected = report(opened(scheme, root, None))
    assert report(opened(scheme, root, cache)) == expected


@pytest.mark.parametrize("scheme", APART)
def test_a_file_that_is_changed_while_its_store_is_open_is_not_read(
    scheme: str, root: Path
) -> None:
    """Same name, same length, even the same time."""
    STORES[scheme](root, LAYERS)
    found = opened(scheme, root, None, verify_small=False, duplicates=False)
    path = next(path for path in files_of(root, "motd") if path.read_bytes() == b"welcome")
    status = path.stat()
    path.write_bytes(b"changed")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    row = found.filesystem.rows_of(int(found.filesystem.table.find(b"etc/motd") or 0)).start
    reader = ContentReader(
        found.filesystem.inodes, found.contents, int(found.filesystem.inode_of[row])
    )
    assert reader.read(100, NullProgress()) == b""
    assert reader.problem == "the file changed while it was open; open it again"
    assert found.damages() == [reader.problem]


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("scheme", APART)
def test_other_headers_are_read(scheme: str, small: bool, root: Path, cache: Store) -> None:
    """Nothing cached is used for a layer whose headers were replaced, whatever the store records."""
    STORES[scheme](root, [BASE])
    settle(root)
    opened(scheme, root, cache, verify_small=small)
    (headers,) = root.rglob("*tar-split*gz")
    other = layer_tar([file("other"), file("big", b"x" * 3000), file("etc/motd", b"welcome")])
    headers.write_bytes(split(other)[0])
    settle(root)
    found = opened(scheme, root, cache, verify_small=small)
    assert found.filesystem.table.find(b"other") is not None
    assert report(found) == report(opened(scheme, root, None, verify_small=small))


@pytest.mark.parametrize("scheme", APART)
def test_a_store_plants_nothing_under_a_digest_that_it_records(
    scheme: str, tmp_path: Path, cache: Store
) -> None:
    """Neither for another store, nor for a saved image: each shows what it holds, whichever came first."""
    honest, liar = tmp_path / "honest", tmp_path / "liar"
    STORES[scheme](honest, [SECRET])
    STORES[scheme](liar, [SECRET])
    headers, files = split(BASE)
    (place,) = liar.rglob("*tar-split*gz")
    place.write_bytes(headers)
    for name, data in files.items():
        (path,) = files_of(liar, Path(name).name)
        path.write_bytes(data)
    settle(tmp_path)
    for small in (True, False):
        expected = {
            root: report(opened(scheme, root, None, verify_small=small)) for root in (honest, liar)
        }
        assert expected[honest] != expected[liar]
        for order in ([honest, liar, honest, liar], [liar, honest, liar, honest]):
            Store(cache.folder).clear()
            for root in order:
                assert report(opened(scheme, root, cache, verify_small=small)) == expected[root]
    assert opened(scheme, honest, cache).verified(0) is True
    assert opened(scheme, liar, cache).verified(0) is False


def test_a_wrong_length_in_the_cache_does_no_harm(root: Path, cache: Store) -> None:
    """The length of a tar is only a hint until its headers are read."""
    podman_store(root, LAYERS)
    settle(root)
    expected = report(opened("containers-storage", root, cache))
    for entry in cache.entries():
        if entry.path.suffix != ".length":
            entry.path.unlink()
    for entry in cache.entries():
        packed = cache.read("length", entry.path.stem)
        assert packed is not None
        length = packed.values["bytes"]
        cache.write("length", entry.path.stem, type(packed)({"bytes": length + 512}, {}))
    assert report(opened("containers-storage", root, cache)) == expected
    assert report(opened("containers-storage", root, cache)) == expected


def test_unreachable_files_are_reported_from_the_cache_too(
    root: Path, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data from a run that could read them is not shown by one that cannot."""
    podman_store(root, LAYERS)
    settle(root)
    whole = report(opened("containers-storage", root, cache))

    def locked(folder: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("layerscope.sources.store_files.SplitFiles", locked)
    expected = report(opened("containers-storage", root, None))
    assert expected != whole
    for _ in range(2):
        assert report(opened("containers-storage", root, cache)) == expected
    assert json.loads(expected)["layers"][0]["verified"] is None
    monkeypatch.undo()
    assert report(opened("containers-storage", root, cache)) == whole


@pytest.mark.parametrize("scheme", APART)
def test_damaged_headers_are_reported_every_time(scheme: str, root: Path, cache: Store) -> None:
    """They are never an empty layer."""
    STORES[scheme](root, LAYERS)
    for place in root.rglob("*tar-split*gz"):
        place.write_bytes(place.read_bytes()[:30])
    settle(root)
    for small in (True, False, True):
        found = opened(scheme, root, cache, verify_small=small)
        assert len(found.damages()) == 3
        assert "its headers in the store are damaged" in found.damages()[0]
    assert digest(b"") not in {index.diff_id for index in found.indexes}


@pytest.mark.parametrize("scheme", APART)
def test_a_lost_file_is_reported_and_the_rest_is_shown(
    scheme: str, root: Path, cache: Store
) -> None:
    """Whether contents are read to verify them or only to look for duplicates."""
    STORES[scheme](root, [BASE, CHANGE])
    for path in files_of(root, "copy"):
        path.unlink()
    settle(root)
    for small in (True, False):
        expected = report(opened(scheme, root, None, verify_small=small))
        for _ in range(2):
            assert report(opened(scheme, root, cache, verify_small=small)) == expected


def test_verification_looks_at_files_before_it_reads_them(
    root: Path, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that changes while layers are hashed is not cached."""
    podman_store(root, [BASE])
    settle(root)
    (path,) = files_of(root, "motd")
    read = index_layer

    def changing(*args: Any, **how: Any) -> Any:
        index = read(*args, **how)
        path.write_bytes(b"changed")
        settle(root)
        return index

    monkeypatch.setattr(reading, "index_layer", changing)
    assert opened("containers-storage", root, cache, verify=True).verified(0) is True
    monkeypatch.undo()
    assert opened("containers-storage", root, cache).verified(0) is False


@pytest.mark.parametrize("scheme", APART)
def test_packages_and_secrets_are_found_in_a_store(scheme: str, tmp_path: Path) -> None:
    """Whether its files are read with the headers or afterwards, many of them small neighbours."""
    packages = b"".join(
        b"Package: p%d\nStatus: install ok installed\nVersion: 1\n\n" % number
        for number in range(30)
    )
    members = [
        file("var/lib/dpkg/status", packages),
        *(file(f"var/lib/dpkg/info/p{number}.list", b"/a%d\n" % number) for number in range(30)),
        file("srv/id_rsa", KEY),
    ]
    STORES[scheme](tmp_path / "root", [layer_tar(members)])
    for small in (True, False):
        findings = opened(scheme, tmp_path / "root", None, rules={}, verify_small=small).findings
        assert findings is not None
        assert len(findings.packages) == 30
        assert not findings.warnings
        assert any(found.rule == "secret-private-key" for found in findings.found)
