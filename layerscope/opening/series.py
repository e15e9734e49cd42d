"""Opens the releases of an image one after the other; at no time are there more than two of them in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from layerscope.analysis.series.hop import Hop
from layerscope.analysis.series.series import Series, SeriesBuilder
from layerscope.errors import CorruptImageError
from layerscope.opening.open import analyse
from layerscope.opening.opened import Opened
from layerscope.opening.options import Options
from layerscope.opening.run_rules import seen_by_rules
from layerscope.sources import Request, open_source
from layerscope.words import ReleaseOrder


@dataclass(frozen=True, slots=True)
class OpenedSeries:
    """All releases of a series."""

    series: Series
    order: ReleaseOrder
    last: Opened
    """The last release."""
    damages: tuple[str, ...]
    """A sentence for each damaged part of any of them: not safe for a terminal."""
    damaged: CorruptImageError | None
    """The first of these as an error."""


def open_series(
    requests: Sequence[Request],
    options: Options,
    order: ReleaseOrder = ReleaseOrder.GIVEN,
    on_hop: Callable[[Hop], None] = lambda _: None,
) -> OpenedSeries:
    """Open at least two releases and compare each with the one before. Raises `LayerscopeError` and `CancelledError`."""
    options = replace(options, duplicates=False, rules=None, names=False)
    builder = SeriesBuilder(requests[-1].limits)
    damages: list[str] = []
    damaged: CorruptImageError | None = None
    opened: Opened | None = None
    for name, request in zip(names_of(requests), requests, strict=True):
        opened = analyse(request, open_source(request), options)
        hop = builder.add(opened, name, base_steps_of(opened), request.progress)
        damages += [f"{name}: {damage}" for damage in opened.damages()]
        try:
            opened.raise_damage()
        except CorruptImageError as error:
            damaged = damaged or error
        if hop is not None:
            on_hop(hop)
    if opened is None:
        raise ValueError("a series has at least two releases")
    return OpenedSeries(builder.series(), order, opened, tuple(damages), damaged)


def names_of(requests: Sequence[Request]) -> list[str]:
    """What each release is called: its reference, with the image that was selected in it if that is what tells them apart."""
    references = [request.reference for request in requests]
    if len(set(references)) == len(references):
        return references
    return [
        reference if request.image is None else f"{reference} {request.image}"
        for reference, request in zip(references, requests, strict=True)
    ]


def base_steps_of(opened: Opened) -> int:
    """The number of first steps that are the base image's: by the Dockerfile if the image was built from it, else estimated."""
    if opened.written is not None and opened.written.doubt() is not None:
        opened = replace(opened, written=None)
    return seen_by_rules(opened)[1]
