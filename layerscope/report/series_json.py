"""A series of releases as JSON, and the same as plain data: schema 1.0, stable names, every key always present, unknown values None.

Sizes are bytes, indices start at 0. Nothing depends on the time or the output's path. Texts that are not UTF-8 have lone surrogates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from layerscope.analysis.series.hop import Charge, FetchedLayer, Hop, HopStep
from layerscope.analysis.series.layer_difference import LayerDifference
from layerscope.analysis.series.series import BASE, StepCost
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.opening.series import OpenedSeries
from layerscope.report.json import indented
from layerscope.report.options import ReportOptions
from layerscope.words import CHANGES, Cause

if TYPE_CHECKING:
    from layerscope.analysis.series.reordering import Reordering

SCHEMA_VERSION = "1.0"


def write(opened: OpenedSeries, stream: BinaryIO, _: ReportOptions | None = None) -> None:
    """Write all hops and totals as one JSON document in ASCII."""
    stream.write(indented(document(opened)).encode("ascii") + b"\n")


def document(opened: OpenedSeries) -> dict[str, Any]:
    """All hops and totals."""
    series = opened.series
    return {
        "schemaVersion": SCHEMA_VERSION,
        "order": opened.order.value,
        "releases": list(series.names),
        "totals": {
            "releases": len(series.names),
            "hops": len(series.hops),
            "bytes": series.bytes,
            "compressed": series.compressed,
            "bytesPerRelease": series.bytes_per_release,
            "largestHopBytes": series.largest,
            "contentBytes": series.content,
            "unchangedBytes": series.unchanged,
        },
        "hops": [
            _hop(hop, series.names[number], series.names[number + 1])
            for number, hop in enumerate(series.hops)
        ],
        "steps": [_cost(cost) for cost in series.costs()],
        "reordering": _reordering(opened.reordering),
        "damages": list(opened.damages),
    }


def _hop(hop: Hop, old: str, new: str) -> dict[str, Any]:
    main = hop.largest_charge
    return {
        "from": old,
        "to": new,
        "bytes": hop.bytes,
        "compressed": hop.compressed,
        "contentBytes": hop.content,
        "unchangedBytes": hop.unchanged,
        "step": None if main is None else _step(hop.steps[main.place]),
        "cause": None if main is None else main.cause.value,
        "layers": [_layer(hop, layer) for layer in hop.layers],
        "charges": [_charge(hop, charge) for charge in hop.charges],
    }


def _layer(hop: Hop, layer: FetchedLayer) -> dict[str, Any]:
    return {
        "index": layer.layer,
        "digest": layer.sent.name,
        "diffId": layer.sent.diff_id,
        "bytes": layer.sent.bytes,
        "compressed": layer.sent.compressed,
        "contentBytes": layer.content,
        "unchangedBytes": layer.unchanged,
        "step": _step(hop.steps[layer.place]),
        "chargedTo": _step(hop.steps[layer.charged]),
        "cause": layer.cause.value,
        "differences": _differences(hop.steps[layer.place].difference),
    }


def _charge(hop: Hop, charge: Charge) -> dict[str, Any]:
    return {
        "step": _step(hop.steps[charge.place]),
        "cause": charge.cause.value,
        "layers": [layer.layer for layer in charge.layers],
        "bytes": charge.bytes,
        "contentBytes": charge.content,
        "unchangedBytes": charge.unchanged,
    }


def _step(step: HopStep) -> dict[str, Any]:
    """A step, by its index in the new release, or in the old one if the new one does not have it."""
    return {
        "index": step.step.index,
        "gone": step.new is None,
        "base": step.base,
        "instruction": step.step.instruction,
        "arguments": step.step.arguments,
    }


def _differences(difference: LayerDifference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {
        **{change.json_name: difference.counts.get(change, 0) for change in CHANGES},
        "times": difference.times,
        "files": [
            {
                "path": each.path.decode(errors="surrogateescape"),
                "change": each.change.json_name,
                "why": [name for bit, name in WHY_NAMES.items() if each.why & bit],
                "oldBytes": each.old_bytes,
                "newBytes": each.new_bytes,
            }
            for each in difference.listed
        ],
    }


def _reordering(reordering: Reordering | None) -> dict[str, Any] | None:
    if reordering is None:
        return None
    finding = reordering.finding
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "savedBytes": finding.bytes,
        "hopBytes": list(reordering.hops),
        "steps": list(finding.steps),
        "copiedFirst": [
            path.decode(errors="surrogateescape")
            for move in reordering.moves
            for path in move.copied_first
        ],
        "why": finding.why,
        "fix": finding.fix,
        "difference": finding.difference,
    }


def _cost(cost: StepCost) -> dict[str, Any]:
    base = cost.number == BASE
    return {
        "base": base,
        "index": None if base else cost.step.index,
        "instruction": None if base else cost.step.instruction,
        "arguments": None if base else cost.step.arguments,
        "causes": [cause.value for cause in Cause if cause in cost.causes],
        "hops": cost.hops,
        "bytes": cost.bytes,
        "contentBytes": cost.content,
        "unchangedBytes": cost.unchanged,
    }
