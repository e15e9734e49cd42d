"""The folder of the cache: private, limited in size, shared, and never a reason to fail."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layerscope.layers import store as store_module
from layerscope.layers.packing import Packed
from layerscope.layers.store import Store

KEYS = [Store.key(number) for number in range(8)]


def entry(number: int = 0, size: int = 0) -> Packed:
    """An entry with a number, of `size` bytes and a little more."""
    return Packed({"number": number}, {"filling": np.full(size, number, np.uint8)})


def number_of(packed: Packed | None) -> int | None:
    """The number of an entry; None without one."""
    return None if packed is None else int(packed.values["number"])


def files(store: Store) -> list[Path]:
    """All files in the cache."""
    return [path for path in store.folder.rglob("*") if not path.is_dir()]


def only_folder(store: Store) -> Path:
    """The folder with the entries."""
    (folder,) = store.folder.iterdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty cache."""
    return Store(tmp_path / "deep" / "cache")


def test_entries_can_be_read_back(store: Store) -> None:
    """They are found by kind and key, also by a later process."""
    store.write("layer", KEYS[0], entry(7))
    assert number_of(Store(store.folder).read("layer", KEYS[0])) == 7
    assert store.has("layer", KEYS[0])
    assert store.read("layer", KEYS[1]) is None
    assert store.read("image", KEYS[0]) is None
    assert not store.has("image", KEYS[0])
    store.write("layer", KEYS[0], entry(8))
    assert number_of(store.read("layer", KEYS[0])) == 8
    assert store.problem is None


def test_different_parts_give_different_keys() -> None:
    """Keys depend on the boundaries between parts."""
    parts: list[tuple[Any, ...]] = [
        (),
        ("a",),
        ("a", "b"),
        ("ab",),
        (("a",),),
        (1,),
        ("1",),
        (None,),
    ]
    assert len({Store.key(*each) for each in parts}) == len(parts)


def test_only_this_user_can_read_the_cache(store: Store) -> None:
    """Names of files in images are private."""
    old = os.umask(0)
    try:
        store.write("layer", KEYS[0], entry())
    finally:
        os.umask(old)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_folder(store).stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in files(store)] == [0o600]


def test_a_folder_that_others_can_write_to_is_not_used(store: Store) -> None:
    """They could control what is shown."""
    store.write("layer", KEYS[0], entry())
    folder = only_folder(store)
    folder.chmod(0o777)
    other = Store(store.folder)
    assert other.read("layer", KEYS[0]) is None
    assert "others can write" in str(other.problem)
    other.write("layer", KEYS[1], entry())
    assert len(files(store)) == 1


def test_another_users_folder_is_not_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a symlink to a folder."""
    store.write("layer", KEYS[0], entry())
    folder = only_folder(store)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    assert Store(store.folder).read("layer", KEYS[0]) is None
    monkeypatch.undo()
    moved = folder.rename(store.folder.parent / "elsewhere")
    folder.symlink_to(moved)
    assert Store(store.folder).read("layer", KEYS[0]) is None


def test_a_damaged_entry_is_missing_and_rewritten(store: Store) -> None:
    """Damage is not an error, and the damaged entry is removed."""
    for damage in (b"", b"junk", b"\0" * 5000):
        store.write("layer", KEYS[0], entry(1))
        (path,) = files(store)
        path.write_bytes(damage)
        assert store.read("layer", KEYS[0]) is None
        assert files(store) == []
    store.write("layer", KEYS[0], entry(2))
    assert number_of(store.read("layer", KEYS[0])) == 2
    assert store.problem is None


def test_an_entry_under_another_name_is_ignored(store: Store) -> None:
    """Entries contain their own key, so that a copied file is recognised."""
    store.write("layer", KEYS[0], entry(1))
    (path,) = files(store)
    shutil.copy(path, path.with_name(f"{KEYS[1]}.layer"))
    assert store.read("layer", KEYS[1]) is None
    assert number_of(store.read("layer", KEYS[0])) == 1


def test_entries_of_other_versions_are_not_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This applies to other formats and releases; their entries count towards the size limit."""
    store.write("layer", KEYS[0], entry(1))
    monkeypatch.setattr(store_module, "FORMAT", store_module.FORMAT + 1)
    newer = Store(store.folder)
    assert newer.read("layer", KEYS[0]) is None
    newer.write("layer", KEYS[0], entry(2))
    monkeypatch.setattr(store_module, "__version__", "9.9.9")
    assert Store(store.folder).read("layer", KEYS[0]) is None
    assert len(newer.entries()) == 2
    assert number_of(store.read("layer", KEYS[0])) == 1


def test_the_least_recently_used_entries_are_removed_first(tmp_path: Path) -> None:
    """Reading counts as use, and `trim` enforces the limit."""
    store = Store(tmp_path / "cache", 35_000)
    for number in range(4):
        store.write("layer", KEYS[number], entry(number, 10_000))
    for number, path in enumerate(sorted(files(store), key=lambda path: KEYS.index(path.stem))):
        os.utime(path, ns=(0, 1000 + number))
    assert store.read("layer", KEYS[0]) is not None
    store.trim()
    assert [KEYS.index(found.path.stem) for found in store.entries()] == [2, 3, 0]
    assert sum(found.size for found in store.entries()) <= store.size
    assert store.read("layer", KEYS[1]) is None


