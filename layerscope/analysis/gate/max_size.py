"""`max-size`: the most content bytes that all layers together may store. Nothing of it can be ignored."""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import layers
from layerscope.analysis.gate.values import parse_size
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import size


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    stored = int(ignores.ledger.stored.sum())
    return Measured(stored, f"all layers store {size(stored)}")


RULE = figure_rule(
    "max-size",
    title="Size",
    help="The most bytes of content that all layers may store.",
    unit=Unit.BYTES,
    parse=parse_size,
    measure=_measure,
    offenders=lambda case, _: layers(case, case.ledger.stored),
    ignorable=False,
)
