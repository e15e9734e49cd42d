"""Path patterns."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.browse.matching import PathTexts
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.selector import Selector
from layerscope.filesystem.siblings import Siblings
from layerscope.layers.strings import StringTable
from tests.filesystem.stacking import stack
from tests.images import file, symlink

NAMES = st.text(alphabet="ab.é[", min_size=1, max_size=3).filter(lambda name: set(name) != {"."})
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=5).map("/".join), max_size=8)
PATTERN = st.lists(
    st.sampled_from(["a", "b", "é", ".", "*", "**", "?", "[ab]", "[!a]", "[é-]", "[", "]", "!"]),
    min_size=1,
    max_size=5,
).map("".join)
PATTERNS = st.lists(st.one_of(NAMES, PATTERN, st.just("**")), min_size=1, max_size=4).map("/".join)


def glob_matches(pattern: list[str], parts: list[str]) -> bool:
    """A glob over the components of a path, one component at a time."""
    if not pattern or not parts:
        return not pattern and not parts
    if pattern[0] == "**":
        if len(pattern) == 1:
            return True
        return any(glob_matches(pattern[1:], parts[skip:]) for skip in range(len(parts)))
    return component_matches(pattern[0], parts[0]) and glob_matches(pattern[1:], parts[1:])


def component_matches(pattern: str, name: str) -> bool:
    return re.fullmatch(fnmatch.translate(pattern), name) is not None


LONG = ["", "a", "lib", "x" * 8, "x" * 9, "yz" * 10, "éé" * 6]


@given(
    st.lists(st.tuples(*[st.sampled_from(LONG)] * 3).map("".join).filter(bool), max_size=12),
    st.tuples(*[st.sampled_from(LONG)] * 3, st.sampled_from([("*", "*"), ("", "*"), ("*", "?")])),
)
@settings(deadline=None)
def test_long_starts_and_ends_of_names_match(
    names: list[str], pattern: tuple[str, str, str, tuple[str, str]]
) -> None:
    """Longer than the bytes that are compared at once."""
    start, middle, end, (first, second) = pattern
    glob = f"{start}{first}{middle}{second}{end}"
    table = stack([[symlink(name, "target") for name in names]]).filesystem.table
    written = [table.full(path).decode() for path in range(1, len(table))]
    found = [written[path - 1] for path in Selector(table).matches(glob).tolist()]
    assert found == [name for name in written if component_matches(glob, name)]


@given(PATHS, PATTERNS)
@example(["a", "a/b", "a/a/b"], "a/**")
@example(["a/a/b"], "**/a/**")
@example(["a/a/a/b", "b/a/a"], "**/a/a")
@example(["a/b", "a/x/b"], "a/**/b")
@example(["ab", "a"], "a*ab")
@settings(max_examples=500, deadline=None)
def test_a_pattern_matches_names_or_full_paths(paths: list[str], pattern: str) -> None:
    """A pattern without a slash matches names; others match full paths, component by component."""
    table = stack([[symlink(path, "target") for path in paths]]).filesystem.table
    full_paths = [
        table.full(path).decode(errors="surrogateescape") for path in range(1, len(table))
    ]
    if "/" in pattern:
        parts = pattern.split("/")
        expected = [glob_matches(parts, path.split("/")) for path in full_paths]
    else:
        expected = [component_matches(pattern, path.rpartition("/")[2]) for path in full_paths]
    selector = Selector(table)
    matched = selector.matches(pattern)
    assert matched.tolist() == [path for path, is_match in enumerate(expected, 1) if is_match]
    filtered = PathTexts(table, Siblings(table)).glob(pattern)
    assert np.array_equal(np.flatnonzero(filtered), matched)
    below = [
        any(
            is_match and (path + "/").startswith(top + "/")
            for top, is_match in zip(full_paths, expected, strict=True)
        )
        for path in full_paths
    ]
    assert selector.select([pattern])[1:].tolist() == below


def test_nested_directories_of_the_same_name_match() -> None:
    """`**/a/**` matches everything in any `a`, including an `a` inside an `a`."""
    table = stack([[file("a/a/b")]]).filesystem.table
    found = [table.full(path) for path in Selector(table).matches("**/a/**").tolist()]
    assert found == [b"a/a", b"a/a/b"]


def test_a_backslash_escapes_a_character() -> None:
    r"""`\x` is an `x`, and `\*` is a star, in each part of a pattern."""
    table = stack([[file("a b/*"), file("a b/c")]]).filesystem.table
    found = [table.full(path) for path in Selector(table).matches(r"/a\ b/\*").tolist()]
    assert found == [b"a b/*"]


class Counted(np.ndarray[Any, Any]):
    """An array that counts the items that are read."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        found = np.asarray(self)[key]
        Counted.read += np.size(found)
        return found


def nested(depth: int, names: list[bytes]) -> PathTable:
    """Nested directories, with `names` in rotation."""
    chain: NDArray[np.int32] = np.arange(-1, depth, dtype=np.int32)
    return PathTable(
        parents=np.maximum(chain, 0),
        ends=np.full(depth + 1, depth + 1, np.int32),
        depths=chain + 1,
        components=np.where(chain < 0, -1, chain % len(names)).astype(np.int32),
        names=StringTable.of(names),
    )


@pytest.mark.parametrize(
    "pattern", ["**/node_modules/x", "**/node_modules/*", "**/node*/**/x", "**/x/**"]
)
def test_nested_directories_are_read_once(pattern: str) -> None:
    """Each part of a pattern reads each path once, for any number of nested matches."""
    table = nested(3000, [b"node_modules", b"x"])
    table = replace(table, components=table.components.view(Counted))
    Counted.read = 0
    assert len(Selector(table).matches(pattern)) >= 1499
    assert Counted.read <= len(table) * (pattern.count("/") + 1)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/root/.cache/pip", ["root/.cache/pip"]),
        ("/root/.cache/pip/**", ["root/.cache/pip/http", "root/.cache/pip/http/1"]),
        (".cache", ["root/.cache", "srv/root/.cache"]),
        ("/*/.cache", ["root/.cache"]),
        ("*.pyc", ["srv/x.pyc"]),
        ("/srv/**/.cache", ["srv/root/.cache"]),
    ],
)
def test_patterns_read_as_in_gitignore(pattern: str, expected: list[str]) -> None:
    """A name anywhere, a path from the root, stars within a component, two stars across."""
    table = stack(
        [[file("root/.cache/pip/http/1"), file("srv/root/.cache/x"), file("srv/x.pyc")]]
    ).filesystem.table
    found = [table.full(path).decode() for path in Selector(table).matches(pattern).tolist()]
    assert found == expected
