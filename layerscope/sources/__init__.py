"""Sources of images, one module each. `search` is imported on first use: the explorer searches in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerscope.sources.base import Candidate, Chooser, Request, SourceImage

if TYPE_CHECKING:
    from layerscope.sources.lookup import Source
    from layerscope.sources.search import SOURCES, open_source

__all__ = [
    "SOURCES",
    "Candidate",
    "Chooser",
    "Request",
    "Source",
    "SourceImage",
    "open_source",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    from layerscope.sources import search

    return getattr(search, name)
