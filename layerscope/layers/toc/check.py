"""The check of a layer's table of contents."""

from __future__ import annotations

from msgspec import Struct

ESTARGZ = "eStargz"
ZSTD_CHUNKED = "zstd:chunked"
SOCI = "SOCI"


class TocCheck(Struct, frozen=True):
    """A table of contents and its differences from the tar. Contains only numbers and texts."""

    kind: str
    """The format, `ESTARGZ` or `ZSTD_CHUNKED`; `SOCI` for a table beside the layer, which is not compared with the tar."""
    digest: str | None = None
    """Digest of its JSON; None if it could not be read."""
    packed_digest: str | None = None
    """Digest of its compressed JSON; None for formats that compress it with the tar."""
    problem: str | None = None
    """Why it is unusable; None if it is usable."""
    elsewhere: bool = False
    """Whether it is stored in another image."""
    differing: int | None = None
    """Number of paths that differ from the tar; None if not compared."""
    example: str = ""
    """The first of those paths, safe for a terminal."""
    what: str = ""
    """The difference at that path, for people."""

    @property
    def readable(self) -> bool:
        """Whether it could be read."""
        return self.problem is None and not self.elsewhere
