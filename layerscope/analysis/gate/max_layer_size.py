"""`max-layer-size`: the most content bytes that one layer may store."""

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import layers
from layerscope.analysis.gate.values import parse_size
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import size

NAME = "max-layer-size"


def _sizes(ignores: Ignores) -> NDArray[np.int64]:
    """Bytes of each layer, 0 for one that is ignored."""
    return np.where(ignores.layers_kept(NAME), ignores.ledger.stored, 0)


def _measure(ignores: Ignores, _base_known: bool) -> Measured:
    stored = _sizes(ignores)
    if not stored.any():
        return Measured(0, "no layer stores anything")
    largest = int(stored.argmax())
    return Measured(int(stored[largest]), f"layer {largest} stores {size(int(stored[largest]))}")


RULE = figure_rule(
    NAME,
    title="Largest layer",
    help="The most bytes of content that one layer may store.",
    unit=Unit.BYTES,
    parse=parse_size,
    measure=_measure,
    offenders=lambda case, limit: layers(case, _sizes(case.ignores), int(limit)),
)
