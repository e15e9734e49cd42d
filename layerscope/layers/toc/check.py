"""What was found out about a layer's table of contents."""

from __future__ import annotations

from dataclasses import dataclass

ESTARGZ = "eStargz"
ZSTD_CHUNKED = "zstd:chunked"


@dataclass(frozen=True, slots=True)
class TocCheck:
    """A table of contents, and how it compares with the tar that it is about. Holds nothing but numbers and texts."""

    kind: str
    """The format, `ESTARGZ` or `ZSTD_CHUNKED`."""
    digest: str | None = None
    """Digest of its JSON; None where it could not be read."""
    packed_digest: str | None = None
    """Digest of its JSON as stored, where that is compressed by itself."""
    problem: str | None = None
    """Why it is of no use, None if it can be read."""
    elsewhere: bool = False
    """Whether it is kept in another image."""
    differing: int | None = None
    """Paths of which it says something else than the tar; None where they were not compared."""
    example: str = ""
    """One of those paths, safe for a terminal."""
    what: str = ""
    """What differs there, in words."""

    @property
    def readable(self) -> bool:
        """Whether it could be read."""
        return self.problem is None and not self.elsewhere
