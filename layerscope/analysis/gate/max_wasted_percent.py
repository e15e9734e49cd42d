"""`max-wasted-percent`: the largest wasted share of what is stored; 1 − efficiency."""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import wasted_files
from layerscope.analysis.gate.values import parse_share
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import size

NAME = "max-wasted-percent"


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    figures = ignores.figures(NAME)
    said = f"{size(figures.wasted)} of {size(figures.stored)} stored are wasted"
    share = figures.wasted / figures.stored if figures.stored else 0.0
    return Measured(share, said, figures.wasted, figures.stored)


RULE = figure_rule(
    NAME,
    title="Wasted share",
    help="The largest share of the stored bytes that may be wasted; counts from wasted-floor on.",
    unit=Unit.RATIO,
    parse=parse_share,
    measure=_measure,
    offenders=lambda case, _: wasted_files(case, case.ignores.waste_kept(NAME)),
)
