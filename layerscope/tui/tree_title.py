"""What the title over the file tree says: where one is, and what of it is shown."""

from __future__ import annotations

from layerscope import text
from layerscope.browse.modes import Mode
from layerscope.browse.ordering import Sort
from layerscope.browse.tree import TreeView
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.layers.index import LayerIndex

PROMISED = "from the table of contents"
"""What is said while the tree is that of tables of contents, which nobody has checked."""
SORT_WORDS = {
    Sort.SIZE: "by size",
    Sort.NAME: "by name",
    Sort.CHANGE: "by change",
    Sort.LAYER: "by layer",
}


def place(step: Step) -> str:
    """Which layer is shown."""
    where = f"Layer {step.layer}" if step.layer is not None else f"Step {step.index}"
    return f"{where} · {text.safe_name(one_line(step))}"


def compared(old: int, new: int) -> str:
    """Which layers are compared, and in which direction; -1 is before the first."""
    if old == new:
        return f"{_layer(old)} is marked".capitalize()
    return f"Changes from {_layer(old)} (old) to {_layer(new)} (new)"


def _layer(layer: int) -> str:
    return f"layer {layer}" if layer >= 0 else "nothing"


def shown(view: TreeView) -> str:
    """Mode, order, filter and rows; where room is short the last of them stay."""
    parts = [f"{_mode(view)}, largest files"] if view.flat else [_mode(view), SORT_WORDS[view.sort]]
    if view.filter:
        parts.append(f"filter · {view.matching:,} of {text.count_of(view.present, 'row')}")
    else:
        parts.append(text.count_of(len(view), "row"))
    return " · ".join(parts)


def _mode(view: TreeView) -> str:
    if view.mode is Mode.RANGE:
        return "all differences"
    if view.mode is Mode.LAYER:
        return "changes in this layer"
    return "changed only" if view.changed_only else "all files"


def empty_text(view: TreeView, index: LayerIndex | None, back_key: str) -> str:
    """The text of an empty tree; `index` is the selected layer's, `back_key` clears the filter."""
    if view.filter:
        written = text.safe_name(view.filter.text)
        return f"No file matches `{written}`. {back_key} clears the filter."
    if view.mode is Mode.RANGE:
        if view.layer == view.since:
            return "This is the marked layer. Select another layer to compare."
        return "These two layers do not differ."
    if view.mode is Mode.UP_TO:
        if view.changed_only and view.layer >= 0:
            return "This layer neither adds nor changes a file that exists after it."
        return "The image has no files at this step."
    if index is not None and index.broken is not None and not len(index):
        message = text.safe_name(index.broken.message)
        return f"This layer cannot be read: {message}."
    if index is not None and not len(index):
        return "This layer is empty: it has no entries."
    return "This layer changes nothing: its entries are identical to those of lower layers."
