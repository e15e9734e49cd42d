"""`max-layers`: the most layers that an image may have."""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import none
from layerscope.analysis.gate.values import parse_count
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import count_of


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    count = len(ignores.ledger.stored)
    return Measured(count, f"the image has {count_of(count, 'layer')}")


RULE = figure_rule(
    "max-layers",
    title="Layers",
    help="The most layers that the image may have.",
    unit=Unit.LAYERS,
    parse=parse_count,
    measure=_measure,
    offenders=lambda case, _: none(case),
    ignorable=False,
)
