"""Opening an image again reads no layer, and the report is byte for byte the same."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis import duplicates as duplicates_module
from layerscope.analysis.findings import run_rules as rule_runner
from layerscope.errors import LimitExceededError
from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.layers import reading
from layerscope.layers.blob import Blob
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.store import Store
from layerscope.limits import DEFAULT_LIMITS
from layerscope.opening.cache_lookup import read_cached_image
from layerscope.opening.open import Listener, Opened, Options, analyse, open_image
from layerscope.report import ReportOptions, writer_of
from layerscope.settings import RuleChoice
from layerscope.sources import Request, open_source
from tests.images import (
    archive,
    compressed,
    directory,
    docker_archive,
    docker_files,
    file,
    hardlink,
    layer_tar,
    oci_archive,
    oci_directory,
    whiteout,
    write,
)
from tests.layers.caching import settled

BASE = layer_tar([directory("etc"), file("etc/motd", b"welcome"), file("big", b"x" * 3000)])
CHANGE = layer_tar([file("etc/motd", b"goodbye"), file("copy", b"x" * 3000), whiteout("none")])
TOP = layer_tar([file("etc/motd", b"goodbye"), hardlink("link", "etc/motd"), whiteout("big")])
SECRET = layer_tar([file("etc/motd", b"private"), file("big", b"y" * 3000), directory("etc")])


def report(opened: Opened) -> bytes:
    """The complete report, with files."""
    stream = io.BytesIO()
    writer_of("json")(opened, stream, ReportOptions(files=True))
    return stream.getvalue()


def opened(image: Path, store: Store | None, **options: Any) -> Opened:
    """An image, opened by a new run."""
    cache = None if store is None else Store(store.folder, store.size)
    return open_image(Request(str(image)), Options(cache=cache, **options))


def forbid(monkeypatch: pytest.MonkeyPatch, *places: tuple[object, str]) -> None:
    """Fail the test if one of these is called from now on."""

    def called(*args: object, **options: object) -> object:
        raise AssertionError("this is cached")

    for owner, name in places:
        monkeypatch.setattr(owner, name, called)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty cache."""
    return Store(tmp_path / "cache")


