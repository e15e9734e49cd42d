"""Recognizes files, documents and directories that are not images: one table each, with a hint per kind."""

from __future__ import annotations

from layerscope.sources.base import shortened
from layerscope.text import safe_name

OPENS = "layerscope opens what docker save, podman save and skopeo copy write"
"""The default hint."""
_QUOTED = 200
"""Maximum length of a quoted message in characters."""


def quoted(text: str) -> str:
    """Text from a foreign file after a colon: one line, escaped, shortened; empty for no text."""
    line = safe_name(" ".join(text[: 20 * _QUOTED].split()))
    return f": {shortened(line, _QUOTED)}" if line else ""
