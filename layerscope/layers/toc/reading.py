"""Reads the table of contents of a layer, in any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.layers.compression import COMPRESSIONS, Compression
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.layers.toc import estargz, zstd_chunked
from layerscope.layers.toc.check import ESTARGZ, SOCI, ZSTD_CHUNKED, TocCheck
from layerscope.layers.toc.claims import claimed_place, claims_chunked, claims_toc, is_vouched_for
from layerscope.layers.toc.document import TocDocument, TocElsewhereError, TocError
from layerscope.layers.toc.entries import index_of
from layerscope.limits import Limits

if TYPE_CHECKING:
    from layerscope.layers.toc.places import Places


class _Format(Struct, frozen=True):
    """A format of tables."""

    kind: str
    has_footer: Callable[[Blob], bool]
    read: Callable[[Blob, Limits], TocDocument | None]


FORMATS = {
    "gzip": _Format(ESTARGZ, estargz.has_footer, estargz.read),
    "zstd": _Format(ZSTD_CHUNKED, zstd_chunked.has_footer, zstd_chunked.read),
}
"""Formats by the compression of their layers."""


class Toc(Struct, frozen=True):
    """A table of contents."""

    check: TocCheck
    expected: LayerIndex | None
    """The index of the layer according to the table; None if unreadable."""
    places: Places | None = None
    """The positions of the contents; None if they were not requested."""


def has_toc(blob: Blob) -> bool:
    """Whether a layer ends with the footer of a table of contents; only the footer is read."""
    try:
        return any(toc_format.has_footer(blob) for _, toc_format in _formats_of(blob, {}))
    except (TocError, OSError):
        return False


def read_toc(
    blob: Blob,
    limits: Limits,
    claims: Mapping[str, str] | None = None,
    *,
    places: bool = False,
    kind: str | None = None,
) -> Toc | None:
    """The table of contents at the end of a layer; None without one. Problems are part of the result, never raised.

    For a ranged blob, only the table is fetched, if `claims`, the annotations of the layer, announce one, or if its format
    `kind` is known.
    """
    from layerscope.layers.toc.places import places_of  # few images have tables

    for compression, toc_format in _formats_of(blob, claims or {}, kind):
        try:
            document = _read(toc_format, blob, limits, claims or {})
            if document is None:
                continue
            expected = index_of(document, blob, limits)
            located = places_of(document, compression) if places else None
        except TocElsewhereError:
            return Toc(TocCheck(toc_format.kind, elsewhere=True), None)
        except TocError as error:
            return Toc(TocCheck(toc_format.kind, problem=str(error)), None)
        except LimitExceededError as error:
            return Toc(TocCheck(toc_format.kind, problem=error.message), None)
        except OSError as error:
            why = f"it cannot be read: {error.strerror or error}"
            return Toc(TocCheck(toc_format.kind, problem=why), None)
        check = TocCheck(toc_format.kind, document.digest, document.packed_digest)
        return Toc(check, expected, located)
    return None


def read_ztoc(blob: Blob, limits: Limits, *, places: bool = False) -> Toc | None:
    """The table of contents that is stored beside a layer; None without a usable one."""
    from layerscope.layers.toc.ztoc import index_of_ztoc, places_of_ztoc  # few images have them

    data = blob.ztoc(limits.toc_bytes)
    if data is None:
        return None
    try:
        index = index_of_ztoc(data, blob, limits)
        located = places_of_ztoc(data, index, blob, limits) if places else None
        return Toc(TocCheck(SOCI), index, located)
    except (TocError, LimitExceededError):
        return None


def read_ztoc_places(blob: Blob, index: LayerIndex, limits: Limits) -> Places | None:
    """The positions of contents of a layer that was read, from the table beside it; None without a usable one."""
    from layerscope.layers.toc.ztoc import places_of_ztoc

    data = blob.ztoc(limits.toc_bytes)
    try:
        return None if data is None else places_of_ztoc(data, index, blob, limits)
    except (TocError, LimitExceededError):
        return None


def _read(
    toc_format: _Format, blob: Blob, limits: Limits, claims: Mapping[str, str]
) -> TocDocument | None:
    """The table at the position in the manifest if it has the claimed digest, otherwise at the position in the footer."""
    place = claimed_place(claims) if blob.ranged and toc_format.kind == ZSTD_CHUNKED else None
    if place is not None:
        try:
            document = zstd_chunked.read_at(blob, place, limits)
        except TocError:
            document = None
        if document is not None and is_vouched_for(
            TocCheck(toc_format.kind, document.digest, document.packed_digest), claims
        ):
            return document
    return toc_format.read(blob, limits)


def _formats_of(
    blob: Blob, claims: Mapping[str, str], kind: str | None = None
) -> Sequence[tuple[Compression, _Format]]:
    """The formats that a layer's table may have: `kind`, or from its first bytes, or from the claims of the manifest."""
    if kind is not None:
        names = [name for name, toc_format in FORMATS.items() if toc_format.kind == kind]
    elif blob.ranged and claims_toc(claims):
        # stargz-snapshotter writes the annotation of eStargz for zstd:chunked, too.
        names = ["zstd"] if claims_chunked(claims) else ["gzip", "zstd"]
    else:
        sniffed = layer_compression(blob)
        names = [] if sniffed is None else [sniffed.name]
    kinds = {kind.name: kind for kind in COMPRESSIONS}
    return [(kinds[name], FORMATS[name]) for name in names if name in FORMATS]
