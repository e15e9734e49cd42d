"""Opens the releases of an image one after the other, with at most two in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.series.hop import Hop
from layerscope.analysis.series.series import Series, SeriesBuilder
from layerscope.errors import CorruptImageError
from layerscope.opening.open import open_image
from layerscope.opening.opened import Opened
from layerscope.opening.options import Options
from layerscope.opening.run_rules import base_steps_of, patcher_of, without_other_dockerfile
from layerscope.settings import RuleChoice
from layerscope.sources import Request
from layerscope.words import ReleaseOrder, Severity

if TYPE_CHECKING:
    from layerscope.analysis.series.reordering import Reordering


class OpenedSeries(Struct, frozen=True):
    """All releases of a series."""

    series: Series
    order: ReleaseOrder
    last: Opened
    """The last release."""
    damages: tuple[str, ...]
    """A sentence for each damaged part of any release; not escaped for a terminal."""
    damaged: CorruptImageError | None
    """The first damage as an error."""
    reordering: Reordering | None = None
    """A better order of the last release's steps; None without one, or if the rule is disabled."""


def open_series(
    requests: Sequence[Request],
    options: Options,
    order: ReleaseOrder = ReleaseOrder.GIVEN,
    on_hop: Callable[[Hop], object] = lambda _: None,
    opener: Callable[[Request, Options], Opened] = open_image,
) -> OpenedSeries:
    """Open at least two releases with `opener` and compare each with the one before. Raises `LayerscopeError` and `CancelledError`."""
    rules = options.rules
    options = replace(options, duplicates=False, rules=None)
    builder = SeriesBuilder(requests[-1].limits)
    damages: list[str] = []
    damaged: CorruptImageError | None = None
    opened: Opened | None = None
    for name, request in zip(names_of(requests), requests, strict=True):
        opened = opener(request, options)
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
    series = builder.series()
    reordering = None if rules is None else _reordering(series, opened, rules)
    return OpenedSeries(series, order, opened, tuple(damages), damaged, reordering)


def _reordering(series: Series, last: Opened, rules: Mapping[str, RuleChoice]) -> Reordering | None:
    """A better order of steps, with a diff of the Dockerfile."""
    if not series.bytes:
        return None
    from layerscope.analysis.findings.rules.reordering import RULE

    if not (choice := rules.get(RULE.name, RuleChoice())).enabled:
        return None
    from layerscope.analysis.series.reordering import find_reordering

    last = without_other_dockerfile(last)
    lines = last.dockerfile_lines
    reordering = find_reordering(
        series,
        last,
        base_steps_of(last),
        None if lines is None else lines.instructions,
        "" if lines is None else lines.dockerfile.text,
        RULE.min_bytes if choice.min_bytes is None else choice.min_bytes,
    )
    if reordering is None:
        return None
    severity = reordering.finding.severity if choice.severity is None else Severity(choice.severity)
    finding = replace(reordering.finding, severity=severity)
    difference = patcher_of(last).difference(finding)
    return replace(reordering, finding=replace(finding, difference=difference))


def with_reordering(opened: OpenedSeries) -> Opened:
    """The last release with the reordering as its only finding."""
    import numpy as np

    from layerscope.analysis.findings.finding import Findings

    last = without_other_dockerfile(opened.last)
    findings = () if opened.reordering is None else (opened.reordering.finding,)
    return replace(last, findings=Findings(findings, np.zeros(0, np.int64)))


def names_of(requests: Sequence[Request]) -> list[str]:
    """The name of each release: its reference, followed by the selected image if references repeat."""
    references = [request.reference for request in requests]
    if len(set(references)) == len(references):
        return references
    return [
        reference if request.image is None else f"{reference} {request.image}"
        for reference, request in zip(references, requests, strict=True)
    ]
