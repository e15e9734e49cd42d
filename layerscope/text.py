"""Text for people: names that cannot harm a terminal, widths, sizes, shares and dates."""

from __future__ import annotations

import codecs
import datetime
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # reorders text
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d"  # is invisible or alters its neighbours
    "\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # bytes that are not UTF-8
    "]"
)
"""Characters that move, hide or reorder text."""
_UNSAFE_IN_LINES = re.compile(rf"(?![\n\t]){_UNSAFE.pattern}")
"""The same without line ends and tabs."""

_CI_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")

_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}

_SIZES = {"binary": False}
"""Whether powers of 1024 are the default for sizes."""

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def safe_name(text: str | bytes) -> str:
    """`text` on one line, with everything that could act on a terminal shown as an escape."""
    if isinstance(text, bytes):
        text = text.decode(errors="surrogateescape")
    return _UNSAFE.sub(_escape, text)


def log_line(text: str | bytes) -> str:
    """`safe_name` without CI commands, for text in the middle of a log line."""
    return without_ci_commands(safe_name(text))


def without_ci_commands(text: str) -> str:
    """`text` without commands that CI services recognize anywhere in a line: `##[command]`, `##name[command]`.

    Sources: actions/runner, ActionCommand.cs; Azure Pipelines, logging commands; TeamCity, service messages.
    """
    return _CI_COMMAND.sub("# #", text) if "##" in text else text


def safe_lines(text: str, *, tabs: bool = False) -> str:
    """`text` with its lines, tabs as spaces unless `tabs` keeps them, and everything else that could act on a terminal shown as
    an escape."""
    safe = _UNSAFE_IN_LINES.sub(_escape, text)
    return safe if tabs else safe.expandtabs(4)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


class SafeLines:
    """Makes a byte stream safe: lines and tabs stay, everything else that could act on a terminal becomes an escape."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode

    def feed(self, piece: bytes) -> str:
        """The next bytes as text; an incomplete character is kept for the next call."""
        return _UNSAFE_IN_LINES.sub(_escape, self._decode(piece))

    def end(self) -> str:
        """What is left at the end of the stream, as text."""
        return _UNSAFE_IN_LINES.sub(_escape, self._decode(b"", True))


def cells(text: str) -> int:
    """Columns that safe `text` takes in a terminal: two for a wide character, none for a combining one."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(1 << 14)
def _width(character: str) -> int:
    """Columns of one character."""
    category = unicodedata.category(character)
    hangul_tail = "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7fb"
    if category.startswith("M") or hangul_tail:
        return 0
    wide = unicodedata.east_asian_width(character) in ("W", "F") and category != "Cn"
    return 2 if wide else 1


def clip(text: str, width: int) -> str:
    """`text` cut to `width` columns, with an ellipsis where its end is missing, never two in a row."""
    if len(text) <= width and (text.isascii() or cells(text) <= width):
        return text
    if fitting(text, width) == len(text):
        return text
    return text[: fitting(text, width - 1)].rstrip("…") + "…"[: max(width, 0)]


