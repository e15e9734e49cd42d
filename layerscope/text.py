"""Text for people: names that cannot harm a terminal, sizes, shares and ages."""

from __future__ import annotations

import datetime
import re

import humanize

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls, bidirectional and zero-width characters, lone surrogates, tags: all that moves, hides or reorders text."""

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}


def safe_name(text: str | bytes) -> str:
    """`text` on one line, with everything that could act on a terminal shown as an escape."""
    if isinstance(text, bytes):
        text = text.decode(errors="surrogateescape")
    return _UNSAFE.sub(_escape, text) if _UNSAFE.search(text) else text


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def clip(text: str, width: int) -> str:
    """`text` cut to `width` characters, with an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def size(count: int, *, binary: bool = False) -> str:
    """Bytes in three or four digits: 645 B, 1.4 kB, 994 kB, 130.5 MB; powers of 1024 with `binary`."""
    base = 1024 if binary else 1000
    if abs(count) < base:
        return f"{count} B"
    text = humanize.naturalsize(count, binary=binary, format="%.1f")
    number, unit = text.split(" ")
    if unit in ("kB", "KiB") and abs(float(number)) >= 100:
        number = f"{round(float(number))}"
    return f"{number} {unit}"


def exact_size(count: int) -> str:
    """Bytes in full: 130,453,239 B."""
    return f"{count:,} B"


def count_of(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 layer, 2,188 rows."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(part: float, whole: float) -> str:
    """A share: 1.5 %, 64 %; 0 % of nothing."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "<0.1 %"
    if 99.9 < share < 100:
        return ">99.9 %"
    return (
        f"{share:.0f} %"
        if (share >= 10 and share == round(share)) or share == 0
        else f"{share:.1f} %"
    )


def mode_text(mode: int, kind: str) -> str:
    """Permission bits as `ls` writes them; `kind` is the letter of the type."""
    bits = "".join(
        letter if mode & (0o400 >> place) else "-" for place, letter in enumerate("rwxrwxrwx")
    )
    special = ((0o4000, 2, "s", "S"), (0o2000, 5, "s", "S"), (0o1000, 8, "t", "T"))
    letters = list(bits)
    for bit, place, with_x, without_x in special:
        if mode & bit:
            letters[place] = with_x if letters[place] == "x" else without_x
    return kind + "".join(letters)


def date_of(created: str | None) -> str | None:
    """The day of an RFC 3339 time; None for what is none, and for the dates that reproducible builds write."""
    if created is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(
            re.sub(r"(\.\d{1,6})\d*", r"\1", created.replace("Z", "+00:00"))
        )
    except ValueError:
        return None
    return f"{moment:%Y-%m-%d}" if moment.year > 1980 else None


def time_of(seconds: int) -> str:
    """A file's time, in UTC; the number itself where no calendar has it."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return str(seconds)
    return f"{moment:%Y-%m-%d %H:%M}"


def short_digest(digest: str | None) -> str:
    """The first twelve digits of a digest, with its algorithm."""
    if digest is None:
        return "unknown"
    algorithm, colon, encoded = digest.partition(":")
    return f"{algorithm}{colon}{encoded[:12]}"
