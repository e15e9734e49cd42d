"""Replays a series as if its Dockerfile had other orders of steps: which layers would have been the same, and what would have been fetched.

A step runs again if its own input changed, or if one before it ran again that it depends on, as in the release that was really
built. The output of what runs again is as large as it was. What ran again without need, because the build had no cache, does so here,
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from layerscope.analysis.series.hop import Hop, HopStep
from layerscope.analysis.series.series import Series
from layerscope.analysis.series.spreading import Firsts
from layerscope.words import Cause


@dataclass(frozen=True, slots=True)
class Move:
    """A step that comes later than it does. Steps are numbered as the series numbers them."""

    step: int
    behind: int
    """The step that comes right before it then."""
    first: tuple[bytes, ...] = ()
    """Of a COPY, the paths that a COPY of their own brings in its old place."""
    first_bytes: int = 0
    """Bytes of the layer of that COPY: of its tar, so that it is no less than what is sent."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A step in an order."""

    step: HopStep
    number: int
    part: bool = False
    """Whether it is a COPY of some paths of the step alone."""


def replay(series: Series, moves: Sequence[Move]) -> list[int]:
    """The bytes that are fetched in each hop with these moves, one after the other; none of them gives what was really fetched.

    A hop whose releases do not have the steps of a move, or have them in that order, is as it was.
    """
    return [
        _fetched(hop, numbers, moves)
        for hop, numbers in zip(series.hops, series.numbers, strict=True)
    ]


def _fetched(hop: Hop, numbers: Sequence[int], moves: Sequence[Move]) -> int:
    really = [_Placed(step, number) for step, number in zip(hop.steps, numbers, strict=True)]
    order, sizes = really, {layer.layer: layer.sent.bytes for layer in hop.layers}
    for move in moves:
        order = _moved(order, move)
    if order is really:
        return hop.bytes
    reran = {placed.step.layer for placed in _reruns(really)}
    total = 0
    for placed in _reruns(order):
        step = placed.step
        if placed.part:
            total += sum(move.first_bytes for move in moves if move.step == placed.number)
        elif step.layer is not None:
            # What really ran again is fetched if it stored something else; what would run again stores another time.
            total += sizes.get(step.layer, 0) if step.layer in reran else step.bytes
    return total


def _moved(order: list[_Placed], move: Move) -> list[_Placed]:
    """The order with a move; the same list if it does not apply."""
    places = {
        placed.number: place
        for place, placed in enumerate(order)
        if placed.step.new is not None and not placed.part
    }
    start, end = places.get(move.step), places.get(move.behind)
    if start is None or end is None or end < start:
        return order
    here = order[start]
    first = [_part(here, move)] if move.first else []
    return [*order[:start], *first, *order[start + 1 : end + 1], here, *order[end + 1 :]]


def _part(whole: _Placed, move: Move) -> _Placed:
    """The COPY of some paths of a COPY."""
    step = whole.step
    own = step.own
    if own is Cause.FILES and step.difference is not None:
        own = own if any(map(step.difference.touches, move.first)) else None
    return _Placed(replace(step, own=own, begins=own is not None), whole.number, part=True)


def _reruns(order: Iterable[_Placed]) -> list[_Placed]:
    """Those that run again."""
    found = []
    firsts = Firsts()
    for place, placed in enumerate(order):
        step = placed.step
        if step.own is not None or firsts.before(step.step) is not None:
            found.append(placed)
        if step.begins:
            firsts.add(place, step.step)
    return found
