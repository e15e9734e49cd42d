"""Limits against hostile input. Each can be raised; each error names its limit."""

from __future__ import annotations

import re

from msgspec import Struct

from layerscope.errors import LimitExceededError, UsageError

MIB = 1 << 20
_NUMBER = re.compile(r"[0-9]{1,18}")


class Limits(Struct, frozen=True):
    """Upper bounds on what is read from an image. Sizes are bytes."""

    json_bytes: int = 32 * MIB
    """One JSON document: manifest, index or config, or an answer of an engine."""
    json_values: int = 2_000_000
    """Values in one JSON document, and names of members: each takes up to a hundred bytes of memory."""
    toc_bytes: int = 150 * MIB
    """The table of contents of one layer, as stored and unpacked. Engines take as much."""
    layers: int = 20_000
    """Layers of one image."""
    history_entries: int = 100_000
    """Entries in the history of one image."""
    header_bytes: int = MIB
    """One PAX or GNU extension header, and one map of a sparse file."""
    path_bytes: int = 64 << 10
    """The name of one entry."""
    listing_bytes: int = 1 << 30
    """Paths in one list of files, as `--files` writes it."""
    metadata_bytes: int = 1 << 30
    """Memory for metadata of one layer or archive: long names, extended attributes, sparse maps, directories."""
    entries: int = 50_000_000
    """Entries and directories of all layers of one image."""
    packages: int = 200_000
    """Packages that programs and archives of one image contain."""
    layer_bytes: int = 1 << 40
    """Decompressed bytes of one layer, and of one compressed archive."""
    zstd_window_bytes: int = 2 << 30
    """The window of a zstd stream: memory needed to decompress it. The zstd library supports no larger one."""
    xz_memory_bytes: int = 256 * MIB
    """Memory needed to decompress an xz stream."""
    ratio: int = 1000
    """Decompressed bytes per compressed byte above which a layer causes a warning."""
    answer_seconds: int = 60
    """Seconds for an engine to answer one request."""
    silence_seconds: int = 600
    """Seconds without data from an export or pull: engines prepare an export before its first byte."""

    def exceeded(self, name: str, where: str, found: int | None = None) -> LimitExceededError:
        """The error for limit `name`, met in `where` (a file or layer, in the user's words)."""
        allowed = getattr(self, name)
        excess = (
            f"more than {allowed:,}" if found is None else f"{found:,} found, {allowed:,} allowed"
        )
        return LimitExceededError(
            f"{where}: limit {name} exceeded: {excess}",
            hint=f"if you trust the image, raise it: --limit {name}=NUMBER",
        )


DEFAULT_LIMITS = Limits()


def parse_limits(assignments: tuple[str, ...]) -> Limits:
    """Limits from `NAME=NUMBER` texts of `--limit` and the environment."""
    known = set(Limits.__struct_fields__)
    values: dict[str, int] = {}
    for text in assignments:
        name, separator, number = text.partition("=")
        name = name.strip().replace("-", "_")
        if not separator or name not in known or not _NUMBER.fullmatch(number.strip()):
            raise UsageError(
                f"invalid limit: {text!r}",
                hint=f"expected NAME=NUMBER; names: {', '.join(sorted(known))}",
            )
        values[name] = int(number)
    return Limits(**values)
