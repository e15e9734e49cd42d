"""Near-duplicate directories: most bytes of one are at the same paths in the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.analysis.near_trees import NearTree, find_near_trees
from layerscope.layers.index import Kind
from tests.filesystem.stacking import Stacked, stack
from tests.images import Member, file


def near(*layers: list[Member], least: int = 1) -> tuple[Stacked, list[NearTree]]:
    """The near-duplicate directories of an image with these layers."""
    stacked = stack(layers)
    filesystem = stacked.filesystem
    sizes = np.zeros(len(filesystem.table), np.int64)
    rows = np.flatnonzero(
        filesystem.visible(filesystem.layer_count - 1) & (filesystem.kinds == Kind.FILE)
    )
    sizes[filesystem.paths[rows]] = filesystem.stored[rows]
    return stacked, find_near_trees(filesystem.table, sizes, stacked.duplicates, least)


def described(*layers: list[Member], least: int = 1) -> list[tuple[str, str, int, float]]:
    """The same as text."""
    stacked, found = near(*layers, least=least)
    full = stacked.filesystem.table.full
    return [
        (full(tree.first).decode(), full(tree.second).decode(), tree.bytes, round(tree.share, 2))
        for tree in found
    ]


def vendor(top: str, *, changed: int = 0, count: int = 10) -> list[Member]:
    """A tree of files of 100 bytes each, some of them changed."""
    return [
        file(
            f"{top}/lib{number % 3}/{number}.js",
            (b"%d changed" % number if number < changed else b"%d" % number).ljust(100, b"."),
        )
        for number in range(count)
    ]


def test_a_tree_that_was_copied_twice_and_changed_a_little_is_one_pair() -> None:
    """The pair has the shared bytes, and their share of the larger directory."""
    members = [
        *vendor("opt/vendor"),
        *vendor("srv/app/vendor", changed=1),
        file("opt/x", b"x" * 999),
    ]
    assert described(members) == [("opt/vendor", "srv/app/vendor", 900, 0.9)]


def test_a_heavily_changed_tree_is_no_pair() -> None:
    """It shares less than four fifths of the bytes."""
    assert described([*vendor("a/vendor"), *vendor("b/vendor", changed=3)]) == []
    assert len(described([*vendor("a/vendor"), *vendor("b/vendor", changed=2)])) == 1


def test_names_of_the_tops_need_not_agree() -> None:
    """Names inside them must agree."""
    assert described([*vendor("opt/v1"), *vendor("opt/v2", changed=1)]) == [
        ("opt/v1", "opt/v2", 900, 0.9)
    ]


def test_a_part_that_one_lacks_counts_against_both() -> None:
    """A file was deleted in one copy; a directory with half of another is not nearly identical."""
    assert described([*vendor("a/v", count=20), *vendor("b/v", count=18)]) == [
        ("a/v", "b/v", 1800, 0.9)
    ]
    assert described([*vendor("a/v", count=20), *vendor("b/v", count=10)]) == []


def test_trees_with_an_equal_part_are_reported_by_that_part() -> None:
    """Their other files, however few, differ; otherwise the whole trees are reported."""
    third = [*vendor("p/m/ajv", count=30), *vendor("q/m/ajv", count=29)]
    own = [file("p/own.js", b"p" * 300), file("q/own.js", b"q" * 200)]
    same = [file("p/LICENSE", b"l" * 50), file("q/LICENSE", b"l" * 50)]
    assert described([*third, *own, *same]) == [("p/m/ajv", "q/m/ajv", 2900, 0.97)]
    assert described([*third, *same]) == [("p", "q", 2950, 0.97)]


def test_files_of_equal_content_at_other_places_are_no_tree() -> None:
    """A hundred packages with the same licence text are not the same package."""
    members = [
        member
        for number in range(100)
        for member in (
            file(f"doc/p{number}/copyright", b"MIT" * 100),
            file(f"doc/p{number}/code", b"%d" % number * 400),
        )
    ]
    assert described(members) == []


def test_trees_that_share_too_little_are_not_reported() -> None:
    """The threshold counts shared bytes."""
    assert described([*vendor("a/v"), *vendor("b/v")], least=1001) == []
    assert len(described([*vendor("a/v"), *vendor("b/v")], least=1000)) == 1


def test_a_directory_is_no_copy_of_its_contents() -> None:
    """The shared contents inside are reported instead."""
    found = [(first, second) for first, second, *_ in described([*vendor("v"), *vendor("v/v")])]
    assert found == [("v/lib0", "v/v/lib0"), ("v/lib1", "v/v/lib1"), ("v/lib2", "v/v/lib2")]


def test_equal_files_within_a_tree_are_paired_with_those_at_their_places() -> None:
    """A package that occurs several times in a tree counts at each place."""
    members = [
        file(f"{top}/m/{user}/m/mini/dist/esm/index.js", b"mini" * 25)
        for top in ("opt/v", "srv/app/v")
        for user in ("a", "b", "c", "d")
    ]
    odd = [file("opt/v/odd", b"o" * 50), file("srv/app/v/odd", b"d" * 50)]
    assert described([*members, *odd]) == [("opt/v/m", "srv/app/v/m", 400, 1.0)]


def test_exact_duplicates_leave_a_third_near_copy() -> None:
    """Paths with the same number are in exact duplicates."""
    stacked, _ = near([*vendor("a"), *vendor("b"), *vendor("c", changed=1)])
    table = stacked.filesystem.table
    sizes = np.zeros(len(table), np.int64)
    exact = np.zeros(len(table), np.int32)
    tops = {table.full(path): path for path in range(len(table))}
    for top in (b"a", b"b"):
        exact[tops[top] : int(table.ends[tops[top]])] = 1
    (found,) = find_near_trees(table, sizes, stacked.duplicates, 800, exact)
    assert (table.full(found.first), table.full(found.second)) == (b"b", b"c")
    assert found.bytes == 900


def test_hostile_trees_are_quick() -> None:
    """One content has many paths, and one path is very deep."""
    many = [file(f"{number % 97}/{number}/x", b"x" * 10) for number in range(20_000)]
    deep = [file("a/" + "d/" * 500 + "f", b"f" * 10), file("b/" + "d/" * 500 + "f", b"f" * 10)]
    assert len(described([*many, *deep], least=100)) <= 97


_NAMES = st.sampled_from(["a", "b", "c"])
_FILES = st.dictionaries(
    st.lists(_NAMES, min_size=1, max_size=4).map("/".join), st.sampled_from([b"1", b"22", b"333"])
)


@settings(max_examples=200)
@given(files=_FILES)
def test_pairs_are_of_equal_contents_at_equal_places_and_share_nothing(
    files: dict[str, bytes],
) -> None:
    """For any tree, results are correct, and no directory is reported twice."""
    members = [file(f"t/{name}/f", data) for name, data in files.items()]
    stacked, found = near(members)
    full = stacked.filesystem.table.full
    content = {f"t/{name}/f".encode(): data for name, data in files.items()}
    seen: set[bytes] = set()
    for tree in found:
        first, second = full(tree.first), full(tree.second)
        shared = 0
        for one, other in zip(tree.firsts.tolist(), tree.seconds.tolist(), strict=True):
            one_path, other_path = full(one), full(other)
            assert content[one_path] == content[other_path]
            assert one_path.removeprefix(first + b"/") == other_path.removeprefix(second + b"/")
            shared += len(content[one_path])
            assert not {one_path, other_path} & seen
            seen |= {one_path, other_path}
        assert shared == tree.bytes
