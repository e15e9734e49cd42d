"""Replays a series with its steps in another order, to find which layers would have been fetched.

A step runs again if its own input changed, or if an earlier step on which it depends ran again, as in the release that was built.
Its output then has the size that it had. Steps that ran again only because the build had no cache run again here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.series.hop import Hop, HopStep
from layerscope.analysis.series.series import Series
from layerscope.analysis.series.spreading import FirstChanges
from layerscope.words import Cause


class Move(Struct, frozen=True):
    """Moves a step to a later place. Steps are numbered as in the series."""

    step: int
    after: int
    """The step that it then follows directly."""
    copied_first: tuple[bytes, ...] = ()
    """For a COPY: paths that a separate COPY in its old place copies."""
    copied_first_bytes: int = 0
    """Bytes of the tar of that COPY's layer: an upper bound for the bytes sent."""


class _OrderedStep(Struct, frozen=True):
    """A step in the replayed order."""

    step: HopStep
    number: int
    partial: bool = False
    """Whether it copies only some paths of the step."""


def replay(series: Series, moves: Sequence[Move]) -> list[int]:
    """The bytes that each hop fetches if these moves are applied one after the other; without moves, the bytes really fetched.

    A move has no effect on hops whose releases lack its steps, or already have them in that order.
    """
    return [
        _bytes_fetched(hop, numbers, moves)
        for hop, numbers in zip(series.hops, series.numbers, strict=True)
    ]


def _bytes_fetched(hop: Hop, numbers: Sequence[int], moves: Sequence[Move]) -> int:
    original = [_OrderedStep(step, number) for step, number in zip(hop.steps, numbers, strict=True)]
    order, sizes = original, {layer.layer: layer.sent.bytes for layer in hop.layers}
    for move in moves:
        order = _apply_move(order, move)
    if order is original:
        return hop.bytes
    layers_rerun = {ordered.step.layer for ordered in _steps_that_rerun(original)}
    total = 0
    for ordered in _steps_that_rerun(order):
        step = ordered.step
        if ordered.partial:
            total += sum(move.copied_first_bytes for move in moves if move.step == ordered.number)
        elif step.layer is not None:
            # A step that really ran again is fetched if its layer changed; one that would run again stores new times.
            total += sizes.get(step.layer, 0) if step.layer in layers_rerun else step.bytes
    return total


def _apply_move(order: list[_OrderedStep], move: Move) -> list[_OrderedStep]:
    """The order after a move; the same list if the move does not apply."""
    places = {
        ordered.number: place
        for place, ordered in enumerate(order)
        if ordered.step.new is not None and not ordered.partial
    }
    start, end = places.get(move.step), places.get(move.after)
    if start is None or end is None or end < start:
        return order
    moved = order[start]
    first = [_partial_copy(moved, move)] if move.copied_first else []
    return [*order[:start], *first, *order[start + 1 : end + 1], moved, *order[end + 1 :]]


def _partial_copy(whole: _OrderedStep, move: Move) -> _OrderedStep:
    """A COPY of only those paths that a move copies first."""
    step = whole.step
    cause = step.own_cause
    if cause is Cause.FILES and step.difference is not None:
        cause = cause if any(map(step.difference.touches, move.copied_first)) else None
    return _OrderedStep(
        replace(step, own_cause=cause, causes_reruns=cause is not None), whole.number, partial=True
    )


def _steps_that_rerun(order: Iterable[_OrderedStep]) -> list[_OrderedStep]:
    """The steps that run again."""
    rerun = []
    changes = FirstChanges()
    for place, ordered in enumerate(order):
        step = ordered.step
        if step.own_cause is not None or changes.before(step.step) is not None:
            rerun.append(ordered)
        if step.causes_reruns:
            changes.add(place, step.step)
    return rerun
