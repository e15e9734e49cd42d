"""Map: disk usage after a layer, coloured by the layer that stored it."""

from __future__ import annotations

import numpy as np
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.treemap import Place
from layerscope.filesystem.usage import Usage
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.waste_words import step_label, step_of
from layerscope.tui.widgets.legend import Legend, LegendEntry
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.tile_map import TileMap


class Measured(Message):
    """The disk usage after a layer was computed."""

    def __init__(self, usage: Usage) -> None:
        super().__init__()
        self.usage = usage


class MapView(View):
    """One directory at a time, as tiles."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.map = TileMap(id="tiles")
        self.layer_index = len(session.image.layers) - 1
        """The layer after which the filesystem is shown."""
        self.trail = [Place()]
        """The places from the root to the current one."""
        self._title = PaneTitle("Map", named=True)
        self._selected = ColumnTitles()
        self._legend = Legend(id="legend")
        self.map.empty_message = "Available once all layers are read."

    def compose(self) -> ComposeResult:
        yield Pane(self._title, self._selected, self.map, id="map-pane")
        yield self._legend

    def panes(self) -> list[Widget]:
        return [self.map]

    def stacked(self) -> None:
        self.measure(self.layer_index)

    @work(thread=True, exclusive=True, exit_on_error=False, group="measure")
    def measure(self, layer: int) -> None:
        """Compute the disk usage after a layer, in a thread."""
        opened = self.session.opened
        if opened is not None:
            self.post_message(Measured(Usage.of(opened.filesystem, layer)))

    @on(Measured)
    def _measured(self, event: Measured) -> None:
        event.stop()
        usage = event.usage
        if usage.layer != self.layer_index:
            return  # superseded by another layer
        if not self.map.ranks:
            stored = usage.by_layer(0)
            order = np.argsort(-stored, kind="stable").tolist()
            self.map.ranks = {layer: rank for rank, layer in enumerate(order)}
        while len(self.trail) > 1 and not usage.bytes[self.trail[-1].path]:
            self.trail.pop()
        self.map.empty_message = "No file here has any content."
        tile = self.map.tile
        self.map.show(usage, self.trail[-1], None if tile is None else tile.target)

    # words

    @on(TileMap.Highlighted)
    def _highlighted(self, event: TileMap.Highlighted) -> None:
        event.stop()
        usage, tile = self.map.usage, self.map.tile
        if usage is None:
            return
        self._update_title(usage)
        self._update_legend(usage)
        if tile is None:
            self._selected.show("")
            return
        what = self.map.name_of(tile)
        if not tile.merged and usage.is_directory(tile.path):
            what += f" · {text.count_of(int(usage.files[tile.path]), 'file')}"
        share = self.map.share_of(tile)
        self._selected.show(
            f" {what} · {text.size(tile.bytes)} · {share} · mostly {self._layer_words(tile.layer)}"
            if tile.merged or usage.is_directory(tile.path)
            else f" {what} · {text.size(tile.bytes)} · {share} · {self._layer_words(tile.layer)}"
        )

    def _update_title(self, usage: Usage) -> None:
        place = self.trail[-1]
        path = "/" + text.safe_name(usage.filesystem.table.full(place.path))
        skipped = f" · all but the {place.skip:,} largest" if place.skip else ""
        shown_bytes, all_bytes = sum(tile.bytes for tile in self.map.tiles), int(usage.bytes[0])
        size = (
            f"{text.size(shown_bytes)} of {text.size(all_bytes)}"
            if shown_bytes < all_bytes
            else text.size(all_bytes)
        )
        last = usage.filesystem.layer_count - 1
        after = "final image" if usage.layer == last else f"after layer {usage.layer} of 0–{last}"
        self._title.show(f"Map · {path}{skipped}", f"{size} · {after}")

    def _update_legend(self, usage: Usage) -> None:
        stored = usage.by_layer(self.trail[-1].path)
        order = [layer for layer in np.argsort(-stored, kind="stable").tolist() if stored[layer]]
        self._legend.show(
            [
                LegendEntry(
                    self._layer_words(layer), text.size(int(stored[layer])), self.map.hue(layer)
                )
                for layer in order
            ]
        )

    def _layer_words(self, layer: int) -> str:
        return step_label(step_of(self.session.image, layer), layer)

    # navigation

    @on(TileMap.Opened)
    def _opened(self, event: TileMap.Opened) -> None:
        event.stop()
        usage, tile = self.map.usage, event.tile
        if usage is None:
            return
        if tile.merged or usage.is_directory(tile.path):
            self._enter(tile.target)
        else:
            self.post_message(ShowPath(tile.path, int(usage.stored_in[tile.path])))

    def _enter(self, place: Place) -> None:
        if self.map.usage is not None and place != self.trail[-1]:
            self.trail.append(place)
            self.map.show(self.map.usage, place)

    @on(TileMap.ParentRequested)
    def _parent_requested(self, event: TileMap.ParentRequested) -> None:
        event.stop()
        if self.map.usage is not None and len(self.trail) > 1:
            came_from = self.trail.pop()
            self.map.show(self.map.usage, self.trail[-1], came_from)

    @on(TileMap.LayerMoved)
    def _layer_moved(self, event: TileMap.LayerMoved) -> None:
        event.stop()
        layer = max(0, min(self.layer_index + event.by, len(self.session.image.layers) - 1))
        if self.map.usage is not None and layer != self.layer_index:
            self.layer_index = layer
            self.measure(layer)
