"""The path under the cursor, copying to the clipboard, and focus by a click."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct
from textual.app import App
from textual.message import Message

from layerscope import text

if TYPE_CHECKING:
    from layerscope.filesystem.model import Filesystem


class Pointed(Struct, frozen=True):
    """A path under a cursor."""

    path: int
    version: int
    """Row of the version in the filesystem."""
    layer: int
    """A layer after which this version and everything below it are visible."""

    @classmethod
    def at(cls, filesystem: Filesystem, version: int) -> Pointed:
        """The version in a row, at the last layer that shows it; at its own layer if that layer also replaced it."""
        born, died = int(filesystem.born[version]), int(filesystem.died[version])
        return cls(int(filesystem.paths[version]), version, max(died - 1, born))

    @classmethod
    def after(cls, filesystem: Filesystem, path: int, layer: int) -> Pointed | None:
        """The version of a path after a layer; None if the path does not exist then."""
        version = filesystem.version_after(path, layer)
        return None if version is None else cls(path, version, layer)


class Pointing:
    """Mixin for widgets with a cursor."""

    points = False
    """Whether its rows are paths."""

    def pointed(self) -> Pointed | None:
        """The path under the cursor, to open, extract or copy; None if the row is not a path."""
        return None

    def copyable(self) -> tuple[str, str] | None:
        """The text to copy for the row under the cursor, and a name for it; None to copy the path."""
        return None


class ShowFile(Message):
    """Request to open a file: the version in this row of the filesystem, or its difference from the one before."""

    def __init__(self, version: int, *, difference: bool = False) -> None:
        super().__init__()
        self.version = version
        self.difference = difference


_NOTICE_WIDTH = 54
"""Cells in a line of a notification."""


def copyable_path(full: bytes) -> tuple[str, str]:
    """A path as text to copy, and a name for it; control characters are escaped."""
    path = "/" + os.fsdecode(full)
    safe = text.safe_name(path)
    return safe, "the path" if safe == path else "the path, with escapes"


def copy(app: App[object], copied: tuple[str, str] | None) -> None:
    """Copy to the terminal's clipboard (OSC 52) and notify; `copied` is the text and a name for it."""
    if copied is None or not copied[0]:
        app.notify("Nothing to copy here.", markup=False)
        return
    words, what = copied
    app.copy_to_clipboard(words.encode(errors="surrogateescape").decode(errors="replace"))
    first, *others = words.split("\n")
    shown, more = text.safe_name(" ".join([first, *others])), ""
    if others and text.cells(shown) > _NOTICE_WIDTH:
        shown, more = text.safe_name(first), f" and {text.count_of(len(others), 'more line')}"
    shown = text.clip_middle(shown, _NOTICE_WIDTH - len(more)) + more
    app.notify(shown, title=f"Copied {what}", markup=False)


class Pressable:
    """Mixin for widgets that take the focus on a mouse press, and must not move before the click."""

    pressed = False
    """Whether it got the focus by the mouse."""

    def focus_on_click(self) -> bool:
        """Called on a mouse press, right before the focus changes."""
        self.pressed = True
        return True

    def on_blur(self) -> None:
        self.pressed = False
