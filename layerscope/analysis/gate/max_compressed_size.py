"""`max-compressed-size`: the most bytes that all blobs together may take, as they are pushed and pulled."""

import numpy as np

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.offenders import layers
from layerscope.analysis.gate.values import parse_size
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import size


def _measure(ignores: Ignores, _base_known: bool) -> Measured | str:
    compressed = ignores.ledger.compressed
    if compressed is None:
        return "the layers are not compressed here, so nobody knows what they will be"
    return Measured(compressed, f"the blobs take {size(compressed)}")


RULE = figure_rule(
    "max-compressed-size",
    title="Compressed size",
    help="The most bytes that all compressed layers may take.",
    unit=Unit.BYTES,
    parse=parse_size,
    measure=_measure,
    offenders=lambda case, _: layers(
        case, np.array([size or 0 for size in case.ledger.blobs], np.int64)
    ),
    ignorable=False,
)
