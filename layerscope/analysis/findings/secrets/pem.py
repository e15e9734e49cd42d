"""Private keys in text: PEM or OpenPGP armour anywhere, and the formats of PuTTY, age and GnuPG."""

from __future__ import annotations

import re

from layerscope.analysis.findings.secrets.keyrings import armour_is_protected

MARKS = (
    r"PRIVATE KEY(?: BLOCK)?-----",
    r"PuTTY-User-Key-File-[0-9]:",
    r"AGE-SECRET-KEY-1[0-9A-Z]",
    r"Key: \(private-key",
)
"""Hyperscan expressions: every text with a private key matches one."""
_BEGIN = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]:"
    rb"|AGE-SECRET-KEY-1[0-9A-Z]{58}|Key: \(private-key \("
)
_BODY = re.compile(
    rb"""(?:\\[nr]|[\s"'+,;|>#*.()\\-]|(?:Version|Comment|MessageID|Hash|Charset):[^\n]{0,200}\n){0,100}([A-Za-z0-9+/]{40,})"""
)
"""The text after the first line: base64, possibly inside strings, comments or lists."""
_ARMOUR = 16_384
"""Maximum bytes of an armour that are read: the protection of a key is stated after its public part."""
_ARMOURS = 50
"""Maximum armours of one file that are read."""
_NEXT = 400
"""Bytes after a first line within which its key has to begin."""
_EXAMPLES = re.compile(rb"EXAMPLE|example|XXXX|xxxx|AAAAAAAAAAAAAAAAAAAAAAAA")


def holds_private_key(data: bytes) -> bool:
    """Whether a text contains a private key that needs no passphrase. Its first line alone proves nothing: programs contain it, too."""
    armours = 0
    for begin in _BEGIN.finditer(data):
        after = data[begin.end() : begin.end() + _NEXT]
        if begin[0].startswith(b"PuTTY"):
            if b"Encryption: none" in after:
                return True
            continue
        if begin[0].startswith((b"AGE", b"Key")):
            return True
        if begin[0].endswith(b"BLOCK-----"):
            armours += 1
            if armours <= _ARMOURS and armour_is_protected(
                data[begin.end() : begin.end() + _ARMOUR]
            ):
                continue
        if b"ENCRYPTED" in begin[0] or b"ENCRYPTED" in after[: _NEXT // 2]:
            continue
        body = _BODY.match(after)
        if body is not None and not _EXAMPLES.search(body[1]):
            return True
    return False
