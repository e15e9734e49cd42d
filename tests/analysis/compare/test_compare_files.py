"""Contents are read only if necessary; growth is exact for files with several names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from layerscope.analysis.compare.directories import group_by_directory
from layerscope.layers.contents import LayerContents
from tests.analysis.compare.comparing import by_path, changes_of, naive_changes, side
from tests.images import directory, file, hardlink, symlink


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The entries whose contents are read."""
    seen: list[int] = []
    digests = LayerContents.digests

    def reading(self: LayerContents, entries: NDArray[np.int64]) -> Iterator[bytes | None]:
        seen.extend(entries.tolist())
        return digests(self, entries)

    with monkeypatch.context() as patch:
        patch.setattr(LayerContents, "digests", reading)
        yield seen


def test_only_files_of_equal_size_at_one_path_are_read(read: list[int]) -> None:
    """Other sizes, empty files, and paths of only one image are not read."""
    old = side(
        [[file("a", b"1"), file("b", b"22"), file("c"), file("d", b"x")]],
        hash_all=False,
        claim=False,
    )
    new = side(
        [[file("a", b"2"), file("b", b"1"), file("c"), file("e", b"x")]],
        hash_all=False,
        claim=False,
    )
    read.clear()
    found = by_path(changes_of(old, new))
    assert read == [0, 0]
    assert {path: change[0] for path, change in found.items()} == {
        b"a": "modified", b"b": "modified", b"d": "removed", b"e": "added",
    }  # fmt: skip


def test_contents_of_shared_layers_are_not_read(read: list[int]) -> None:
    """The position of the layer in each image does not matter."""
    base, top = [file("a", b"1" * 600), file("b", b"22")], [file("b", b"3"), file("c", b"4")]
    old = side([base, top], hash_all=False)
    new = side([[file("z", b"z")], top, base], hash_all=False)
    read.clear()
    changes = changes_of(old, new)
    assert {path: change[0] for path, change in by_path(changes).items()} == {
        b"b": "modified", b"z": "added",
    }  # fmt: skip
    assert read == []
    changes = changes_of(old, side([base, top, [file("c", b"5")]], hash_all=False))
    assert list(by_path(changes)) == [b"c"]


def test_different_entries_of_a_shared_layer_differ_in_content(read: list[int]) -> None:
    """An upper layer links a path to another file of the base."""
    base = [file("a", b"1"), file("b", b"2"), file("c", b"1")]
    old = side([base], hash_all=False)
    other = side([base, [hardlink("a", "b")]], hash_all=False)
    same = side([base, [hardlink("a", "c")]], hash_all=False)
    read.clear()
    assert list(by_path(changes_of(old, other))) == [b"a"]
    assert read
    assert list(by_path(changes_of(old, same))) == []


def test_content_that_keeps_another_name_is_not_lost() -> None:
    """Its bytes count at the next name, which is itself unchanged."""
    links = [file("a/one", b"x" * 1000), hardlink("b/two", "a/one")]
    changes = changes_of(side([links]), side([[file("b/two", b"x" * 1000)]]))
    assert list(by_path(changes)) == [b"a", b"a/one"]
    assert changes.total_growth == 0
    groups = {changes.table.full(group.path): group.growth for group in group_by_directory(changes)}
    assert sum(groups.values()) == 0


def test_groups_are_the_deepest_directories_with_a_large_share() -> None:
    """Most growth comes first, shrinking directories last; each difference counts in one group."""
    old = [file("srv/old/big", b"o" * 4000), *(file(f"etc/{name}", b"1") for name in "abc")]
    new = [
        directory("srv"),
        *(file(f"usr/lib/python/{number}", b"n" * 3000) for number in range(3)),
        *(file(f"etc/{name}", b"22") for name in "abc"),
    ]
    changes = changes_of(side([old]), side([new]))
    groups = group_by_directory(changes)
    assert [(changes.table.full(group.path), group.growth) for group in groups] == [
        (b"usr/lib/python", 9000),
        (b"etc", 3),
        (b"usr", 0),
        (b"srv/old", -4000),
    ]
    assert sum(sum(group.counts.values()) for group in groups) == len(changes)


def test_small_changes_are_summed_in_their_common_directory() -> None:
    """Unrelated changes have separate sums, and none is attributed to the root."""
    big = [directory("usr"), file("usr/lib/big", b"b" * 900_000)]
    old = [directory("srv"), file("srv/app/a", b"a"), file("root/.cache/pip/x", b"x" * 50)]
    new = [
        directory("srv"),
        file("srv/app/a", b"a" * 600),
        file("srv/app/b", b"b"),
        directory("root"),
    ]
    changes = changes_of(side([old]), side([[*big, *new]]))
    found = {changes.table.full(group.path): group.growth for group in group_by_directory(changes)}
    assert found == {b"usr/lib": 900_000, b"usr": 0, b"srv/app": 600, b"root/.cache": -50}
    assert sum(found.values()) == changes.total_growth


def test_changes_without_bytes_are_grouped_by_their_number() -> None:
    """The groups show where most modes changed."""
    old = [file(f"a/b/{number}", b"x") for number in range(9)]
    new = [file(f"a/b/{number}", b"x", mode=0o600) for number in range(9)]
    changes = changes_of(side([old]), side([new]))
    (group,) = group_by_directory(changes)
    assert (changes.table.full(group.path), group.growth) == (b"a/b", 0)


def test_more_link_targets_and_attributes_than_the_other_image_has() -> None:
    """One image stores the numbers as bytes, the other needs two."""
    few = [symlink("same", b"t299"), symlink("other", b"t1")]
    many = [symlink(f"l{number}".encode(), f"t{number}".encode()) for number in range(300)]
    marked = [file(f"f{number}", xattrs={b"user.a": b"%d" % number}) for number in range(300)]
    new = [
        *many,
        *marked,
        symlink("same", b"t299"),
        symlink("other", b"t2"),
        file("x", xattrs={b"user.a": b"299"}),
    ]
    for old in ([[*few, file("x", xattrs={b"user.a": b"299"})]], [few, [file("x", uid=70_000)]]):
        for before, after in ((old, [new]), ([new], old)):
            found = by_path(changes_of(side(before), side(after)))
            assert found == naive_changes(before, after, mtime=False)
            assert b"same" not in found
            assert found[b"other"][:2] == ("modified", ["target"])
