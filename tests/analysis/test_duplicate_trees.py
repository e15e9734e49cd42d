"""Duplicate directories are equal at every depth and the largest ones, as in a slow and simple model."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from layerscope.analysis.duplicate_trees import find_duplicate_trees
from tests.analysis.findings.rule_images import opened_of
from tests.images import Member, directory, file, hardlink, symlink

Node = tuple[str, object]
"""The type of a path and its content, or the sorted items of a directory."""


def found(members: list[Member], least: int = 1) -> set[tuple[str, ...]]:
    """The duplicate directories of an image with these members, each as the names of its copies."""
    opened = opened_of([("COPY . / # buildkit", members)])
    filesystem = opened.filesystem
    live = np.full(len(filesystem.table), -1, np.int32)
    rows = np.flatnonzero(filesystem.visible(filesystem.layer_count - 1))
    live[filesystem.paths[rows]] = filesystem.inode_of[rows]
    assert opened.duplicates is not None
    trees = find_duplicate_trees(filesystem, live, opened.duplicates, least)
    return {tuple(filesystem.table.full(path).decode() for path in tree.paths) for tree in trees}


def plain(members: list[Member]) -> set[tuple[str, ...]]:
    """The same result, by comparing nested lists."""
    top: dict[str, object] = {}
    for member in members:
        *parents, name = member.name.decode().rstrip("/").split("/")
        at = top
        for parent in parents:
            at = at.setdefault(parent, {})  # type: ignore[assignment]
        if member.type == b"5":
            at.setdefault(name, {})
        else:
            at[name] = (member.type, member.data, member.link)
    copies: dict[str, list[str]] = defaultdict(list)
    equal_of: dict[str, str] = {}

    def visit(path: str, node: object) -> tuple[str, int]:
        if not isinstance(node, dict):
            assert isinstance(node, tuple)
            return repr(node), len(node[1])
        inner = [(name, *visit(f"{path}/{name}", node[name])) for name in sorted(node)]
        text = repr([(name, shape) for name, shape, _ in inner])
        size = sum(bytes_ for *_, bytes_ in inner)
        if path and size:
            copies[text].append(path[1:])
            equal_of[path[1:]] = text
        return text, size

    visit("", top)
    result = set()
    for paths in copies.values():
        kept, seen = [], set()
        for path in sorted(paths, key=lambda text: text.split("/")):
            above = equal_of.get(path.rpartition("/")[0], "")
            if len(copies.get(above, [])) > 1 and above in seen:
                continue
            seen.add(above)
            kept.append(path)
        if len(kept) > 1:
            result.add(tuple(kept))
    return result


@pytest.mark.parametrize("seed", range(60))
def test_random_trees_are_found_as_in_a_plain_model(seed: int) -> None:
    """Files, empty files, links and directories have few names and contents, so that many are equal."""
    pick = random.Random(seed)
    names = ["a", "a-b", "b"]
    folders = [
        "/".join(pick.choice(names) for _ in range(pick.randint(1, 4)))
        for _ in range(pick.randint(4, 16))
    ]
    members: dict[str, Member] = {}
    for folder in folders:
        for leaf in pick.sample(["x", "y", "z"], pick.randint(0, 3)):
            name = f"{folder}/{leaf}"
            members[name] = pick.choice(
                [
                    file(name, pick.choice([b"1", b"22", b"3"])),
                    file(name, pick.choice([b"1", b""])),
                    symlink(name, pick.choice(["1", "2"])),
                ]
            )
        members[folder] = directory(folder)
    listed = list(members.values())
    assert found(listed) == plain(listed)


def test_a_copy_within_copies_is_reported_with_them() -> None:
    """Of nested equal directories only the largest count; a third copy of a part is a separate finding."""
    members = [
        file(f"{top}/lib/{name}", name.encode() * 9) for top in ("one", "two") for name in "ab"
    ]
    assert found(members) == {("one", "two")}
    third = [file(f"three/lib/{name}", name.encode() * 9) for name in "ab"]
    more = [*members, *third, file("three/other", b"o")]
    assert found(more) == {("one", "two"), ("one/lib", "three/lib")}


def test_names_links_and_empty_directories_make_a_difference() -> None:
    """Near misses have another name, another link, an additional file or an additional empty directory."""
    one = [file("one/a", b"aaa"), symlink("one/l", "a")]
    assert found([*one, file("two/a", b"aaa"), symlink("two/l", "a")]) == {("one", "two")}
    assert found([*one, file("two/b", b"aaa"), symlink("two/l", "a")]) == set()
    assert found([*one, file("two/a", b"aaa"), symlink("two/l", "b")]) == set()
    assert found([*one, file("two/a", b"aaa"), symlink("two/l", "a"), file("two/c", b"")]) == set()
    assert found([*one, file("two/a", b"aaa"), symlink("two/l", "a"), directory("two/c")]) == set()


def test_hard_links_are_not_copies() -> None:
    """A tree of links to another one is stored once."""
    assert found([file("one/a", b"aaa"), hardlink("two/a", "one/a")]) == set()


def test_small_directories_are_left_out() -> None:
    """They have fewer bytes than requested."""
    members = [file("one/a", b"a" * 90), file("two/a", b"a" * 90)]
    assert found(members, 90) == {("one", "two")}
    assert found(members, 91) == set()
