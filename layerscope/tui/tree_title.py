"""What the title over the file tree says: where one is, and what of it is shown."""

from __future__ import annotations

from layerscope import text
from layerscope.filesystem.modes import Mode
from layerscope.filesystem.ordering import Sort
from layerscope.filesystem.tree import TreeView
from layerscope.image.history import Step
from layerscope.image.summary import one_line

SORT_WORDS = {
    Sort.SIZE: "by size",
    Sort.NAME: "by name",
    Sort.CHANGE: "by change",
    Sort.LAYER: "by layer",
}


def place(step: Step, compared: int | None) -> str:
    """Which layer is shown, and what it is compared with."""
    where = f"Layer {step.layer}" if step.layer is not None else f"Step {step.index}"
    if compared is not None:
        return f"{where} compared with layer {compared}"
    return f"{where} · {text.safe_name(one_line(step))}"


def shown(view: TreeView) -> str:
    """Mode, filter, rows and order."""
    parts = [_mode(view)]
    if view.flat:
        parts[-1:] = [f"{_mode(view)}, largest files"]
    if view.filter:
        parts.append(f"filter · {view.matching:,} of {text.count_of(view.present, 'row')}")
    else:
        parts.append(text.count_of(len(view), "row"))
    if not view.flat:
        parts.append(SORT_WORDS[view.sort])
    return " · ".join(parts)


def _mode(view: TreeView) -> str:
    if view.mode is Mode.RANGE:
        return "all that differs"
    if view.mode is Mode.LAYER:
        return "changes in this layer"
    return "changed only" if view.changed_only else "all layers up to here"
