"""The lists of a series: its updates, and what is known of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from layerscope import text
from layerscope.analysis.series.hop import Charge, Hop
from layerscope.analysis.series.layer_difference import PathDifference
from layerscope.opening.series import OpenedSeries
from layerscope.report.rows import shown_path
from layerscope.report.series_rows import (
    amount_words,
    charge_rows,
    cost_rows,
    order_row,
    share_words,
    step_words,
    summary_words,
    why_words,
)
from layerscope.tui.paint import RowPainter, bar, fit, fit_left
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.words_list import Words
from layerscope.words import Cause

SIZE = 10
_NAME = 24
_PATHS = 40
"""Paths of a layer that are listed."""


class HopList(LineList):
    """The series as a whole, then its updates, with what each fetches."""

    def __init__(self, names: Sequence[str], *, id: str) -> None:
        """`names` are those of the releases, safe to show."""
        super().__init__(id=id)
        self._names = names
        self.hops: Sequence[Hop] = ()

    def show(self, hops: Sequence[Hop]) -> None:
        """Show these updates; those that are not known yet have no size."""
        self.hops = hops
        self.rows_changed()

    def row_count(self) -> int:
        return len(self._names)

    def column_titles(self) -> str:
        """Column titles."""
        return f" {fit('release', self._name_width())} {'fetched':>{SIZE}}"

    def _name_width(self) -> int:
        return max(min(max(map(cell_len, (*self._names[1:], "all updates"))), _NAME), 11)

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        name_width = self._name_width()
        room = max(width - name_width - SIZE - 4, 0)
        if row == 0:
            painter.add(f" {fit('all updates', name_width)}", self.style_of("strong"))
            total = sum(hop.bytes for hop in self.hops)
            painter.add(f" {text.size(total) if self.hops else '':>{SIZE}}")
            return
        painter.add(f" {fit_left(self._names[row], name_width)} ")
        if row > len(self.hops):
            painter.add(f"{'…':>{SIZE}}", self.style_of("quiet"))
            return
        hop = self.hops[row - 1]
        most = max(hop.bytes for hop in self.hops) or 1
        amount = amount_words(hop, binary=text.uses_binary_sizes())
        painter.add(f"{amount:>{SIZE}} ", None if hop.bytes else self.style_of("quiet"))
        shown = bar(hop.bytes / most, room).rstrip()
        changed = len(shown)
        if hop.content:
            changed = round(len(shown) * (1 - hop.unchanged / hop.content))
        painter.add(shown[: len(shown) - changed], self.style_of("waste"))
        painter.add(shown[len(shown) - changed :], self.style_of("bar"))

    def copyable(self) -> tuple[str, str] | None:
        return (self._names[self.cursor], "the release") if self.cursor else None


def hop_words(old: str, new: str, hop: Hop) -> Iterator[Words]:
    """What an update fetches, the steps that began it, and the files that differ."""
    binary = text.uses_binary_sizes()
    yield Words(f"{old} → {new}", "strong")
    if not hop.layers:
        yield Words("Nothing is fetched: the release before has all layers.", "quiet")
        return
    share = share_words(hop.unchanged, hop.content)
    yield Words(
        f"{amount_words(hop, binary=binary)} in {text.count_of(len(hop.layers), 'layer')}, {share}"
    )
    for row, charge in zip(charge_rows(hop), hop.charges, strict=True):
        yield Words("")
        yield Words(f"{text.size(row.bytes)}  {row.step}", "strong")
        yield Words(row.reason.partition(":")[0], "modified")
        yield from _layer_words(hop, charge)


def _layer_words(hop: Hop, charge: Charge) -> Iterator[Words]:
    """The layers that are charged to a step, and in what those of the step itself differ."""
    for layer in charge.layers:
        step = hop.steps[layer.place]
        amount = f"{text.size(layer.sent.bytes)}, {share_words(layer.unchanged, layer.content)}"
        yield Words(f"layer {layer.layer}  {amount}", "quiet")
        if layer.place != charge.place:
            yield Words(step_words(step.step, base=False), indent="  ")
        difference = step.difference
        if difference is None or (layer.place != charge.place and charge.cause is not Cause.BASE):
            continue
        for each in difference.listed[:_PATHS]:
            yield _path_words(each)
        more = difference.paths + difference.times - len(difference.listed[:_PATHS])
        if more > 0:
            yield Words(f"… and {text.count_of(more, 'more path')}", "quiet", "  ")


def _path_words(each: PathDifference) -> Words:
    why = why_words(each.change, each.why)
    sizes = " → ".join(map(text.size, dict.fromkeys((each.old_bytes, each.new_bytes))))
    return Words(
        f"{each.change.glyph} {shown_path(each.path)}  {why}  {sizes}", each.change.json_name, "  "
    )


def series_words(opened: OpenedSeries) -> Iterator[Words]:
    """What the series costs, its costliest steps, and the order that would have saved most."""
    binary = text.uses_binary_sizes()
    yield Words(summary_words(opened.series, binary=binary), "strong")
    rows = list(cost_rows(opened.series))
    if rows:
        yield Words("")
        yield Words("Costliest steps", "strong")
    for cost in rows:
        yield Words(f"{text.size(cost.bytes):>9}  {cost.step}")
        yield Words(
            f"{text.count_of(cost.hops, 'update')}, {cost.unchanged}, {cost.causes}", "quiet", "           "
        )  # fmt: skip
    order = order_row(opened, binary=binary)
    if order is None:
        return
    yield Words("")
    yield Words("Another order", "strong")
    yield Words(f"{order.title}.")
    yield Words(order.saved, "added")
    yield Words(order.confidence, "quiet")
    yield Words("")
    styles = {"-": "removed", "+": "added", "#": "quiet"}
    for line in order.lines:
        yield Words(line, styles.get(line[:1], ""), "  ")
    for note in order.notes:
        yield Words(note, "quiet", "  ")
