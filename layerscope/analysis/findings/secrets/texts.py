"""The kinds of secrets in a text: by their own format, and where the file's format keeps them."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from layerscope.analysis.findings.secrets.detectors import MARKS, detect
from layerscope.analysis.findings.secrets.files import Formats
from layerscope.analysis.marks import Content

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _is_utf16(content: Content) -> bool:
    """Whether a text is UTF-16, as PowerShell writes it; marks are searched for in UTF-8."""
    return content[:2] in _UTF16


def may_hold_secrets(contents: Sequence[Content]) -> set[int]:
    """Which of these contents may contain a secret with a known format; all others certainly contain none."""
    numbers = set(MARKS.holders(contents))
    numbers.update(number for number, content in enumerate(contents) if _is_utf16(content))
    return numbers


def kinds_in(data: bytes, formats: Formats | None) -> frozenset[str]:
    """The kinds of secrets in a file of these formats, never the secrets; none in a binary file."""
    if _is_utf16(data):
        data = data.decode("utf-16", errors="replace").encode(errors="replace")
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        return frozenset(() if formats is None else formats.kinds_of_binary(data))
    kinds = detect(data)
    if formats is not None:
        kinds |= formats.kinds(data.decode(errors="replace")) | formats.kinds_of_binary(data)
    return frozenset(kinds)
