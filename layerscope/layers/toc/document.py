"""A table of contents as JSON bytes, and its errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from layerscope.image.digest import sha256
from layerscope.layers.blob import Blob
from layerscope.layers.tarheader import HeaderColumns
from layerscope.limits import Limits

HINT = " (raise the limit: --limit toc_bytes=NUMBER)"


class TocError(Exception):
    """An unusable table of contents, with the reason."""


class TocElsewhereError(Exception):
    """The table of contents is stored in another image."""


@dataclass(frozen=True, slots=True)
class TocDocument:
    """The JSON of a table of contents."""

    kind: str
    json: bytes
    place: int
    """Offset of the table in the layer; contents are before it."""
    packed_digest: str | None = None
    own_header: HeaderColumns | None = None
    """The header of the table's own entry in the tar, which the table does not list; None without such an entry."""
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha256(self.json))


def stated_sha256(text: str) -> bytes | None:
    """The SHA-256 in a text of `sha256:` and 64 hexadecimal digits; None for other texts."""
    algorithm, _, encoded = text.partition(":")
    try:
        digest = bytes.fromhex(encoded)
    except ValueError:
        return None
    return digest if algorithm == "sha256" and len(digest) == 32 else None


def too_long(size: int, limits: Limits) -> TocError:
    """The error for a table above the size limit."""
    return TocError(f"it has {size:,} bytes, more than {limits.toc_bytes:,}{HINT}")


def join_at_most(pieces: Iterable[bytes], max_bytes: int, limits: Limits | None = None) -> bytes:
    """Join `pieces` of at most `max_bytes` bytes. Raises `TocError` for more, naming the limit if `limits` is given."""
    kept, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > max_bytes:
            if limits is None:
                raise TocError(f"it unpacks to more than the {max_bytes:,} bytes that it states")
            raise TocError(f"it unpacks to more than {limits.toc_bytes:,} bytes{HINT}")
        kept.append(piece)
    return b"".join(kept)


def read_range(blob: Blob, offset: int, length: int) -> bytes:
    """The bytes of a range that must exist. Raises `TocError`, OSError."""
    if offset < 0 or length < 0 or offset + length > blob.size:
        raise TocError("its place is not in the layer")
    data = b"".join(blob.chunks(offset, offset + length))
    if len(data) < length:
        raise TocError("it is truncated")
    return data
