"""The table of contents of a layer, whichever format it has."""

from __future__ import annotations

from dataclasses import dataclass

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.layers.toc import estargz, zstd_chunked
from layerscope.layers.toc.check import ESTARGZ, ZSTD_CHUNKED, TocCheck
from layerscope.layers.toc.document import Read, TocElsewhereError, TocError
from layerscope.layers.toc.entries import index_of
from layerscope.limits import Limits

FORMATS: dict[str, tuple[str, Read]] = {
    "gzip": (ESTARGZ, estargz.read),
    "zstd": (ZSTD_CHUNKED, zstd_chunked.read),
}
"""Formats by the compression of the layers that have them."""


@dataclass(frozen=True, slots=True)
class Toc:
    """A table of contents."""

    check: TocCheck
    promised: LayerIndex | None
    """The index that the layer has if the table is right; None if it cannot be read."""


def read_toc(blob: Blob, limits: Limits) -> Toc | None:
    """The table of contents that a layer ends with, None if it has none. What is wrong with it is told, never raised."""
    compression = layer_compression(blob)
    if compression is None or compression.name not in FORMATS:
        return None
    kind, read = FORMATS[compression.name]
    try:
        document = read(blob, limits)
        if document is None:
            return None
        promised = index_of(document, blob, limits)
    except TocElsewhereError:
        return Toc(TocCheck(kind, elsewhere=True), None)
    except TocError as error:
        return Toc(TocCheck(kind, problem=str(error)), None)
    except LimitExceededError as error:
        return Toc(TocCheck(kind, problem=error.message), None)
    except OSError as error:
        return Toc(TocCheck(kind, problem=f"it cannot be read: {error.strerror or error}"), None)
    return Toc(TocCheck(kind, document.digest, document.packed_digest), promised)