def clip_start(text: str, width: int) -> str:
    """A path cut to `width` columns, with an ellipsis where its start is missing; at a slash if one is near."""
    backwards = text[::-1]
    if fitting(backwards, width) == len(text):
        return text
    end = text[len(text) - fitting(backwards, width - 1) :]
    while end and not _width(end[0]):
        end = end[1:]  # marks of a character that is cut off
    end = end[max(end.find("/", 0, len(end) // 3), 0) :].lstrip("…")
    return "…"[: max(width, 0)] + end


def clip_middle(text: str, width: int) -> str:
    """A name cut to `width` columns, with an ellipsis in its middle: the end of a name, such as its extension, matters more."""
    if fitting(text, width) == len(text):
        return text
    start = text[: fitting(text, max(width - 1, 0) // 3)]
    backwards = text[: len(start) - 1 : -1] if start else text[::-1]
    end = text[len(text) - fitting(backwards, width - 1 - cells(start)) :]
    while end and not _width(end[0]):
        end = end[1:]  # marks of a character that is cut off
    return start.rstrip("…") + "…"[: max(width, 0)] + end.lstrip("…")


def fitting(text: str, width: int) -> int:
    """How many characters of `text` fit `width` columns."""
    if text.isascii():
        return min(len(text), max(width, 0))
    for index, character in enumerate(text):
        width -= _width(character)
        if width < 0:
            return index
    return len(text) if width >= 0 else 0


def bar(part: float, whole: float, width: int) -> str:
    """A bar of eighth blocks, at most `width` columns; at least one eighth if the share is 0.5 % or more."""
    share = min(max(part / whole, 0.0), 1.0) if whole else 0.0
    eighths = round(share * width * 8) or (share >= 0.005)
    full, rest = divmod(eighths, 8)
    return "█" * full + _EIGHTHS[rest]


def use_binary_sizes(binary: bool) -> None:
    """Make powers of 1024 the default for sizes, for the explorer."""
    _SIZES["binary"] = binary


@contextmanager
def binary_sizes(binary: bool) -> Iterator[None]:
    """Set whether powers of 1024 are the default for sizes inside the `with` block."""
    before = _SIZES["binary"]
    _SIZES["binary"] = binary
    try:
        yield
    finally:
        _SIZES["binary"] = before


def uses_binary_sizes() -> bool:
    """Whether powers of 1024 are the default."""
    return _SIZES["binary"]


def size(count: int, *, binary: bool | None = None) -> str:
    """Bytes in three or four digits: 645 B, 1.4 kB, 994 kB, 130.5 MB; powers of 1024 with `binary`."""
    import humanize

    binary = _SIZES["binary"] if binary is None else binary
    if abs(count) < (1024 if binary else 1000):
        return f"{count} B"
    number, unit = humanize.naturalsize(count, binary=binary, format="%.1f").split(" ")
    if unit in ("kB", "KiB") and abs(float(number)) >= 100:
        whole, rounded_unit = humanize.naturalsize(count, binary=binary, format="%.0f").split(" ")
        return f"{whole if rounded_unit == unit else whole + '.0'} {rounded_unit}"
    return f"{number} {unit}"


def exact_size(count: int) -> str:
    """Bytes in full: 130,453,239 B."""
    return f"{count:,} B"


def count_of(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 layer, 2,188 rows."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ordinal(number: int) -> str:
    """An ordinal number: 1st, 2nd, 3rd, 4th, 11th."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if number // 10 % 10 == 1 else ends.get(number % 10, "th")
    return f"{number:,}{end}"


def percent(part: float, whole: float) -> str:
    """A share: 1.5 %, 64.2 %, 64 %; 0 % of nothing. Never rounded up to 100 % or down to 0 %."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "<0.1 %"
    if 99.9 < share < 100:
        return ">99.9 %"
    number = f"{share:.1f}"
    return f"{number if abs(share) < 9.95 and share else number.removesuffix('.0')} %"


def whole_percent(part: float, whole: float) -> str:
    """A share without decimals, at most five columns: <1 %, 64 %, >99 %, 100 %."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 1:
        return "<1 %"
    return ">99 %" if 99 < share < 100 else f"{share:.0f} %"


def mode_text(mode: int, kind: str) -> str:
    """Permission bits as `ls` writes them; `kind` is the letter of the type."""
    letters = [
        letter if mode & (0o400 >> place) else "-" for place, letter in enumerate("rwxrwxrwx")
    ]
    special = ((0o4000, 2, "s", "S"), (0o2000, 5, "s", "S"), (0o1000, 8, "t", "T"))
    for bit, place, with_x, without_x in special:
        if mode & bit:
            letters[place] = with_x if letters[place] == "x" else without_x
    return kind + "".join(letters)


def date_of(created: str | None) -> str | None:
    """The day of an RFC 3339 time; None if invalid, and for the dates of reproducible builds."""
    moment = moment_of(created)
    return None if moment is None else moment.date().isoformat()


def moment_of(created: str | None) -> datetime.datetime | None:
    """An RFC 3339 time, with a zone; None if invalid, and for the dates of reproducible builds."""
    if created is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", created.upper()))
    except ValueError:
        return None
    if moment.year <= 1980:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def age_of(created: str | None, now: datetime.datetime) -> str:
    """The age in one unit: 3 hours, 11 months; empty if unknown."""
    moment = moment_of(created)
    if moment is None:
        return ""
    if moment > now:
        return "just now"
    import humanize

    words: str = humanize.naturaldelta(now - moment).partition(",")[0]
    return words.replace("an ", "1 ", 1) if words.startswith("an ") else re.sub("^a ", "1 ", words)


def time_of(seconds: int, *, exact: bool = False) -> str:
    """A file's time, in UTC, to the minute or, if `exact`, to the second; the number itself if out of range."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return str(seconds)
    return moment.replace(tzinfo=None).isoformat(" ", "seconds" if exact else "minutes")


def short_digest(digest: str | None) -> str:
    """The first twelve digits of a digest, with its algorithm, safe to show."""
    if digest is None:
        return "unknown"
    algorithm, colon, encoded = digest.partition(":")
    return safe_name(f"{algorithm}{colon}{encoded[:12]}")
