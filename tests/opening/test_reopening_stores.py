"""Reopening an image in a local store reads no layer, and a store cannot make the cache show wrong data."""

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
SPLIT_STORES = ("containers-storage", "docker-store")
"""Stores that keep the headers of a layer apart from its contents."""


def settle_all(root: Path) -> None:
    """Make all files and folders of a store old enough to be cached."""
    for path in (root, *root.rglob("*")):
        settled(path)


def opened(scheme: str, root: Path, cache: Store | None, **options: Any) -> Opened:
    """The image of a store, opened by a new run."""
    store = None if cache is None else Store(cache.folder)
    return open_image(Request(f"{scheme}://demo", store_root=root), Options(cache=store, **options))


def files_of(root: Path, name: str) -> list[Path]:
    """All files with this name, in all layers."""
    return sorted(path for path in root.rglob(name) if path.is_file())


@pytest.fixture
def cache(tmp_path: Path) -> Store:
    """An empty cache."""
    return Store(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The store's folder."""
    return tmp_path / "root"


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("scheme", STORES)
def test_reopening_reads_neither_headers_nor_contents(
    scheme: str, small: bool, root: Path, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is byte for byte the same, whether layers are verified or not."""
    STORES[scheme](root, LAYERS)
    settle_all(root)
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


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_contents_are_read_from_a_cached_layer(scheme: str, root: Path, cache: Store) -> None:
    """Its headers are read with the first content."""
    STORES[scheme](root, LAYERS)
    settle_all(root)
    for _ in range(2):
        found = opened(scheme, root, cache)
        row = found.filesystem.rows_of(int(found.filesystem.table.find(b"etc/motd") or 0)).start
        assert b"".join(found.contents[0].chunks(int(found.filesystem.inode_of[row]))) == b"welcome"


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_a_changed_file_in_the_store_is_detected(scheme: str, root: Path, cache: Store) -> None:
    """It has the same name, length and modification time, and verification fails."""
    STORES[scheme](root, LAYERS)
    settle_all(root)
    assert opened(scheme, root, cache).verified(0) is True
    path = next(path for path in files_of(root, "motd") if path.read_bytes() == b"welcome")
    status = path.stat()
    path.write_bytes(b"changed")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    settle_all(root)
    assert opened(scheme, root, cache).verified(0) is False
    expected = report(opened(scheme, root, None))
    assert report(opened(scheme, root, cache)) == expected


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_a_file_that_changes_after_opening_is_not_read(scheme: str, root: Path) -> None:
    """It has the same name, length and modification time."""
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
@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_replaced_headers_are_read(scheme: str, small: bool, root: Path, cache: Store) -> None:
    """No cache entry is used for a layer whose headers were replaced, whatever digests the store records."""
    STORES[scheme](root, [BASE])
    settle_all(root)
    opened(scheme, root, cache, verify_small=small)
    (headers,) = root.rglob("*tar-split*gz")
    other = layer_tar([file("other"), file("big", b"x" * 3000), file("etc/motd", b"welcome")])
    headers.write_bytes(split(other)[0])
    settle_all(root)
    found = opened(scheme, root, cache, verify_small=small)
    assert found.filesystem.table.find(b"other") is not None
    assert report(found) == report(opened(scheme, root, None, verify_small=small))


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_a_false_digest_in_a_store_does_not_poison_the_cache(
    scheme: str, tmp_path: Path, cache: Store
) -> None:
    """Two stores record the same digest for different layers; in any order, each shows its own files."""
    honest_store, false_store = tmp_path / "honest", tmp_path / "liar"
    STORES[scheme](honest_store, [SECRET])
    STORES[scheme](false_store, [SECRET])
    headers, files = split(BASE)
    (place,) = false_store.rglob("*tar-split*gz")
    place.write_bytes(headers)
    for name, data in files.items():
        (path,) = files_of(false_store, Path(name).name)
        path.write_bytes(data)
    settle_all(tmp_path)
    for small in (True, False):
        expected = {
            root: report(opened(scheme, root, None, verify_small=small))
            for root in (honest_store, false_store)
        }
        assert expected[honest_store] != expected[false_store]
        for order in (
            [honest_store, false_store, honest_store, false_store],
            [false_store, honest_store, false_store, honest_store],
        ):
            Store(cache.folder).clear()
            for root in order:
                assert report(opened(scheme, root, cache, verify_small=small)) == expected[root]
    assert opened(scheme, honest_store, cache).verified(0) is True
    assert opened(scheme, false_store, cache).verified(0) is False


def test_a_wrong_length_in_the_cache_is_harmless(root: Path, cache: Store) -> None:
    """The length of a tar is only a hint until its headers are read."""
    podman_store(root, LAYERS)
    settle_all(root)
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


def test_unreadable_files_are_reported_despite_the_cache(
    root: Path, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that cannot read the store's files does not show what an earlier run cached."""
    podman_store(root, LAYERS)
    settle_all(root)
    complete = report(opened("containers-storage", root, cache))

    def denied(folder: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("layerscope.sources.store_files.SplitFiles", denied)
    expected = report(opened("containers-storage", root, None))
    assert expected != complete
    for _ in range(2):
        assert report(opened("containers-storage", root, cache)) == expected
    assert json.loads(expected)["layers"][0]["verified"] is None
    monkeypatch.undo()
    assert report(opened("containers-storage", root, cache)) == complete


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_damaged_headers_are_always_reported(scheme: str, root: Path, cache: Store) -> None:
    """They are never shown as an empty layer."""
    STORES[scheme](root, LAYERS)
    for place in root.rglob("*tar-split*gz"):
        place.write_bytes(place.read_bytes()[:30])
    settle_all(root)
    for small in (True, False, True):
        found = opened(scheme, root, cache, verify_small=small)
        assert len(found.damages()) == 3
        assert "its headers in the store are damaged" in found.damages()[0]
    assert digest(b"") not in {index.diff_id for index in found.indexes}


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_a_missing_file_is_reported_and_the_others_are_shown(
    scheme: str, root: Path, cache: Store
) -> None:
    """This holds whether contents are read to verify them or only to find duplicates."""
    STORES[scheme](root, [BASE, CHANGE])
    for path in files_of(root, "copy"):
        path.unlink()
    settle_all(root)
    for small in (True, False):
        expected = report(opened(scheme, root, None, verify_small=small))
        for _ in range(2):
            assert report(opened(scheme, root, cache, verify_small=small)) == expected


def test_a_file_that_changes_while_it_is_hashed_is_not_cached(
    root: Path, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verification records the identity of files before it reads them."""
    podman_store(root, [BASE])
    settle_all(root)
    (path,) = files_of(root, "motd")
    read = index_layer

    def changing(*args: Any, **how: Any) -> Any:
        index = read(*args, **how)
        path.write_bytes(b"changed")
        settle_all(root)
        return index

    monkeypatch.setattr(reading, "index_layer", changing)
    assert opened("containers-storage", root, cache, verify=True).verified(0) is True
    monkeypatch.undo()
    assert opened("containers-storage", root, cache).verified(0) is False


@pytest.mark.parametrize("scheme", SPLIT_STORES)
def test_packages_and_secrets_are_found_in_a_store(scheme: str, tmp_path: Path) -> None:
    """This holds whether files are read together with the headers or afterwards."""
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
