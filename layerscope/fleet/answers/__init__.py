"""Evaluates the rows of a fleet: one module for each group of answers; `model.py` defines their types."""

from __future__ import annotations

from layerscope.fleet.answers.bases import bases
from layerscope.fleet.answers.builds import builds
from layerscope.fleet.answers.duplicates import duplicates
from layerscope.fleet.answers.images import growth, repositories, shares
from layerscope.fleet.answers.layers import Layers
from layerscope.fleet.answers.model import Answers, FleetTotals
from layerscope.fleet.answers.packages import packages
from layerscope.fleet.answers.rules_and_lines import rules_and_lines
from layerscope.fleet.answers.savings import Savings
from layerscope.fleet.claims import AVOIDABLE, WASTED
from layerscope.fleet.messages import Setup
from layerscope.fleet.pending import Workers
from layerscope.fleet.read_layers import ReadLayers
from layerscope.fleet.results import Results
from layerscope.fleet.tables import ImageRow
from layerscope.progress import Progress, check


def answers_of(
    results: Results, read: ReadLayers, setup: Setup, workers: Workers, progress: Progress
) -> Answers:
    """All answers, from the rows of all images and the layers that were read. Fills the table of duplicates.

    Memory grows with distinct layers, rules, lines, packages and duplicates, not with images. Raises `CancelledError`.
    """
    layers = Layers.of(results)
    check(progress)
    savings = Savings.of(results, layers)
    check(progress)
    rules, lines = rules_and_lines(results, layers, savings)
    check(progress)
    return Answers(
        totals=_totals(results, layers, savings),
        shares=shares(results, layers),
        layers=layers.answer(),
        rules=rules,
        lines=lines,
        packages=packages(results),
        bases=bases(results, layers),
        repositories=repositories(results, layers),
        builds=builds(results, layers, read, setup, workers, progress),
        duplicates=duplicates(results, read, setup, workers, progress),
        growth=growth(results, layers),
    )


def _totals(results: Results, layers: Layers, savings: Savings) -> FleetTotals:
    failed = damaged = stored = wasted = avoidable = 0
    for row in results.rows(ImageRow):
        failed += row.stored_bytes is None
        damaged += row.stored_bytes is not None and row.error is not None
        stored += row.stored_bytes or 0
        wasted += row.wasted_bytes or 0
        avoidable += row.avoidable_bytes or 0
    firsts = [use.first for use in layers.by_key.values()]
    return FleetTotals(
        images=results.images,
        failed_images=failed,
        damaged_images=damaged,
        layers=layers.places,
        distinct_layers=len(firsts),
        stored_bytes=stored,
        stored_once_bytes=layers.stored_once,
        wasted_bytes=wasted,
        wasted_once_bytes=savings.once_of_all(WASTED),
        avoidable_bytes=avoidable,
        avoidable_once_bytes=savings.once_of_all(AVOIDABLE),
        blob_once_bytes=sum(first.bytes for first in firsts),
        uncompressed_layers=sum(not first.compressed for first in firsts),
    )
