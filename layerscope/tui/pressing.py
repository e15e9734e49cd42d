"""Focus that came by the mouse: what is pressed must not move away before it is clicked."""

from __future__ import annotations


class Pressable:
    """Mixed into widgets that a press of the mouse gives the focus."""

    pressed = False
    """Whether the mouse gave it the focus that it has."""

    def focus_on_click(self) -> bool:
        """Called when it is pressed, right before it gets the focus."""
        self.pressed = True
        return True

    def on_blur(self) -> None:
        self.pressed = False
