"""Random series of a simple model of a builder: bytes, unchanged contents and charges equal those of the model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.series.builder import (
    Inputs,
    Planned,
    archives,
    fetched_bytes,
    first_changes,
    unchanged_bytes,
)
from tests.analysis.series.releases import series_of

NAMES = "abcdef"


@st.composite
def planned(draw: st.DrawFn) -> list[Planned]:
    """The steps of a Dockerfile."""
    kinds = draw(st.lists(st.sampled_from(["RUN", "COPY", "LABEL"]), min_size=2, max_size=6))
    return [Planned(name, kind) for name, kind in zip(NAMES, kinds, strict=False)]


@st.composite
def inputs(draw: st.DrawFn) -> list[Inputs]:
    """The inputs of two to five releases: most stay as they are; versions only rise, so that no old cache entry matches again."""
    versions = dict.fromkeys(NAMES, 1)
    found: list[Inputs] = [dict(versions)]
    for _ in range(draw(st.integers(1, 4))):
        for name in draw(st.sets(st.sampled_from(NAMES), max_size=3)):
            versions[name] += 1
        found.append(dict(versions))
    return found


@settings(max_examples=40, deadline=None)
@given(planned(), inputs())
def test_hops_equal_those_of_the_builder(steps: list[Planned], releases: list[Inputs]) -> None:
    """Bytes of layers, unchanged contents, and the step to which each layer is charged are compared."""
    with tempfile.TemporaryDirectory() as folder:
        series = series_of(Path(folder), archives(steps, releases))
    assert [hop.bytes for hop in series.hops] == fetched_bytes(steps, releases)
    assert [hop.unchanged for hop in series.hops] == unchanged_bytes(steps, releases)
    for hop, old, new in zip(series.hops, releases, releases[1:], strict=False):
        names = [step.name for step in steps]
        charged = {names[layer.place]: names[layer.charged] for layer in hop.layers}
        layered = {step.name for step in steps if step.kind != "LABEL"}
        expected = first_changes(steps, old, new)
        assert charged == {name: by for name, by in expected.items() if name in layered}
    assert len(set(series.numbers)) == 1, "the same step has one number in the whole series"
