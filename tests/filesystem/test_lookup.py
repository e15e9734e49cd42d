"""Looking up and completing typed paths."""

from __future__ import annotations

import pytest

from layerscope.filesystem.lookup import PathLookup
from tests.filesystem.stacking import stack
from tests.images import file

TABLE = stack(
    [[file(name, b"") for name in ("a", "a-b", "a.b", "d/b", "d/bc", "d/c/x", b"d/\xff\xff")]]
).filesystem.table
LOOKUP = PathLookup(TABLE)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (b"/d/c/x", b"d/c/x"),
        (b"d//c/./x/", b"d/c/x"),
        (b"/d/c/../b", b"d/b"),
        (b"/../a", b"a"),
        (b"", b""),
        (b"/", b""),
        (b"a.b", b"a.b"),
    ],
)
def test_typed_paths_are_found(typed: bytes, expected: bytes) -> None:
    """Superfluous slashes and dots are ignored."""
    assert LOOKUP.find(typed) == TABLE.find(expected)


def test_the_missing_component_is_named() -> None:
    """The result has the deepest existing path, and the first missing component."""
    path, missing = LOOKUP.descend(b"/d/c/y/z")
    assert (TABLE.full(path), missing) == (b"d/c", b"y")
    assert LOOKUP.find(b"/d/nothing") is None


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (b"/d/b", [b"d/b", b"d/bc"]),
        (b"a", [b"a", b"a-b", b"a.b"]),
        (b"/d/\xff", [b"d/\xff\xff"]),
        (b"/d/", [b"d/b", b"d/bc", b"d/c", b"d/\xff\xff"]),
        (b"/x", []),
        (b"/x/y", []),
    ],
)
def test_typed_paths_are_completed(typed: bytes, completed: list[bytes]) -> None:
    """Completions are the paths of one directory that start with the typed text."""
    assert [TABLE.full(path) for path in LOOKUP.complete(typed)] == completed
