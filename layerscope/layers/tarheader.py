"""Parses tar headers in batches with numpy, with the semantics of Go's archive/tar, which all engines use.

Layout and number formats: POSIX.1-2001 ustar, GNU tar's and star's extensions.
"""

from __future__ import annotations

import zlib

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)
FEW = 6
"""Maximum number of headers that are faster to parse one by one."""
GNU_MAGIC = b"ustar  \0"
BAD_CHECKSUM = "the checksum of a header is wrong"
_CHECKSUM = slice(148, 156)
_MAGIC = slice(257, 265)
_TRAILER = slice(508, 512)
_PREFIX = 345


class HeaderError(ValueError):
    """A malformed header."""


class HeaderColumns(Struct):
    """Fields of n headers, by column; arrays have shape (n,). Names and link targets end at their first NUL."""

    names: list[bytes]
    links: list[bytes]
    types: NDArray[np.uint8]
    modes: NDArray[np.uint16]
    uids: NDArray[np.int64]
    gids: NDArray[np.int64]
    mtimes: NDArray[np.int64]
    """Seconds since 1970."""
    sizes: NDArray[np.int64]
    """The size field in bytes, for any type."""


def parse_number(field: bytes) -> int:
    """Parse a number field: octal text, or base-256 if its first bit is set. Raises `HeaderError`."""
    if field and field[0] & 0x80:
        negative = field[0] & 0x40
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if negative:
            value -= 1 << (8 * len(field) - 1)
        if not -(1 << 63) <= value < 1 << 63:
            raise HeaderError("a number is larger than 64 bits")
        return value
    text = field.strip(b" \0").split(b"\0", 1)[0]
    if not text:
        return 0
    if text.strip(b"01234567") or len(text) > 21:
        raise HeaderError(f"a number is not octal: {text[:24]!r}")
    return int(text, 8)


def parse_size(block: bytes) -> int:
    """Size field of a header in bytes, with a fast path for the common form. Raises `HeaderError`."""
    text = block[124:135]
    if text.isdigit() and block[135] in b"\0 ":
        try:
            return int(text, 8)
        except ValueError as error:
            raise HeaderError("a size is not octal") from error
    return parse_number(block[124:136])


def checksum_matches(block: bytes) -> bool:
    """Whether a header's checksum is right, as a sum of unsigned bytes, or of signed bytes as by old writers."""
    field = block[_CHECKSUM]
    try:
        stated = parse_number(field)
    except HeaderError:
        return False
    # Adler-32 sums bytes modulo 65521, which 256 bytes cannot reach, and is the fastest sum available in Python.
    halves = sum(zlib.adler32(half) & 0xFFFF for half in (block[:256], block[256:])) - 2
    unsigned = halves - sum(field) + len(field) * 32
    if stated == unsigned:
        return True
    signed = (*block[: _CHECKSUM.start], *block[_CHECKSUM.stop :])
    return bool(stated == unsigned - 256 * sum(byte > 127 for byte in signed))


def looks_like_header(block: bytes) -> bool:
    """Whether `block` is a complete tar header with the right checksum."""
    return len(block) == BLOCK and block != ZERO_BLOCK and checksum_matches(block)


def parse_headers(headers: bytes) -> tuple[HeaderColumns, int, str]:
    """Parse blocks of headers up to the first bad one: columns of the first k, k, and the problem of the next (empty if all are good)."""
    raw = np.frombuffer(headers, np.uint8).reshape(-1, BLOCK)
    good, problem = _verify_checksums(raw)
    raw = raw[:good]
    numbers: dict[str, NDArray[np.int64]] = {}
    for field, start, end in (
        ("mode", 100, 108),
        ("uid", 108, 116),
        ("gid", 116, 124),
        ("size", 124, 136),
        ("mtime", 136, 148),
    ):
        values, bad, message = _number_column(raw[:, start:end])
        numbers[field] = values
        if bad < good:
            good, problem = bad, f"{field}: {message}"
    raw = raw[:good]
    columns = HeaderColumns(
        names=_names(raw),
        links=_links(raw),
        types=raw[:, 156].copy(),
        modes=(numbers["mode"][:good] & 0o7777).astype(np.uint16),
        uids=numbers["uid"][:good],
        gids=numbers["gid"][:good],
        mtimes=numbers["mtime"][:good],
        sizes=numbers["size"][:good],
    )
    return columns, good, problem


def count_headers_without_data(data: memoryview) -> int:
    """Number of blocks at the start of `data` that, by type and size, are headers of entries without data; some may not be counted."""
    count = len(data) // BLOCK
    if not count:
        return 0
    raw = np.frombuffer(data, np.uint8, count * BLOCK).reshape(count, BLOCK)
    types, size = raw[:, 156], raw[:, 124:136]
    zero = (size[:, :11] == 0x30).all(axis=1) & ((size[:, 11] == 0) | (size[:, 11] == 0x20))
    without = (types >= 0x31) & (types <= 0x36) | (types == 0x30) & zero
    return count if without.all() else int(without.argmin())


