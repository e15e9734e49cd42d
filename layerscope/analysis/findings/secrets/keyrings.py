"""Private keys of OpenPGP and GnuPG: as packets, armoured, and as stored by GnuPG (RFC 9580)."""

from __future__ import annotations

import base64
import binascii
import re

_SECRET = (5, 7)
"""Tags of packets with a secret key or subkey."""
_NUMBERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4, 20: 3}
"""Algorithm → number of integers in its public key."""
_CURVES = {18, 19, 22}
"""Algorithms whose public keys begin with the name of a curve."""
_FIXED = {25: 32, 26: 56, 27: 32, 28: 57}
"""Algorithm → size of its public key in bytes."""
_MAX_PACKETS = 32
_HEADER = re.compile(rb"\A(?:[A-Za-z][A-Za-z0-9-]{0,40}: ?[^\n]{0,400}\n){0,10}")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
_BARE = (b"(11:private-key(", b"(private-key")
"""How GnuPG's own files begin, after `Key: `, if the key needs no passphrase."""


def armour_is_protected(body: bytes) -> bool:
    """Whether all secret keys in an armour need a passphrase; false if it cannot be parsed. `body` follows its first line."""
    text = body.replace(b"\\r", b"").replace(b"\\n", b"\n").replace(b"\r", b"").lstrip(b" \t\n")
    text = text[_HEADER.match(text).end() :] if _HEADER.match(text) else text  # type: ignore[union-attr]
    text = re.split(rb"\n=[A-Za-z0-9+/]{4}|-----END", text, maxsplit=1)[0]
    text = _NOT_BASE64.sub(b"", text).partition(b"=")[0]
    try:
        data = base64.b64decode(text[: len(text) // 4 * 4])
    except (binascii.Error, ValueError):
        return False
    return _protections(data) == {True}


def holds_unprotected(data: bytes) -> bool:
    """Whether a binary keyring or a GnuPG key file has a private key that needs no passphrase."""
    start = data[:4096].find(b"Key: ")
    if data.startswith(_BARE[0]) or (
        start >= 0 and data[start + 5 : start + 80].lstrip().startswith(_BARE)
    ):
        return True
    return False in _protections(data)


def _protections(data: bytes) -> set[bool]:
    """Whether each readable secret key in a sequence of packets needs a passphrase."""
    protections: set[bool] = set()
    at = 0
    for _ in range(_MAX_PACKETS):
        packet = _packet(data, at)
        if packet is None:
            break
        tag, start, length = packet
        if tag in _SECRET:
            protected = _is_protected(data[start : start + length])
            if protected is not None:
                protections.add(protected)
        at = start + length
    return protections


def _packet(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Tag, start and length of the packet at a position; None if it cannot be part of a key."""
    if at + 2 > len(data) or not data[at] & 0x80:
        return None
    first, second = data[at], data[at + 1]
    if first & 0x40:
        tag = first & 0x3F
        if second < 192:
            return tag, at + 2, second
        if second < 224 and at + 3 <= len(data):
            return tag, at + 3, ((second - 192) << 8) + data[at + 2] + 192
        if second == 255:
            return tag, at + 6, int.from_bytes(data[at + 2 : at + 6])
        return None
    size = first & 3
    if size == 3:
        return None
    width = 1 << size
    return (first >> 2) & 0x0F, at + 1 + width, int.from_bytes(data[at + 1 : at + 1 + width])


def _is_protected(body: bytes) -> bool | None:
    """Whether a secret key is protected, from the octet after the public key; None if that is missing, or the key is not in the
    file.
    """
    if len(body) < 8 or body[0] not in (3, 4, 5, 6):
        return None
    algorithm = body[7] if body[0] == 3 else body[5]
    at = 8 if body[0] == 3 else 6
    if body[0] in (5, 6):
        at += 4  # the length of the public key
    if algorithm in _FIXED:
        at += _FIXED[algorithm]
    else:
        numbers = _NUMBERS.get(algorithm, 1 if algorithm in _CURVES else 0)
        if not numbers:
            return None
        if algorithm in _CURVES:
            at += 1 + (body[at] if at < len(body) else 0)
        for _ in range(numbers):
            if at + 2 > len(body):
                return None
            at += 2 + (int.from_bytes(body[at : at + 2]) + 7) // 8
        if algorithm == 18:  # how ECDH wraps keys
            at += 1 + (body[at] if at < len(body) else 0)
    if at + 1 >= len(body):
        return None
    usage = body[at]
    # GnuPG's own kinds: the key is elsewhere, or on a card.
    if usage in (254, 255) and body[at + 2 : at + 4].startswith(b"\x65"):
        return None
    return usage != 0
