"""The cursor and the mouse: the path under the cursor, copying it, and focus by a click."""

from __future__ import annotations

import os
from dataclasses import dataclass

from textual.app import App
from textual.message import Message

from layerscope import text
from layerscope.filesystem.model import Filesystem


@dataclass(frozen=True, slots=True)
class Pointed:
    """A path under a cursor."""

    path: int
    version: int
    """Row of the filesystem: the version that is shown."""
    layer: int
    """A layer after which that version is visible, and what lies below it."""

    @classmethod
    def at(cls, filesystem: Filesystem, version: int) -> Pointed:
        """The version in this row, as it was last; one that its own layer replaced again, in that layer."""
        born, died = int(filesystem.born[version]), int(filesystem.died[version])
        return cls(int(filesystem.paths[version]), version, max(died - 1, born))

    @classmethod
    def after(cls, filesystem: Filesystem, path: int, layer: int) -> Pointed | None:
        """What is visible at a path after a layer; None where nothing is."""
        rows = filesystem.rows_of(path)
        for row in range(rows.start, rows.stop):
            if filesystem.born[row] <= layer < filesystem.died[row]:
                return cls(path, row, layer)
        return None


class Pointing:
    """Mixed into widgets that have a cursor."""

    points = False
    """Whether there are paths under its cursor."""

    def pointed(self) -> Pointed | None:
        """The path under the cursor, for what opens, extracts or copies it; None where rows are no paths."""
        return None

    def copied(self) -> tuple[str, str] | None:
        """What is copied of the row under the cursor, and what to call it; None for the path under the cursor."""
        return None


class ShowFile(Message):
    """Somebody wants to look into a file: the version in this row of the filesystem."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version


_SHOWN = 60
"""Characters of what was copied that are said."""


def copied_path(full: bytes) -> tuple[str, str]:
    """A path as it is copied. One that a shell might take for more than a name is copied with escapes."""
    path = "/" + os.fsdecode(full)
    safe = text.safe_name(path)
    return safe, "the path" if safe == path else "the path, with escapes"


def copy(app: App[object], copied: tuple[str, str] | None) -> None:
    """Copy words to the clipboard; `copied` is what, and what to call it."""
    if copied is None or not copied[0]:
        app.notify("Nothing to copy here.", markup=False)
        return
    words, what = copied
    app.copy_to_clipboard(words.encode(errors="surrogateescape").decode(errors="replace"))
    app.notify(text.clip(text.safe_name(words), _SHOWN), title=f"Copied {what}", markup=False)


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
