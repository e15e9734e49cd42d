"""`max-user-wasted-percent`: wasted bytes as a share of what all layers but the first store, as dive has it.

The first layer alone passes for the base image, whatever the base really is. The share may exceed 100 %, when much of the
first layer is wasted; an image of one layer wastes 0 % by definition.
"""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import wasted_files
from layerscope.analysis.gate.values import parse_share
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import size

NAME = "max-user-wasted-percent"


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    ledger, kept = ignores.ledger, ignores.waste_kept(NAME)
    wasted = int(ledger.waste.bytes[kept].sum())
    out = ~kept & (ledger.waste.stored_in > 0)
    stored = int(ledger.stored[1:].sum() - ledger.waste.bytes[out].sum())
    if len(ledger.stored) < 2:
        share = 0.0
    elif stored:
        share = wasted / stored
    else:
        share = float(wasted > 0)
    said = f"{size(wasted)} wasted, {size(stored)} stored after the first layer"
    return Measured(share, said, wasted, stored)


RULE = figure_rule(
    NAME,
    title="Wasted share, less layer 0",
    help="The most wasted bytes by those that all layers but the first store: dive's highestUserWastedPercent.",
    unit=Unit.RATIO,
    parse=parse_share,
    measure=_measure,
    offenders=lambda case, _: wasted_files(case, case.ignores.waste_kept(NAME)),
)
