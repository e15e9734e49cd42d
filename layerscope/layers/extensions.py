"""Parses PAX and GNU extension headers (POSIX pax; GNU tar's `L`, `K` and sparse formats)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from layerscope.layers.tarheader import BLOCK, HeaderColumns, HeaderError, is_gnu, parse_number
from layerscope.limits import Limits

XATTR = b"SCHILY.xattr."
SPARSE = b"GNU.sparse."
_SPARSE_0_0 = (SPARSE + b"offset", SPARSE + b"numbytes")
"""Repeated, alternating keys of PAX sparse files, version 0.0."""
_NAMES = frozenset((b"path", b"linkpath", b"uname", b"gname"))
_SEGMENT_COST = 128
"""Memory in bytes of a segment of a sparse map."""


@dataclass(frozen=True, slots=True)
class SparseMap:
    """Positions of the stored bytes in a sparse file."""

    real_size: int
    """Size of the file in bytes, including holes."""
    segments: tuple[tuple[int, int], ...]
    """(offset in the file, length) of each run of stored bytes."""
    skip: int = field(compare=False)
    """Bytes of the map at the start of the payload."""

    @property
    def stored(self) -> int:
        """Total bytes of the segments."""
        return sum(length for _, length in self.segments)

    def digest(self, stored: bytes) -> bytes:
        """A SHA-256 for the content, computed from that of its stored bytes. It never equals that of a dense file."""
        return hashlib.sha256(b"sparse %d %a" % (self.real_size, self.segments) + stored).digest()


class Extension(Struct):
    """Fields of an entry that its extension headers override; None for the others."""

    name: bytes | None = None
    link: bytes | None = None
    long_name: bytes | None = None
    """GNU long name, which takes precedence over PAX."""
    long_link: bytes | None = None
    size: int | None = None
    uid: int | None = None
    gid: int | None = None
    mtime: int | None = None
    xattrs: bytes = b""
    """Extended attributes, packed by `pack_xattrs`; empty for none."""
    sparse: SparseMap | None = None
    sparse_records: dict[bytes, bytes] = msgspec.field(default_factory=dict)

    @property
    def cost(self) -> int:
        """Its size in memory, in bytes."""
        texts = len(self.name or b"") + len(self.link or b"") + len(self.xattrs)
        return texts + (_SEGMENT_COST * len(self.sparse.segments) if self.sparse else 0)

    def override(self, columns: HeaderColumns, index: int) -> None:
        """Apply the overrides to the fields of an entry."""
        for texts, text in ((columns.names, self.name), (columns.links, self.link)):
            if text is not None:
                texts[index] = text
        for numbers, number in (
            (columns.sizes, self.size),
            (columns.uids, self.uid),
            (columns.gids, self.gid),
            (columns.mtimes, self.mtime),
        ):
            if number is not None:
                numbers[index] = number


def parse_pax(payload: bytes) -> Extension:
    """Parse the records of a PAX header block. Raises `HeaderError` where Go's reader does.

    The last record of a key counts. A record without a value removes the key, except for extended attributes, which may
    be empty.
    """
    records: dict[bytes, bytes] = {}
    numbers: list[bytes] = []
    position = 0
    while position < len(payload):
        key, value, position = _record(payload, position)
        if key not in _SPARSE_0_0:
            records[key] = value
        elif key != _SPARSE_0_0[len(numbers) % 2] or b"," in value:
            raise HeaderError("the map of a sparse file is out of order")
        else:
            numbers.append(value)
    if numbers:
        records[SPARSE + b"map"] = b",".join(numbers)
    extension = Extension()
    xattrs: dict[bytes, bytes] = {}
    for key, value in records.items():
        if key.startswith(XATTR):
            xattrs[key[len(XATTR) :]] = value
        elif not value:
            continue
        elif key == b"path":
            extension.name = value
        elif key == b"linkpath":
            extension.link = value
        elif key == b"size":
            extension.size = _decimal(value)
        elif key == b"uid":
            extension.uid = _decimal(value)
        elif key == b"gid":
            extension.gid = _decimal(value)
        elif key == b"mtime":
            extension.mtime = _seconds(value)
        elif key in (b"atime", b"ctime"):
            _seconds(value)  # Go also rejects these if malformed
        elif key.startswith(SPARSE):
            extension.sparse_records[key[len(SPARSE) :]] = value
    extension.xattrs = pack_xattrs(xattrs)
    return extension


def pack_xattrs(xattrs: dict[bytes, bytes]) -> bytes:
    """Pack extended attributes as one byte string, which is equal if and only if the attributes are."""
    return b"".join(
        b"%d:%b%d:%b" % (len(key), key, len(value), value) for key, value in sorted(xattrs.items())
    )


def unpack_xattrs(packed: bytes) -> dict[bytes, bytes]:
    """Unpack the result of `pack_xattrs`."""
    parts: list[bytes] = []
    position = 0
    while position < len(packed):
        colon = packed.index(b":", position)
        end = colon + 1 + int(packed[position:colon])
        parts.append(packed[colon + 1 : end])
        position = end
    return dict(zip(parts[::2], parts[1::2], strict=True))


def sparse_from_records(
    extension: Extension, size: int, read_block: Callable[[], bytes], limits: Limits
) -> SparseMap | None:
    """The map of a PAX sparse file, versions 0.0, 0.1 and 1.0 (whose map is read from the payload by `read_block`).

    None if the records describe no known version. Moves the real name into the extension. `size` is that of the entry in
    bytes, used if the records do not give the real size.
    """
    records = extension.sparse_records
    major, minor = records.get(b"major", b""), records.get(b"minor", b"")
    if (major, minor) == (b"1", b"0"):
        inline = True
    elif (major, minor) in ((b"0", b"0"), (b"0", b"1")) or (
        not major and not minor and b"map" in records
    ):
        inline = False
    else:
        return None
    if records.get(b"name"):
        extension.name = records[b"name"].split(b"\0", 1)[0]
    real_size = records.get(b"size") or records.get(b"realsize")
    if inline:
        numbers, skip = _inline_map(read_block, limits)
    else:
        text, skip = records.get(b"map", b""), 0
        numbers = [_decimal(number) for number in text.split(b",")] if text else []
        if _decimal(records.get(b"numblocks", b"%d" % (len(numbers) // 2))) != len(numbers) / 2:
            raise HeaderError("the map of a sparse file is not as long as it says")
    return _sparse_map(size if real_size is None else _decimal(real_size), numbers, skip)


def sparse_from_gnu_header(
    block: bytes, read_block: Callable[[], bytes], limits: Limits
) -> SparseMap:
    """The map of an old GNU sparse file, from its header and the blocks after it, which are not part of its size."""
    if not is_gnu(block):
        raise HeaderError("a sparse file is not of the kind that GNU tar writes")
    numbers: list[int] = []
    table, count, continued = block[386:482], 4, block[482]
    read = 0
    while True:
        for index in range(count):
            pair = table[24 * index : 24 * index + 24]
            if not pair[0]:
                break
            numbers += (parse_number(pair[:12]), parse_number(pair[12:]))
        if not continued:
            return _sparse_map(parse_number(block[483:495]), numbers, 0)
        read += BLOCK
        if read > limits.header_bytes:
            raise _too_long(limits)
        table = read_block()
        count, continued = 21, table[504]


def _too_long(limits: Limits) -> HeaderError:
    return HeaderError(
        f"the map of a sparse file is longer than {limits.header_bytes:,} bytes (raise the limit: --limit header_bytes=NUMBER)"
    )


def _record(payload: bytes, position: int) -> tuple[bytes, bytes, int]:
    """Key and value of the record `LEN KEY=VALUE\\n` at `position`, and the position of the next."""
    space = payload.find(b" ", position, position + 20)
    digits = payload[position:space]
    if space < 0 or not digits.isdigit():
        raise HeaderError("a PAX record has no length")
    end = position + int(digits)
    equals = payload.find(b"=", space + 1, end - 1)
    if end > len(payload) or payload[end - 1 : end] != b"\n" or equals <= space + 1:
        raise HeaderError("a PAX record is malformed")
    key, value = payload[space + 1 : equals], payload[equals + 1 : end - 1]
    if b"\0" in (value if key in _NAMES else key):
        raise HeaderError("a PAX record has a NUL in a name")
    return key, value, end


def _decimal(text: bytes) -> int:
    """A decimal number of at most 64 bits."""
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    if (
        not digits.isdigit()
        or len(digits.lstrip(b"0")) > 19
        or not -(1 << 63) <= int(text) < 1 << 63
    ):
        raise HeaderError(f"a PAX number is malformed: {text[:24]!r}")
    return int(text)


def _seconds(text: bytes) -> int:
    """A PAX time in whole seconds, floored."""
    integer, _, fraction = text.partition(b".")
    seconds = _decimal(integer)
    if fraction and not fraction.isdigit():
        raise HeaderError(f"a PAX time is malformed: {text[:24]!r}")
    return seconds - 1 if integer.startswith(b"-") and fraction.strip(b"0") else seconds


def _inline_map(read_block: Callable[[], bytes], limits: Limits) -> tuple[list[int], int]:
    """The numbers of a PAX 1.0 map and its size in bytes: a count, then offset and length of each segment, one per line."""
    text = bytearray()
    blocks = 0
    line_count: int | None = None
    lines = 0
    while line_count is None or lines < line_count:
        block = read_block()
        blocks += 1
        if blocks * BLOCK > limits.header_bytes:
            raise _too_long(limits)
        text += block
        lines += block.count(b"\n")
        if line_count is None and lines:
            line_count = 1 + 2 * _decimal(bytes(text[: text.index(b"\n")]))
            if line_count < 1:
                raise HeaderError("the map of a sparse file is malformed")
    return [_decimal(line) for line in bytes(text).split(b"\n")[1:line_count]], blocks * BLOCK


def _sparse_map(real_size: int, numbers: list[int], skip: int) -> SparseMap:
    """A map checked to be in order, inside the file, and without overlaps. Raises `HeaderError`."""
    if len(numbers) % 2 or real_size < 0:
        raise HeaderError("the map of a sparse file is malformed")
    segments = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    end = 0
    for offset, length in segments:
        if length < 0 or offset < end or offset + length > real_size:
            raise HeaderError("the map of a sparse file contradicts its size")
        end = offset + length
    return SparseMap(real_size, segments, skip)