LAYERS = (BASE, CHANGE, BASE, TOP)
PLACES: dict[str, Callable[[Path], Path]] = {
    "plain": lambda folder: write(folder / "image.tar", docker_archive(LAYERS)),
    "gzip": lambda folder: write(folder / "image.tar", oci_archive(LAYERS)),
    "zstd": lambda folder: write(folder / "image.tar", oci_archive(LAYERS, compress="zstd")),
    "folder": lambda folder: oci_directory(folder / "image", LAYERS),
    "compressed": lambda folder: write(
        folder / "image.tar.gz", compressed(docker_archive(LAYERS), "gzip")
    ),
    "rootfs": lambda folder: write(folder / "rootfs.tar", BASE),
    "no-layers": lambda folder: write(folder / "image.tar", docker_archive([])),
}


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_reopening_reads_no_layer(
    place: str, small: bool, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is indexed, stacked, compared or searched again, and the report is byte for byte the same."""
    image = PLACES[place](tmp_path)
    for path in image.rglob("*") if image.is_dir() else [image]:
        settled(path)
    without = report(opened(image, None, verify_small=small))
    assert report(opened(image, store, verify_small=small)) == without
    forbid(
        monkeypatch,
        (reading, "index_layer"),
        (Filesystem, "stack"),
        (LayerContents, "chunks"),
        (LayerContents, "heads"),
        (LayerContents, "digests"),
        (duplicates_module, "_heads"),
    )
    assert report(opened(image, store, verify_small=small)) == without


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_a_cached_image_can_be_read_in_advance(
    place: str, small: bool, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is returned only if every entry is in the cache, and gives the same report."""
    image = PLACES[place](tmp_path)
    for path in image.rglob("*") if image.is_dir() else [image]:
        settled(path)
    options = Options(cache=store, verify_small=small)
    request = Request(str(image))
    assert read_cached_image(request, open_source(request), replace(options, cache=None)) is None
    if place != "no-layers":
        assert read_cached_image(request, open_source(request), options) is None
    without = report(open_image(request, options))
    entries = {entry.path: entry.path.read_bytes() for entry in store.entries()}
    verifying = read_cached_image(request, open_source(request), replace(options, verify=True))
    assert verifying is None or place == "no-layers"
    for path, content in entries.items():
        path.unlink()
        cached_image = read_cached_image(request, open_source(request), options)
        assert (cached_image is None) == (path.suffix != ".duplicates")
        path.write_bytes(content)
    source = open_source(request)
    cached_image = read_cached_image(request, source, options)
    assert cached_image is not None
    forbid(monkeypatch, (Store, "write"), (reading, "index_layer"), (LayerContents, "chunks"))
    assert report(analyse(request, source, options, cached_image=cached_image)) == without


def test_the_listener_is_called_the_same_way(tmp_path: Path, store: Store) -> None:
    """A cached image is announced layer by layer, as one that is read."""
    image = settled(tmp_path / "image.tar", docker_archive(LAYERS))
    calls: list[list[object]] = []

    class RecordingListener(Listener):
        def layer_indexed(self, number: int, indexed: Any) -> None:
            calls[-1].append((number, len(indexed.index)))

        def stacked(self, opened: Opened, cache: Any) -> Opened:
            calls[-1].append(opened.accounting.live)
            return super().stacked(opened, cache)

    for _ in range(2):
        calls.append([])
        request = Request(str(image))
        analyse(request, open_source(request), Options(cache=store), RecordingListener())
    assert len(calls[0]) == len(LAYERS) + 1
    assert calls[0] == calls[1]


def test_verification_does_not_depend_on_earlier_runs(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large layers are unverified unless this run is to verify them, whatever other runs cached."""
    monkeypatch.setattr(reading, "VERIFY_BYTES", 100)
    image = settled(tmp_path / "image.tar", docker_archive(LAYERS))
    runs: list[Mapping[str, bool]] = [
        {},
        {"verify": True},
        {"verify": True, "duplicates": False},
        {"duplicates": False},
        {"verify_small": False},
    ]
    without = [report(opened(image, None, **run)) for run in runs]
    assert opened(image, None).verified(0) is None
    assert opened(image, None, verify=True).verified(0) is True
    for first in range(len(runs)):
        for second in range(len(runs)):
            Store(store.folder).clear()
            for number in (first, second, first):
                assert report(opened(image, store, **runs[number])) == without[number]


def test_small_layers_are_verified_after_the_explorer_cached_them(
    tmp_path: Path, store: Store
) -> None:
    """The explorer does not hash layers before it shows them."""
    image = settled(tmp_path / "image.tar", docker_archive(LAYERS))
    assert opened(image, store, verify_small=False).verified(0) is None
    assert opened(image, store).verified(0) is True
    assert opened(image, store, verify_small=False).verified(0) is None


def test_a_shared_base_is_not_indexed_again(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an image in another file with the same base, only the other layers are indexed."""
    for compress in (None, "gzip"):
        folder = tmp_path / str(compress)
        how: Any = {"compress": compress}
        one = settled(folder / "one.tar", oci_archive([BASE, CHANGE], **how))
        other = settled(folder / "other.tar", oci_archive([BASE, TOP], **how))
        opened(one, store)
        expected = report(opened(other, None))
        read: list[Blob] = []

        def counted(blob: Blob, *args: Any, read: list[Blob] = read, **how: Any) -> LayerIndex:
            read.append(blob)
            return index_layer(blob, *args, **how)

        monkeypatch.setattr(reading, "index_layer", counted)
        assert report(opened(other, store)) == expected
        assert len(read) == 1
        monkeypatch.undo()


def archive_with_false_layer(truth: bytes, lie: bytes) -> bytes:
    """A docker archive whose config claims the layer `truth`, but which holds `lie`."""
    files = docker_files([truth])
    return archive({name: lie if data == truth else data for name, data in files.items()})


def test_an_image_with_false_layers_does_not_affect_others(tmp_path: Path, store: Store) -> None:
    """In any order, each image shows its own files, and the false layer fails verification."""
    honest = settled(tmp_path / "honest.tar", docker_archive([SECRET]))
    false_image = settled(tmp_path / "liar.tar", archive_with_false_layer(SECRET, BASE))
    expected = {path: report(opened(path, None)) for path in (honest, false_image)}
    assert opened(false_image, None).verified(0) is False
    for small in (True, False):
        for order in (
            [honest, false_image, honest, false_image],
            [false_image, honest, false_image, honest],
        ):
            Store(store.folder).clear()
            for path in order:
                image = opened(path, store, verify_small=small)
                filesystem = image.filesystem
                if small:
                    assert report(image) == expected[path]
                motd = filesystem.table.find(b"etc/motd")
                assert motd is not None
                row = filesystem.rows_of(motd).start
                content = b"".join(image.contents[0].chunks(int(filesystem.inode_of[row])))
                assert content == (b"private" if path == honest else b"welcome")


def test_a_rewritten_archive_is_read_again(tmp_path: Path, store: Store) -> None:
    """It has the same name, length and modification time."""
    image = settled(tmp_path / "image.tar", docker_archive([BASE]))
    assert len(docker_archive([SECRET])) == image.stat().st_size
    status = image.stat()
    opened(image, store, verify_small=False)
    image.write_bytes(docker_archive([SECRET]))
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    settled(image)
    expected = report(opened(image, None, verify_small=False))
    assert report(opened(image, store, verify_small=False)) == expected


def test_read_errors_are_not_cached(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read errors may be temporary."""
    image = settled(tmp_path / "image.tar", docker_archive([BASE, CHANGE, TOP]))
    expected = report(opened(image, None, verify_small=False))

    def fails(self: LayerContents, entries: NDArray[np.int64]) -> Iterator[None]:
        return iter([None] * len(entries))

    with monkeypatch.context() as patch:
        patch.setattr(LayerContents, "digests", fails)
        assert report(opened(image, store, verify_small=False)) != expected
    assert report(opened(image, store, verify_small=False)) == expected


def test_later_comparisons_do_not_depend_on_the_cache(tmp_path: Path, store: Store) -> None:
    """Digests can be added to a filesystem from the cache, as to one that was just stacked."""
    image = settled(tmp_path / "image.tar", docker_archive([BASE, CHANGE]))
    for _ in range(2):
        inodes: Inodes = opened(image, store, verify_small=False).filesystem.inodes
        inodes.digests[0] = 1
        inodes.hashed[0] = True


def test_damage_in_any_entry_is_repaired(tmp_path: Path, store: Store) -> None:
    """This holds for each entry, and for all of them at once."""
    image = settled(tmp_path / "image.tar", docker_archive(LAYERS))
    expected = report(opened(image, store))
    entries = store.entries()
    kinds = {entry.path.suffix for entry in entries}
    assert kinds == {".layer", ".file", ".image", ".accounting", ".duplicates"}
    for damaged in (*([entry] for entry in entries), entries):
        for entry in damaged:
            entry.path.write_bytes(entry.path.read_bytes()[:-2])
        assert report(opened(image, store)) == expected
        assert report(opened(image, store)) == expected
        assert len(store.entries()) == len(entries)


def test_the_cache_stays_within_its_size(tmp_path: Path) -> None:
    """This holds even for images that are larger than the cache."""
    store = Store(tmp_path / "cache", 9000)
    for number in range(6):
        layers = [layer_tar([file(f"{number}/{name}", b"x") for name in range(20)]), BASE]
        image = settled(tmp_path / f"{number}.tar", docker_archive(layers))
        assert report(opened(image, store)) == report(opened(image, None))
        assert 0 < sum(entry.size for entry in store.entries()) <= store.size


def test_limits_apply_to_cached_images(tmp_path: Path, store: Store) -> None:
    """A run with stricter limits refuses what an earlier one accepted."""
    image = settled(tmp_path / "image.tar", docker_archive(LAYERS))
    opened(image, store)
    strict = Request(str(image), limits=replace(DEFAULT_LIMITS, entries=20))
    open_image(strict, Options(cache=store))
    with pytest.raises(LimitExceededError):
        open_image(
            Request(str(image), limits=replace(DEFAULT_LIMITS, entries=9)), Options(cache=store)
        )


def test_twenty_processes_share_a_cache(tmp_path: Path, store: Store) -> None:
    """They open two images with a shared base, and a small cache makes them evict each other's entries."""
    images = [
        settled(tmp_path / "one.tar", docker_archive([BASE, CHANGE])),
        settled(tmp_path / "other.tar", docker_archive([BASE, TOP])),
    ]
    expected = [report(opened(image, None, rules={})) for image in images]
    environment = {
        **os.environ,
        "LAYERSCOPE_CACHE_DIR": str(store.folder),
        "LAYERSCOPE_CACHE_SIZE": "12kB",
    }
    words = ["report", "--files", "--format", "json"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "layerscope", *words, str(images[number % 2])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for number in range(20)
    ]
    for number, process in enumerate(running):
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, b"")
        assert out == expected[number % 2]
    assert sum(entry.size for entry in store.entries()) <= 12_000
    assert not list(store.folder.rglob("writing-*"))


def test_files_are_scanned_for_secrets_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time, findings come from the cache without reading a file; the secret itself is not cached."""
    key = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
    layers = [layer_tar([file("srv/id_rsa", key), file("srv/.env", b"DB_PASSWORD=horse-staple")])]
    image = settled(tmp_path / "image.tar", docker_archive(layers))
    store = Store(tmp_path / "cache")
    first = report(opened(image, store, rules={}))
    monkeypatch.setattr(LayerContents, "pieces", _unreadable)
    assert report(opened(image, store, rules={})) == first
    assert first.count(b'"secret-') == 2
    kept = b"".join(
        entry.read_bytes() for entry in (tmp_path / "cache").rglob("*") if entry.is_file()
    )
    assert b"horse" not in kept
    assert b"QUJD" not in kept


def _unreadable(*_: object) -> None:
    raise AssertionError("contents are read again")


def test_findings_are_cached_for_the_same_input(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules run again only for other settings or another history."""
    layers = [layer_tar([file("var/lib/apt/lists/main", b"l" * 300_000)])]
    image = settled(tmp_path / "image.tar", docker_archive(layers))
    first = report(opened(image, store, rules={}))
    rule_runs: list[object] = []
    original = rule_runner.run_rules

    def counting(*arguments: Any) -> Any:
        rule_runs.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(rule_runner, "run_rules", counting)
    assert report(opened(image, store, rules={})) == first
    assert not rule_runs
    off = report(opened(image, store, rules={"apt-lists": RuleChoice(enabled=False)}))
    assert rule_runs
    assert b'"rule": "apt-lists"' in first
    assert b'"rule": "apt-lists"' not in off
    rule_runs.clear()
    history = [{"created_by": "RUN /bin/sh -c apt-get update # buildkit"}]
    other = settled(tmp_path / "other.tar", docker_archive(layers, history=history))
    assert b"apt-get update" in report(opened(other, store, rules={}))
    assert rule_runs
