"""`min-efficiency`: the least live share of what is stored."""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import wasted_files
from layerscope.analysis.gate.values import parse_share
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import size

NAME = "min-efficiency"


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    figures = ignores.figures(NAME)
    said = f"{size(figures.wasted)} of {size(figures.stored)} stored are wasted"
    return Measured(figures.efficiency, said, figures.wasted, figures.stored)


RULE = figure_rule(
    NAME,
    title="Efficiency",
    help="The least share of the stored bytes that the final image must show; counts from wasted-floor on.",
    unit=Unit.RATIO,
    parse=parse_share,
    measure=_measure,
    offenders=lambda case, _: wasted_files(case, case.ignores.waste_kept(NAME)),
    at_least=True,
    default=0.9,
)
