"""The way that led to the current view, for Esc."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.widget import Widget

MAX_PLACES = 50
"""Places kept: of a longer way, those after the first are dropped."""


@dataclass(frozen=True, slots=True)
class Place:
    """A view as it was left."""

    view: str
    focus: Widget | None
    restore: Callable[[], None]
    """Makes the view show again what it showed."""


class Trail:
    """The places that led to the current one. The first is always in the first view."""

    def __init__(self, first_view: str) -> None:
        self._first_view = first_view
        self._places: list[Place] = []

    @property
    def last(self) -> Place | None:
        """Where Esc leads; None in the first view."""
        return self._places[-1] if self._places else None

    def push(self, left: Place) -> None:
        """Another view is opened from the place `left`."""
        self._places.append(left)
        del self._places[1 : 1 - MAX_PLACES]

    def restart(self, left: Place, view: str) -> None:
        """Another way begins, from the first view as it was last seen, to `view`."""
        seen = [place for place in (*self._places, left) if place.view == self._first_view]
        self._places = seen[-1:] if view != self._first_view else []

    def pop(self) -> Place | None:
        """Where to return; None in the first view."""
        return self._places.pop() if self._places else None
