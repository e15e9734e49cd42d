"""The views that led to the current one, for Esc."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from textual.widget import Widget

MAX_PLACES = 50
"""Maximum number of places; the oldest ones after the first are dropped."""


class Place(Struct, frozen=True):
    """A view as it was left."""

    view: str
    focus: Widget | None
    restore: Callable[[], None]
    """Restores what the view showed."""


class Trail:
    """The places that led to the current one. The first is always in the first view."""

    def __init__(self, first_view: str) -> None:
        self._first_view = first_view
        self._places: list[Place] = []

    @property
    def last(self) -> Place | None:
        """The place that Esc returns to; None in the first view."""
        return self._places[-1] if self._places else None

    def push(self, left: Place) -> None:
        """Add the place `left`, from which another view is opened."""
        self._places.append(left)
        del self._places[1 : 1 - MAX_PLACES]

    def restart(self, left: Place, view: str) -> None:
        """Start over with `view`; the only place before it is the first view as it was last left."""
        visits = [place for place in (*self._places, left) if place.view == self._first_view]
        self._places = visits[-1:] if view != self._first_view else []

    def pop(self) -> Place | None:
        """Remove and return the place to return to; None in the first view."""
        return self._places.pop() if self._places else None
