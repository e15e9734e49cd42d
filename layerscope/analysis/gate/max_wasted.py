"""`max-wasted`: the most bytes that may be stored and not shown."""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import wasted_files
from layerscope.analysis.gate.values import parse_size
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import count_of, size

NAME = "max-wasted"


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    figures = ignores.figures(NAME)
    files = int(ignores.waste_kept(NAME).sum())
    said = (
        f"{size(figures.wasted)} in {count_of(files, 'wasted file')}" if files else "nothing wasted"
    )
    return Measured(figures.wasted, said)


RULE = figure_rule(
    NAME,
    title="Wasted",
    help="The most bytes that may be stored and not shown by the final image.",
    unit=Unit.BYTES,
    parse=parse_size,
    measure=_measure,
    offenders=lambda case, _: wasted_files(case, case.ignores.waste_kept(NAME)),
)
