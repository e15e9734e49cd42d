"""Replays of other orders fetch what a builder makes of Dockerfiles in those orders."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.analysis.series.replay import Move, replay
from tests.analysis.series.builder import Inputs, Planned, archives, fetched_bytes
from tests.analysis.series.releases import series_of
from tests.analysis.series.test_against_builder import inputs, planned
from tests.images import file, layer_tar


@settings(max_examples=40, deadline=None)
@given(planned(), inputs(), st.integers(0, 4), st.integers(1, 5))
def test_a_move_equals_a_build_in_that_order(
    steps: list[Planned], releases: list[Inputs], start: int, distance: int
) -> None:
    """The same releases are built from a Dockerfile in that order."""
    start = start % (len(steps) - 1)
    end = min(start + distance, len(steps) - 1)
    with tempfile.TemporaryDirectory() as folder:
        series = series_of(Path(folder), archives(steps, releases))
    assert replay(series, []) == [hop.bytes for hop in series.hops]
    numbers = series.last_numbers
    moved = [*steps[:start], *steps[start + 1 : end + 1], steps[start], *steps[end + 1 :]]
    expected = fetched_bytes(moved, releases)
    assert replay(series, [Move(numbers[start], numbers[end])]) == expected


@settings(max_examples=20, deadline=None)
@given(planned(), inputs())
def test_a_copy_that_is_split(steps: list[Planned], releases: list[Inputs]) -> None:
    """Its only file that never changes is copied first, the others after all other steps."""
    copies = [place for place, step in enumerate(steps[:-1]) if step.kind == "COPY"]
    if not copies:
        return
    start, name = copies[0], steps[copies[0]].name
    with tempfile.TemporaryDirectory() as folder:
        series = series_of(Path(folder), archives(steps, releases))
    first = f"{name}/same"
    size = len(layer_tar([file(first, name.encode() * 100 * (1 + ord(name) - ord("a")))]))
    move = Move(
        series.last_numbers[start],
        series.last_numbers[-1],
        (first.encode(),),
        copied_first_bytes=size,
    )
    parted = [
        *steps[:start],
        Planned(name, "PART"),
        *steps[start + 1 :],
        steps[start],
    ]
    assert replay(series, [move]) == fetched_bytes(parted, releases)


def test_releases_without_the_steps_of_a_move_stay_as_they_were(tmp_path: Path) -> None:
    """The move refers to the last Dockerfile; earlier releases may have other steps."""
    old = [Planned("a", "RUN")]
    new = [Planned("c", "COPY"), Planned("d", "RUN")]
    versions = dict.fromkeys("abcd", 1)
    data = [*archives(old, [versions, {**versions, "a": 2}]), *archives(new, [versions])]
    series = series_of(tmp_path, data)
    move = Move(series.last_numbers[0], series.last_numbers[1])
    assert replay(series, [move]) == [hop.bytes for hop in series.hops]
