"""The table of contents of a layer, whichever format it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.layers.toc import estargz, zstd_chunked
from layerscope.layers.toc.check import ESTARGZ, ZSTD_CHUNKED, TocCheck
from layerscope.layers.toc.document import TocDocument, TocElsewhereError, TocError
from layerscope.layers.toc.entries import index_of
from layerscope.limits import Limits


@dataclass(frozen=True, slots=True)
class _Format:
    """A format of tables."""

    kind: str
    has_footer: Callable[[Blob], bool]
    read: Callable[[Blob, Limits], TocDocument | None]


FORMATS = {
    "gzip": _Format(ESTARGZ, estargz.has_footer, estargz.read),
    "zstd": _Format(ZSTD_CHUNKED, zstd_chunked.has_footer, zstd_chunked.read),
}
"""Formats by the compression of the layers that have them."""


@dataclass(frozen=True, slots=True)
class Toc:
    """A table of contents."""

    check: TocCheck
    expected: LayerIndex | None
    """The index of the layer according to the table; None if unreadable."""


def has_toc(blob: Blob) -> bool:
    """Whether a layer ends with the footer of a table of contents; only that is read."""
    try:
        found = _format_of(blob)
        return found is not None and found.has_footer(blob)
    except (TocError, OSError):
        return False


def read_toc(blob: Blob, limits: Limits) -> Toc | None:
    """The table of contents at the end of a layer, None if there is none. Problems are part of the result, never raised."""
    found = _format_of(blob)
    if found is None:
        return None
    try:
        document = found.read(blob, limits)
        if document is None:
            return None
        expected = index_of(document, blob, limits)
    except TocElsewhereError:
        return Toc(TocCheck(found.kind, elsewhere=True), None)
    except TocError as error:
        return Toc(TocCheck(found.kind, problem=str(error)), None)
    except LimitExceededError as error:
        return Toc(TocCheck(found.kind, problem=error.message), None)
    except OSError as error:
        why = f"it cannot be read: {error.strerror or error}"
        return Toc(TocCheck(found.kind, problem=why), None)
    return Toc(TocCheck(found.kind, document.digest, document.packed_digest), expected)


def _format_of(blob: Blob) -> _Format | None:
    compression = layer_compression(blob)
    return None if compression is None else FORMATS.get(compression.name)
