"""The explorer: the only room that imports textual, and only when it runs."""

from __future__ import annotations

from layerscope.opening import Options
from layerscope.sources import Request


def run_explorer(request: Request, options: Options) -> None:
    """Explore an image until the user quits. Raises `LayerscopeError` for what cannot be opened."""
    raise NotImplementedError
