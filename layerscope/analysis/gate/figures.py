"""Rules that compare one figure of an image with a limit, as a table. A figure exactly at the limit passes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from layerscope.analysis.gate.figure import Measured, figure_rule
from layerscope.analysis.gate.offenders import Offenders, largest_layers, no_offenders, wasted_files
from layerscope.analysis.gate.values import parse_count, parse_share, parse_size
from layerscope.analysis.gate.verdict import Unit
from layerscope.text import count_of, size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from layerscope.analysis.gate.case import Case
    from layerscope.analysis.gate.ignores import Ignores
    from layerscope.analysis.gate.rule import GateRule
    from layerscope.filesystem.selector import Mask

_EFFICIENCY = "min-efficiency"
_WASTED = "max-wasted"
_WASTED_SHARE = "max-wasted-percent"
_USER_WASTED_SHARE = "max-user-wasted-percent"
_NEW_WASTE = "max-new-waste"
_LAYER_SIZE = "max-layer-size"


def _efficiency(ignores: Ignores, _base_known: bool) -> Measured:
    figures = ignores.figures(_EFFICIENCY)
    return _share(figures.efficiency, figures.wasted, figures.stored)


def _wasted(ignores: Ignores, _base_known: bool) -> Measured:
    figures = ignores.figures(_WASTED)
    files = int(ignores.waste_kept(_WASTED).sum())
    explanation = (
        f"{size(figures.wasted)} in {count_of(files, 'wasted file')}" if files else "nothing wasted"
    )
    return Measured(figures.wasted, explanation)


def _wasted_share(ignores: Ignores, _base_known: bool) -> Measured:
    figures = ignores.figures(_WASTED_SHARE)
    share = figures.wasted / figures.stored if figures.stored else 0.0
    return _share(share, figures.wasted, figures.stored)


def _share(value: float, wasted: int, stored: int) -> Measured:
    return Measured(value, f"{size(wasted)} wasted of {size(stored)} stored", wasted, stored)


def _user_wasted_share(ignores: Ignores, _base_known: bool) -> Measured:
    """Wasted bytes as a share of what all layers but the first store, as dive computes it.

    dive takes the first layer for the base image, whatever the base really is. The share may exceed 100 % when much of the
    first layer is wasted; an image of one layer wastes 0 % by definition.
    """
    ledger, counted = ignores.ledger, ignores.waste_kept(_USER_WASTED_SHARE)
    wasted = int(ledger.waste.bytes[counted].sum())
    ignored = ~counted & (ledger.waste.stored_in > 0)
    stored = int(ledger.stored[1:].sum() - ledger.waste.bytes[ignored].sum())
    if len(ledger.stored) < 2:
        share = 0.0
    elif stored:
        share = wasted / stored
    else:
        share = float(wasted > 0)
    explanation = f"{size(wasted)} wasted, {size(stored)} stored after the first layer"
    return Measured(share, explanation, wasted, stored)


def _new(ignores: Ignores) -> Mask:
    """Waste caused by steps after the base image, which hide stored contents."""
    ledger = ignores.ledger
    return ignores.waste_kept(_NEW_WASTE) & (ledger.waste.hidden_by >= ledger.base_layers)


def _new_waste(ignores: Ignores, base_known: bool) -> Measured:
    ledger = ignores.ledger
    wasted = int(ledger.waste.bytes[_new(ignores)].sum())
    since = (
        f"wasted after the base image's {count_of(ledger.base_layers, 'layer')}"
        if base_known
        else "wasted; the base image is unknown, so all layers count"
    )
    return Measured(wasted, f"{size(wasted)} {since}")


def _stored(ignores: Ignores, _base_known: bool) -> Measured:
    stored = int(ignores.ledger.stored.sum())
    return Measured(stored, f"all layers store {size(stored)}")


def _compressed(ignores: Ignores, _base_known: bool) -> Measured | str:
    compressed = ignores.ledger.compressed
    if compressed is None:
        return "the layers are not compressed here: compressed size unknown"
    return Measured(compressed, f"the blobs take {size(compressed)}")


def _largest_blobs(case: Case, _: float) -> Offenders:
    import numpy as np

    return largest_layers(case, np.array([size or 0 for size in case.ledger.blobs], np.int64))


def _layer_sizes(ignores: Ignores) -> NDArray[np.int64]:
    """Stored bytes of each layer, 0 for one that is ignored."""
    import numpy as np

    return np.where(ignores.layers_kept(_LAYER_SIZE), ignores.ledger.stored, 0)


def _largest_layer(ignores: Ignores, _base_known: bool) -> Measured:
    stored = _layer_sizes(ignores)
    if not stored.any():
        return Measured(0, "no layer stores anything")
    largest = int(stored.argmax())
    return Measured(int(stored[largest]), f"layer {largest} stores {size(int(stored[largest]))}")


def _layer_count(ignores: Ignores, _base_known: bool) -> Measured:
    count = len(ignores.ledger.stored)
    return Measured(count, f"the image has {count_of(count, 'layer')}")


def _wasted_files(name: str, case: Case, _limit: float) -> Offenders:
    return wasted_files(case, case.ignores.waste_kept(name))


RULES: tuple[GateRule, ...] = (
    figure_rule(
        _EFFICIENCY,
        title="Efficiency",
        help="Minimum efficiency (live / stored). Applies above wasted-floor.",
        unit=Unit.RATIO,
        parse=parse_share,
        measure=_efficiency,
        offenders=partial(_wasted_files, _EFFICIENCY),
        at_least=True,
        default=0.9,
    ),
    figure_rule(
        _WASTED,
        title="Wasted",
        help="Maximum wasted bytes.",
        unit=Unit.BYTES,
        parse=parse_size,
        measure=_wasted,
        offenders=partial(_wasted_files, _WASTED),
    ),
    figure_rule(
        _WASTED_SHARE,
        title="Wasted share",
        help="Maximum share of the stored bytes that is wasted. Applies above wasted-floor.",
        unit=Unit.RATIO,
        parse=parse_share,
        measure=_wasted_share,
        offenders=partial(_wasted_files, _WASTED_SHARE),
    ),
    figure_rule(
        _USER_WASTED_SHARE,
        title="Wasted share without layer 0",
        help="Maximum wasted share of the bytes stored by all layers but the first (dive's highestUserWastedPercent).",
        unit=Unit.RATIO,
        parse=parse_share,
        measure=_user_wasted_share,
        offenders=partial(_wasted_files, _USER_WASTED_SHARE),
    ),
    figure_rule(
        _NEW_WASTE,
        title="New waste",
        help="Maximum bytes wasted by steps after the base image, including files of the base.",
        unit=Unit.BYTES,
        parse=parse_size,
        measure=_new_waste,
        offenders=lambda case, _: wasted_files(case, _new(case.ignores)),
    ),
    figure_rule(
        "max-size",
        title="Size",
        help="Maximum stored bytes of the image.",
        unit=Unit.BYTES,
        parse=parse_size,
        measure=_stored,
        offenders=lambda case, _: largest_layers(case, case.ledger.stored),
        ignorable=False,
    ),
    figure_rule(
        "max-compressed-size",
        title="Compressed size",
        help="Maximum compressed size of the image.",
        unit=Unit.BYTES,
        parse=parse_size,
        measure=_compressed,
        offenders=_largest_blobs,
        ignorable=False,
    ),
    figure_rule(
        _LAYER_SIZE,
        title="Largest layer",
        help="Maximum stored bytes of a layer.",
        unit=Unit.BYTES,
        parse=parse_size,
        measure=_largest_layer,
        offenders=lambda case, limit: largest_layers(case, _layer_sizes(case.ignores), int(limit)),
    ),
    figure_rule(
        "max-layers",
        title="Layers",
        help="Maximum number of layers.",
        unit=Unit.LAYERS,
        parse=parse_count,
        measure=_layer_count,
        offenders=lambda case, _: no_offenders(case),
        ignorable=False,
    ),
)