def full_name(block: bytes) -> bytes:
    """The name in a header, with its prefix."""
    return _names(np.frombuffer(block, np.uint8).reshape(1, BLOCK))[0]


def is_gnu(block: bytes) -> bool:
    """Whether a header has the magic of GNU tar."""
    return block[_MAGIC] == GNU_MAGIC


def parse_device(block: bytes) -> int:
    """The device number of a header: major × 2³² + minor. Raises `HeaderError`."""
    return (parse_number(block[329:337]) & 0x7FFFFFFF) << 32 | (
        parse_number(block[337:345]) & 0xFFFFFFFF
    )


def _verify_checksums(raw: NDArray[np.uint8]) -> tuple[int, str]:
    """Number of leading headers with the right checksum, and the problem of the next."""
    if len(raw) <= FEW:
        for number, block in enumerate(raw):
            if not checksum_matches(block.tobytes()):
                return number, BAD_CHECKSUM
        return len(raw), ""
    sums = (
        raw.sum(axis=1, dtype=np.uint32) - raw[:, _CHECKSUM].sum(axis=1, dtype=np.uint32) + 8 * 32
    )
    stated, bad, _ = _number_column(raw[:, _CHECKSUM], digits=6)
    suspects = np.flatnonzero(sums != stated)
    for index in suspects.tolist():
        if index >= bad or not checksum_matches(raw[index].tobytes()):
            return min(index, bad), BAD_CHECKSUM
    return (bad, BAD_CHECKSUM) if bad < len(raw) else (len(raw), "")


def _number_column(
    field: NDArray[np.uint8], digits: int | None = None
) -> tuple[NDArray[np.int64], int, str]:
    """Values of a number field, the index of the first header where it is malformed (n if none), and the problem.

    Most writers use a fixed number of octal digits, `digits` (default: all bytes but one), and end the field with NULs or
    spaces. Such fields are converted together, others one by one.
    """
    if len(field) <= FEW:
        return _few_numbers(field)
    width = field.shape[1]
    count = width - 1 if digits is None else digits
    numerals = field[:, :count] - np.uint8(0x30)
    tail = field[:, count:]
    usual = (numerals < 8).all(axis=1) & ((tail == 0) | (tail == 0x20)).all(axis=1)
    powers = 8.0 ** np.arange(
        count - 1, -1, -1
    )  # exact: 11 digits are 33 bits, and a double has 53
    # Not BLAS, which aborts if it cannot allocate memory, and is slower here.
    values = np.einsum("ij,j->i", numerals.astype(np.float64), powers).astype(np.int64)
    for index in np.flatnonzero(~usual).tolist():
        try:
            values[index] = parse_number(field[index].tobytes())
        except HeaderError as error:
            return values, index, str(error)
    return values, len(field), ""


def _few_numbers(field: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int, str]:
    """The same, one by one."""
    values = np.zeros(len(field), np.int64)
    for index, header in enumerate(field):
        try:
            values[index] = parse_number(header.tobytes())
        except HeaderError as error:
            return values, index, str(error)
    return values, len(field), ""


def _strings(field: NDArray[np.uint8]) -> list[bytes]:
    """A text field of every header, up to its first NUL."""
    if not len(field):
        return []
    width = field.shape[1]
    texts: list[bytes] = np.ascontiguousarray(field).view(f"S{width}").ravel().tolist()
    return [text.split(b"\0", 1)[0] if b"\0" in text else text for text in texts]


def _links(raw: NDArray[np.uint8]) -> list[bytes]:
    """Link targets, which few headers have."""
    links = [b""] * len(raw)
    linked = raw[:, 157].nonzero()[0]
    for index, link in zip(linked.tolist(), _strings(raw[linked, 157:257]), strict=True):
        links[index] = link
    return links


def _names(raw: NDArray[np.uint8]) -> list[bytes]:
    """Names, with their prefixes if any."""
    names = _strings(raw[:, 0:100])
    for index in raw[:, _PREFIX].nonzero()[0].tolist():
        header = raw[index]
        magic = header[_MAGIC].tobytes()
        if magic.startswith(b"ustar\0"):
            end = _PREFIX + (131 if header[_TRAILER].tobytes() == b"tar\0" else 155)
        elif magic == GNU_MAGIC and _prefix_instead_of_times(header):
            end = _PREFIX + 155
        else:
            continue
        prefix = header[_PREFIX:end].tobytes().split(b"\0", 1)[0]
        names[index] = prefix + b"/" + names[index]
    return names


def _prefix_instead_of_times(header: NDArray[np.uint8]) -> bool:
    """Whether a GNU header has a prefix instead of times, as Go wrote before 1.8."""
    times = header[_PREFIX:369].tobytes()
    try:
        for field in (times[:12], times[12:]):
            if field[0]:
                parse_number(field)
    except HeaderError:
        return header[_PREFIX:500].tobytes().split(b"\0", 1)[0].isascii()
    return False
