"""What the files of the sample image hold: some word for word, the others filled in by kind.

Contents follow from paths alone. Texts are passages of `manifest.txt`, whose @words@ are replaced
by words of its tables; binary files begin as real ones do.
"""

from __future__ import annotations

import re
import struct
from base64 import encodebytes
from binascii import crc32
from functools import lru_cache
from hashlib import shake_128
from pathlib import Path
from zlib import adler32

MANIFEST = Path(__file__).with_name("manifest.txt").read_text("utf-8")
_BLOCKS = re.findall(r"^(===|---) (.+)\n((?:(?!===|---).*\n)*)", MANIFEST, re.MULTILINE)
TEXTS: dict[str, bytes] = {name: text.encode() for mark, name, text in _BLOCKS if mark == "==="}
"""Files word for word, by their paths."""
_STOCK = 241
"""Number of filled passages per kind: a prime, so that every stride visits all of them."""
_TABLE = MANIFEST.partition("\n[kinds]\n")[2].partition("\n[")[0]
_KINDS = [(re.compile(line.split()[1]), line.split()[0]) for line in _TABLE.splitlines()]
_HEADS = {
    "elf": b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQ", 3, 62, 1, 0x1060, 64) + bytes(24),
    "archive": b"!<arch>\npart.o/         0           0     0     644     6000      `\n",
    "sqlite": b"SQLite format 3\0\x10\0\x01\x01\0@  ",
    "font": b"wOF2\x00\x01\x00\x00",
    "zone": b"TZif2",
    "pyc": b"\xa7\r\r\n" + bytes(4),
    "noise": b"",
}  # fmt: skip
_CODE = bytes.fromhex("554889e5415741564883ec185b5dc39031c04885c07408eb0a488b45084c89e7f30f1efa")


def content(path: str, size: int | None, kind: str = "") -> bytes:
    """The bytes of a file: word for word, or about `size` (or as usual) of the kind that its path has."""
    if path in TEXTS:
        return TEXTS[path]
    kind = kind or next((kind for found, kind in _KINDS if found.search(path)), "settings")
    size = noise(path, 1)[0] * 2 + (size or (8000 if kind == "elf" else 400))
    if kind == "png":
        return _png(path, size)
    if kind == "pem":
        name = b"CERTIFICATE" if path.endswith(".crt") else b"PGP PUBLIC KEY BLOCK"
        body = encodebytes(noise(path, size * 3 // 4))
        return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (name, body, name)
    if kind == "rows":
        rows = "".join(f"{n}\tLantern no. {n}\t{n * 37 % 196}.90\n" for n in range(size // 32))
        return f"COPY product (id, name, price) FROM stdin;\n{rows}\\.\n".encode()
    if kind in _HEADS:
        head = _HEADS[kind] + noise(path, 20) + path.encode() + b"\0"
        fill = _code if kind in ("elf", "archive", "pyc") else noise
        return head + fill(path, size - len(head))
    return text(kind, path, size)


def noise(name: str, size: int) -> bytes:
    """Bytes without any pattern, always the same for a name."""
    return shake_128(name.encode()).digest(max(size, 0))


def _code(path: str, size: int) -> bytes:
    """Bytes that look like machine code."""
    pool = _machine_code()
    start = int.from_bytes(noise(path, 2), "big")
    return (pool[start : start + size] + pool * (size // len(pool) + 1))[: max(size, 0)]


@lru_cache
def _machine_code() -> bytes:
    order = noise("machine code", 1 << 16)
    return b"".join([_CODE[byte % 12 * 3 : byte % 12 * 3 + 1 + byte % 5] for byte in order])


def text(kind: str, path: str, size: int) -> bytes:
    """Passages of a kind after its header, about `size` bytes."""
    seed, stock = noise(path, 8), _stock(kind)
    parts = [_filled(head, path, seed) for head in _passages(f"{kind} head")]
    length, at = sum(map(len, parts)), seed[0]
    while length < size:
        parts.append(stock[at % _STOCK])
        length, at = length + len(parts[-1]), at + 1 + seed[1] % 60
    return "".join(parts).encode()


@lru_cache
def _passages(kind: str) -> list[str]:
    return [text for mark, name, text in _BLOCKS if (mark, name) == ("---", kind)]


@lru_cache
def _stock(kind: str) -> list[str]:
    seeds = [noise(f"{kind} {number}", 8) for number in range(_STOCK)]
    passages = _passages(kind)
    return [_filled(passages[at % len(passages)], "", seed) for at, seed in enumerate(seeds)]


def _filled(passage: str, path: str, seed: bytes) -> str:
    """A passage with words in place of @noun@, @Noun@ and @NOUN@."""
    stem = path.rpartition("/")[2].partition(".")[0] or path
    words = {"path": path, "stem": stem.strip("_").replace("_", " ")}
    for at, name in enumerate(("verb", "noun", "other", "trait", "number")):
        choices = _passages(name)[0].split()
        words[name] = choices[seed[at] % len(choices)]

    def word(found: re.Match[str]) -> str:
        value = words[found[1].lower()]
        if found[1].islower():
            return value
        return value.upper() if found[1].isupper() else value.title()

    return re.sub(f"@({'|'.join(words)})@", word, passage, flags=re.IGNORECASE)


def deflated(data: bytes) -> bytes:
    """`data` as deflate's stored blocks (RFC 1951, 3.2.4): the same bytes with every zlib."""
    blocks = [data[start : start + 65535] for start in range(0, len(data), 65535)] or [b""]
    heads = [
        struct.pack("<BHH", at == len(blocks) - 1, len(block), len(block) ^ 0xFFFF)
        for at, block in enumerate(blocks)
    ]
    return b"".join(part for pair in zip(heads, blocks, strict=True) for part in pair)


def gzip(data: bytes) -> bytes:
    """`data` as a gzip file (RFC 1952)."""
    end = struct.pack("<II", crc32(data), len(data))
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\x03" + deflated(data) + end


def _png(path: str, size: int) -> bytes:
    """A gradient between two colours with some noise, 64 pixels wide."""
    height, (red, green, blue) = max(size // 193, 16), noise(path, 3)
    grain = noise(f"{path} grain", 64)
    row = [
        bytes(v & 255 for g in grain for v in (red + y + g % 9, green + y, blue))
        for y in range(height)
    ]
    pixels = b"".join(b"\0" + line for line in row)
    size_and_depth = struct.pack(">IIBBBBB", 64, height, 8, 2, 0, 0, 0)
    data = b"\x78\x01" + deflated(pixels) + struct.pack(">I", adler32(pixels))
    chunks = ((b"IHDR", size_and_depth), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))
        for kind, body in chunks
    )
