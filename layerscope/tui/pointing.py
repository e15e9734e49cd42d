"""What lies under a cursor, for whatever opens, extracts or copies it, and for views that follow it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass(frozen=True, slots=True)
class Pointed:
    """A path under a cursor."""

    path: int
    version: int
    """Row of the filesystem: the version that is shown."""
    layer: int
    """A layer after which that version is visible, and what lies below it."""


class ShowFile(Message):
    """Somebody wants to look into a file: the version in this row of the filesystem."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version
