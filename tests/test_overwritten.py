"""An image that is overwritten while it is open: new bytes never appear under old names or in the cache."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import numpy as np
import pytest

from layerscope.analysis.duplicates import find_duplicates
from layerscope.errors import CorruptImageError
from layerscope.extraction.extract import extract
from layerscope.extraction.plan import plan_whole
from layerscope.filesystem.compare_contents import compare_versions
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.store import Store
from layerscope.opening.open import Opened, Options, open_image
from layerscope.progress import NullProgress
from layerscope.report import ReportOptions, writer_of
from layerscope.sources import Request
from tests.images import docker_archive, file, layer_tar, oci_archive, oci_directory
from tests.layers.caching import settled

CHANGED = "the file changed while it was open; open it again"
OLD = [layer_tar([file("a", b"old 1"), file("b", b"old 2"), file("c", b"old 2")])]
NEW = [layer_tar([file("a", b"new 1"), file("b", b"new 2"), file("c", b"new 3")])]
OLD.append(layer_tar([file("a", b"old 3")]))
NEW.append(layer_tar([file("a", b"new 4")]))


def _in_place(image: Path, data: bytes) -> None:
    """Overwrite an existing file and restore its time."""
    status = image.stat() if image.exists() else None
    image.write_bytes(data)
    if status is not None:
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))


def _folder(folder: Path, layers: list[bytes]) -> Path:
    """A directory whose blobs have the old names and the new bytes."""
    image = folder / "image"
    if not image.exists():
        return oci_directory(image, layers)
    digests = oci_directory(folder / "new", layers)
    for old, new in zip(_layers(image), _layers(digests), strict=True):
        _in_place(old, new.read_bytes())
    return image


def _layers(folder: Path) -> list[Path]:
    """The layers of a directory."""
    blobs = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in blobs if path.read_bytes()[:2] == b"\x1f\x8b")


def _archive(folder: Path, data: bytes) -> Path:
    _in_place(folder / "image.tar", data)
    return folder / "image.tar"


PLACES: dict[str, Callable[[Path, list[bytes]], Path]] = {
    "plain": lambda folder, layers: _archive(folder, docker_archive(layers)),
    "gzip": lambda folder, layers: _archive(folder, oci_archive(layers)),
    "folder": _folder,
}
WHERE = pytest.mark.parametrize("place", PLACES)


def _opened(image: Path, store: Store | None = None, **options: bool) -> Opened:
    cache = None if store is None else Store(store.folder, store.size)
    return open_image(Request(str(image)), Options(cache=cache, **options))  # type: ignore[arg-type]


def _settle(image: Path) -> None:
    for path in image.rglob("*") if image.is_dir() else [image]:
        settled(path)


def _report(opened: Opened) -> bytes:
    stream = io.BytesIO()
    writer_of("json")(opened, stream, ReportOptions(files=True))
    return stream.getvalue()


@pytest.fixture(params=PLACES)
def overwritten(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """An opened image that was overwritten afterwards."""
    place = PLACES[request.param]
    image = place(tmp_path, OLD)
    _settle(image)
    opened = _opened(image, duplicates=False, verify_small=False)
    assert not opened.damages()
    place(tmp_path, NEW)
    return opened


def test_contents_never_come_from_the_new_file(overwritten: Opened) -> None:
    """Each read reports the change."""
    filesystem = overwritten.filesystem
    for row in range(len(filesystem.paths)):
        reader = ContentReader(
            filesystem.inodes, overwritten.contents, int(filesystem.inode_of[row])
        )
        assert reader.read(100, NullProgress()) == b""
        assert reader.problem == CHANGED


def test_extraction_writes_no_bytes_of_the_new_file(overwritten: Opened, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    plan = plan_whole(overwritten.filesystem, [0], 1)
    result = extract(plan, overwritten.contents, target)
    assert list(target.iterdir()) == []
    assert {why for _, why in result.reasons} == {CHANGED}
    assert result.unreadable == 3


def test_the_new_file_is_never_compared(overwritten: Opened) -> None:
    """Neither versions nor duplicates are taken from it, and earlier results are kept; a run ends with an error."""
    filesystem = overwritten.filesystem
    hashed = filesystem.inodes.hashed.copy()
    compare_versions(filesystem, overwritten.contents, NullProgress())
    duplicates = find_duplicates(filesystem, overwritten.contents, NullProgress())
    assert (filesystem.inodes.hashed == hashed).all()
    if not hashed.any():
        assert not duplicates
    list(overwritten.contents[0].digests(np.arange(3)))
    with pytest.raises(CorruptImageError, match=CHANGED):
        overwritten.raise_damage()


@WHERE
@pytest.mark.parametrize("when", ["indexing", "comparing"])
def test_mixed_content_is_never_cached(
    place: str, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is overwritten while it is read; the next run reads the new one."""
    image = PLACES[place](tmp_path, OLD)
    _settle(image)
    store = Store(tmp_path / "cache")
    module = {"indexing": "layerscope.layers.reading", "comparing": "layerscope.opening.open"}[when]
    name = {"indexing": "index_layer", "comparing": "compare_versions"}[when]
    original = getattr(__import__(module, fromlist=[name]), name)

    one_at_a_time = Lock()  # layers are indexed by two threads

    def overwriting(*args: object, **how: object) -> object:
        if when == "comparing":
            PLACES[place](tmp_path, NEW)
        found = original(*args, **how)
        if when == "indexing":
            with one_at_a_time:
                PLACES[place](tmp_path, NEW)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.{name}", overwriting)
        first = _opened(image, store)
    if not all(index.digests is not None for index in first.indexes):
        assert first.damages()
    _settle(image)
    again = _opened(image, store)
    assert _report(again) == _report(_opened(image))
