"""The lists of a series: its updates, and the details of the one under the cursor."""

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
from layerscope.tui.widgets.paragraph_list import Paragraph
from layerscope.words import Cause

SIZE = 10
_MAX_NAME_WIDTH = 24
_MAX_PATHS = 40
"""Maximum number of paths listed for a layer."""


class HopList(LineList):
    """The whole series, then its updates, each with the bytes it downloads."""

    def __init__(self, names: Sequence[str], *, id: str) -> None:
        """`names` are the names of the releases, safe to show."""
        super().__init__(id=id)
        self._names = names
        self.hops: Sequence[Hop] = ()

    def show(self, hops: Sequence[Hop]) -> None:
        """Show the updates compared so far; the others have no size yet."""
        self.hops = hops
        self.rows_changed()

    def row_count(self) -> int:
        return len(self._names)

    def column_titles(self) -> str:
        """Column titles."""
        return f" {fit('release', self._name_width())} {'fetched':>{SIZE}}"

    def _name_width(self) -> int:
        return max(min(max(map(cell_len, (*self._names[1:], "all updates"))), _MAX_NAME_WIDTH), 11)

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


def hop_words(old: str, new: str, hop: Hop) -> Iterator[Paragraph]:
    """The details of an update: its download, the steps that caused it, and the files that differ."""
    binary = text.uses_binary_sizes()
    yield Paragraph(f"{old} → {new}", "strong")
    if not hop.layers:
        yield Paragraph("Nothing is fetched: the release before has all layers.", "quiet")
        return
    share = share_words(hop.unchanged, hop.content)
    yield Paragraph(
        f"{amount_words(hop, binary=binary)} in {text.count_of(len(hop.layers), 'layer')}, {share}"
    )
    for row, charge in zip(charge_rows(hop), hop.charges, strict=True):
        yield Paragraph("")
        yield Paragraph(f"{text.size(row.bytes)}  {row.step}", "strong")
        yield Paragraph(row.reason.partition(":")[0], "modified")
        yield from _layer_words(hop, charge)


def _layer_words(hop: Hop, charge: Charge) -> Iterator[Paragraph]:
    """The layers charged to a step; for the step's own layer, also the paths that differ."""
    for layer in charge.layers:
        step = hop.steps[layer.place]
        amount = f"{text.size(layer.sent.bytes)}, {share_words(layer.unchanged, layer.content)}"
        yield Paragraph(f"layer {layer.layer}  {amount}", "quiet")
        if layer.place != charge.place:
            yield Paragraph(step_words(step.step, base=False), indent="  ")
        difference = step.difference
        if difference is None or (layer.place != charge.place and charge.cause is not Cause.BASE):
            continue
        for each in difference.listed[:_MAX_PATHS]:
            yield _path_words(each)
        more = difference.paths + difference.times - len(difference.listed[:_MAX_PATHS])
        if more > 0:
            yield Paragraph(f"… and {text.count_of(more, 'more path')}", "quiet", "  ")


def _path_words(each: PathDifference) -> Paragraph:
    why = why_words(each.change, each.why)
    sizes = " → ".join(map(text.size, dict.fromkeys((each.old_bytes, each.new_bytes))))
    return Paragraph(
        f"{each.change.glyph} {shown_path(each.path)}  {why}  {sizes}", each.change.json_name, "  "
    )


def series_words(opened: OpenedSeries) -> Iterator[Paragraph]:
    """The details of the series: its costs, its costliest steps, and the order of steps that would have saved most."""
    binary = text.uses_binary_sizes()
    yield Paragraph(summary_words(opened.series, binary=binary), "strong")
    rows = list(cost_rows(opened.series))
    if rows:
        yield Paragraph("")
        yield Paragraph("Costliest steps", "strong")
    for cost in rows:
        yield Paragraph(f"{text.size(cost.bytes):>9}  {cost.step}")
        yield Paragraph(
            f"{text.count_of(cost.hops, 'update')}, {cost.unchanged}, {cost.causes}", "quiet", "           "
        )  # fmt: skip
    order = order_row(opened, binary=binary)
    if order is None:
        return
    yield Paragraph("")
    yield Paragraph("Another order", "strong")
    yield Paragraph(f"{order.title}.")
    yield Paragraph(order.saved, "added")
    yield Paragraph(order.confidence, "quiet")
    yield Paragraph("")
    styles = {"-": "removed", "+": "added", "#": "quiet"}
    for line in order.lines:
        yield Paragraph(line, styles.get(line[:1], ""), "  ")
    for note in order.notes:
        yield Paragraph(note, "quiet", "  ")
