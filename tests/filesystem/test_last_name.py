"""An inode with several names is wasted at the name that is removed last: whiteouts come after opaque markers."""

from __future__ import annotations

import pytest

from tests import naive
from tests.filesystem.stacking import assert_equals_naive, stack, waste_of
from tests.images import Member, file, hardlink


@pytest.mark.parametrize("markers", [(".wh.a", "b/.wh..wh..opq"), ("b/.wh..wh..opq", ".wh.a")])
@pytest.mark.parametrize("one_by_one", [False, True], ids=["vector", "one-by-one"])
def test_one_name_under_an_opaque_marker_and_one_under_a_whiteout(
    markers: tuple[str, ...], one_by_one: bool
) -> None:
    """In either order of the markers, the whiteout removes the last name."""
    layers: list[list[Member]] = [
        [file("b/a", b"x"), hardlink("a", "b/a")],
        [file(marker, b"") for marker in markers],
    ]
    stacked = stack(layers, one_by_one=one_by_one)
    assert [record.path for record in waste_of(stacked)] == [b"a"]
    assert_equals_naive(layers, stacked, naive.measure(layers))
