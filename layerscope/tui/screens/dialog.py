"""The base class of dialogs."""

from __future__ import annotations

from textual.events import Click
from textual.screen import ModalScreen


class Dialog(ModalScreen[None]):
    """A dialog that a click outside closes, as its key does."""

    async def on_click(self, event: Click) -> None:
        if self.get_widget_at(event.screen_x, event.screen_y)[0] is self:
            await self.run_action("dismiss")
