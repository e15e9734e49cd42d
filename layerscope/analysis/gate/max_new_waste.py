"""`max-new-waste`: the most bytes that the steps after the base image may waste, the base's own files among them."""

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import wasted_files
from layerscope.analysis.gate.values import parse_size
from layerscope.analysis.gate.verdict import Unit
from layerscope.filesystem.selecting import Mask
from layerscope.text import count_of, size

NAME = "max-new-waste"


def _new(ignores: Ignores) -> Mask:
    """Waste that a step after the base image causes: it hides what is stored."""
    ledger = ignores.ledger
    return ignores.waste_kept(NAME) & (ledger.waste.hidden_by >= ledger.base_layers)


def _measure(ignores: Ignores, base_known: bool) -> Measured:
    ledger, new = ignores.ledger, _new(ignores)
    wasted = int(ledger.waste.bytes[new].sum())
    since = (
        f"wasted after the base image's {count_of(ledger.base_layers, 'layer')}"
        if base_known
        else "wasted: all counts, as no base image is known"
    )
    return Measured(wasted, f"{size(wasted)} {since}")


RULE = figure_rule(
    NAME,
    title="New waste",
    help="The most bytes that the steps after the base image may waste.",
    unit=Unit.BYTES,
    parse=parse_size,
    measure=_measure,
    offenders=lambda case, _: wasted_files(case, _new(case.ignores)),
)
