"""Copying to the clipboard of the terminal (OSC 52), and saying what was copied."""

from __future__ import annotations

import os

from textual.app import App

from layerscope import text

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
