"""What files, documents and directories look like that are no images: one table each, and what to do about each kind."""

from __future__ import annotations

from layerscope.sources.base import shortened
from layerscope.text import safe_name

OPENS = "layerscope opens what docker save, podman save and skopeo copy write"
"""What to do where nothing better is known."""
_QUOTED = 200
"""Characters of a message that are quoted."""


def quoted(text: str) -> str:
    """Words of a foreign file, to follow what it is: one line, escaped, shortened, after a colon; nothing for none."""
    line = safe_name(" ".join(text[: 20 * _QUOTED].split()))
    return f": {shortened(line, _QUOTED)}" if line else ""