def test_an_entry_above_the_size_limit_is_not_kept(tmp_path: Path) -> None:
    """It would evict everything, then itself; with a size of 0, not even the folder is created."""
    store = Store(tmp_path / "cache", 5000)
    store.write("layer", KEYS[0], entry(0, 100))
    store.write("layer", KEYS[1], entry(1, 10_000))
    assert [found.path.stem for found in store.entries()] == [KEYS[0]]
    nothing = Store(tmp_path / "nothing", 0)
    nothing.write("layer", KEYS[0], entry())
    assert not nothing.folder.exists()
    assert nothing.problem is None


def test_clearing_keeps_foreign_files(store: Store) -> None:
    """If the user names a folder by mistake, its files are safe."""
    store.write("layer", KEYS[0], entry(0, 100))
    store.write("image", KEYS[0], entry(0, 100))
    theirs = [
        store.folder / "notes.txt",
        store.folder / f"{KEYS[0]}.layer",
        store.folder / "entries" / f"{KEYS[0]}.layer",
        only_folder(store) / "notes.txt",
    ]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    Store(store.folder, 0).trim()
    assert sorted(files(store)) == sorted(theirs)
    store.write("layer", KEYS[0], entry(0, 100))
    removed = store.clear()
    assert [found.path.name for found in removed] == [f"{KEYS[0]}.layer"]
    assert sorted(files(store)) == sorted(theirs)


def test_a_cleared_cache_can_be_used_again(store: Store) -> None:
    """This includes a process that used it before."""
    store.write("layer", KEYS[0], entry(1))
    store.clear()
    assert not store.folder.exists()
    assert store.read("layer", KEYS[0]) is None
    store.write("layer", KEYS[0], entry(2))
    assert number_of(store.read("layer", KEYS[0])) == 2
    assert store.problem is None


def test_abandoned_temporary_files_are_removed(store: Store) -> None:
    """Files of killed processes are removed; files that may be in use are kept."""
    store.write("layer", KEYS[0], entry())
    old, new = only_folder(store) / "writing-old", only_folder(store) / "writing-new"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, ns=(0, 0))
    store.trim()
    assert not old.exists()
    assert new.exists()
    assert len(store.entries()) == 1


def test_a_full_disk_is_a_problem_not_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Existing entries can still be read; no partial file is left, and writing is not tried again."""
    store.write("layer", KEYS[0], entry(1))
    attempts = []

    def full(descriptor: int, mode: str) -> Any:
        os.close(descriptor)
        attempts.append(mode)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    store.write("layer", KEYS[1], entry(2))
    store.write("layer", KEYS[2], entry(3))
    assert attempts == ["wb"]
    assert "No space left" in str(store.problem)
    assert number_of(store.read("layer", KEYS[0])) == 1
    assert len(files(store)) == 1


def test_a_folder_that_cannot_be_created_is_a_problem_not_an_error(tmp_path: Path) -> None:
    """The folder would be below a file."""
    (tmp_path / "file").write_text("no folder")
    store = Store(tmp_path / "file" / "cache")
    assert store.read("layer", KEYS[0]) is None
    assert not store.has("layer", KEYS[0])
    store.write("layer", KEYS[0], entry())
    store.trim()
    assert store.entries() == []
    assert store.clear() == []
    assert str(tmp_path / "file") in str(store.problem)


@pytest.mark.parametrize("filled", [True, False])
def test_a_folder_in_place_of_an_entry_affects_only_that_entry(store: Store, filled: bool) -> None:
    """Other entries can be used; an empty folder is removed, and a folder with files is kept."""
    for number in range(2):
        store.write("layer", KEYS[number], entry(number))
    path = only_folder(store) / f"{KEYS[0]}.layer"
    path.unlink()
    path.mkdir()
    if filled:
        (path / "mine").write_text("mine")
    again = Store(store.folder)
    assert again.read("layer", KEYS[0]) is None
    assert not again.has("layer", KEYS[0])
    again.write("layer", KEYS[0], entry(5))
    assert number_of(again.read("layer", KEYS[0])) == (None if filled else 5)
    again.write("layer", KEYS[2], entry(2))
    assert number_of(again.read("layer", KEYS[1])) == 1
    assert number_of(again.read("layer", KEYS[2])) == 2
    assert again.problem is None
    assert not list(store.folder.rglob("writing-*"))
    again.size = 0
    again.trim()
    assert again.clear() == []
    assert path.is_dir() == filled


def test_an_unreadable_entry_affects_only_that_entry(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written again, and other entries are used."""
    for number in range(2):
        store.write("layer", KEYS[number], entry(number))
    fromfile = np.fromfile

    def fails(stream: Any, *words: Any) -> Any:
        if KEYS[0] in stream.name:
            raise OSError(errno.EIO, "Input/output error")
        return fromfile(stream, *words)

    monkeypatch.setattr(np, "fromfile", fails)
    assert store.read("layer", KEYS[0]) is None
    assert number_of(store.read("layer", KEYS[1])) == 1
    monkeypatch.undo()
    store.write("layer", KEYS[0], entry(7))
    assert number_of(store.read("layer", KEYS[0])) == 7
    assert store.problem is None


def test_a_read_only_folder_is_a_problem_not_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a read-only disk, existing entries are used, and writing is attempted only once."""
    store.write("layer", KEYS[0], entry(1))
    attempts = []

    def read_only(**how: Any) -> Any:
        attempts.append(how)
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", read_only)
    for number in (1, 2):
        store.write("layer", KEYS[number], entry(number))
    assert len(attempts) == 1
    assert "deep/cache: Read-only" in str(store.problem)
    assert number_of(store.read("layer", KEYS[0])) == 1
