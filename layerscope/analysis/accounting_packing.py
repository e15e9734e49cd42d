"""The accounting of an image as plain values and arrays, for the cache."""

from __future__ import annotations

from dataclasses import astuple, fields

from layerscope.analysis.accounting import Accounting, LayerAccount, Waste
from layerscope.layers.packing import Packed

_WASTE = tuple(field.name for field in fields(Waste))
_TOTALS = ("stored", "entries", "files", "paths")


def pack_accounting(accounting: Accounting) -> Packed:
    """An accounting as totals, figures of each layer, and columns of waste."""
    return Packed(
        {
            "layers": [list(astuple(layer)) for layer in accounting.layers],
            **{name: getattr(accounting, name) for name in _TOTALS},
        },
        {name: getattr(accounting.waste, name) for name in _WASTE},
    )


def unpack_accounting(packed: Packed) -> Accounting:
    """What `pack_accounting` was given. Raises KeyError, TypeError or ValueError for what it did not make."""
    return Accounting(
        layers=tuple(LayerAccount(*map(int, layer)) for layer in packed.values["layers"]),
        waste=Waste(**{name: packed.arrays[name] for name in _WASTE}),
        **{name: int(packed.values[name]) for name in _TOTALS},
    )
