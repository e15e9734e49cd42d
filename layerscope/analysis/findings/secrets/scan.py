"""All texts of an image that may hold secrets, looked through once for all rules about secrets."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.secrets.detectors import MARKS, detect
from layerscope.analysis.findings.secrets.reading import files_to_read
from layerscope.analysis.marks import Content
from layerscope.analysis.scan_files import scan_files

_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

UNREAD_KEY = "looks like a private key by its name"
"""The kind of a file that is too large to be looked into."""
UNREAD = "looks like credentials by its name"
"""The same for any other file with a telling name."""


class SecretScan:
    """Looks into texts. What is damaged holds no secret; what has a telling name and is too large may hold one."""

    def __init__(self, evidence: Evidence) -> None:
        self.found: dict[int, frozenset[str]] = {}
        """The kinds of secrets in each inode that holds any; never the secrets."""
        reading = files_to_read(evidence)
        self._wanted = reading.inodes
        self._formats = reading.formats
        keys = set(reading.unread_keys.tolist())
        for inode in reading.unread.tolist():
            self.found[inode] = frozenset((UNREAD_KEY if inode in keys else UNREAD,))

    def wanted(self) -> NDArray[np.int32]:
        """Files with telling names, and small ones where people put texts."""
        return self._wanted

    def scan(self, inodes: Sequence[int], contents: Sequence[Content]) -> None:
        """Look into those of some files that hold a mark of a secret, or have a format with a place for one."""
        some = set(MARKS.holders(contents))
        some.update(number for number, inode in enumerate(inodes) if inode in self._formats)
        some.update(
            number for number, content in enumerate(contents) if content[:2] in _BYTE_ORDER_MARKS
        )
        for number in some:
            text = _as_utf8(bytes(contents[number]))
            kinds = frozenset() if b"\0" in text else self._kinds(inodes[number], text)
            if kinds:
                self.found[inodes[number]] = kinds

    def _kinds(self, inode: int, text: bytes) -> frozenset[str]:
        kinds = detect(text)
        formats = self._formats.get(inode)
        if formats is not None:
            kinds |= formats.kinds(text.decode(errors="replace"))
        return frozenset(kinds)


def find_secrets(evidence: Evidence) -> Mapping[int, frozenset[str]]:
    """The kinds of secrets in each inode that holds any."""
    scan = SecretScan(evidence)
    scan_files(evidence.filesystem, evidence.contents, [scan], evidence.progress)
    return scan.found


def _as_utf8(data: bytes) -> bytes:
    """A text without its byte order mark; what has that of UTF-16, as PowerShell writes it, as UTF-8."""
    if data.startswith(_BYTE_ORDER_MARKS):
        return data.decode("utf-16", errors="replace").encode(errors="replace")
    return data.removeprefix(codecs.BOM_UTF8)
