"""Names, widths, sizes, shares and dates for users."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from layerscope.text import (
    bar,
    cells,
    clip,
    clip_middle,
    clip_start,
    count_of,
    date_of,
    exact_size,
    mode_text,
    ordinal,
    percent,
    safe_name,
    short_digest,
    size,
    time_of,
    whole_percent,
)

EVERY_CHARACTER = [chr(code) for code in range(0x110000)]

VISIBLE_SIGNS = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Signs that stand around numbers: Unicode counts them as formats, but they are seen and move nothing."""


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("etc/passwd", "etc/passwd"),
        ("two\nlines", "two\\nlines"),
        ("a\tb\rc", "a\\tb\\rc"),
        ("\x1b[2J\x1b]0;title\x07", "\\e[2J\\e]0;title\\x07"),
        ("\x00\x08\x7f", "\\x00\\x08\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("exe\u202egpj.sh", "exe\\u202egpj.sh"),
        ("\u2066a\u2069\u200f", "\\u2066a\\u2069\\u200f"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("soft\u00adhyphen", "soft\\xadhyphen"),
        ("filler\u3164\u115f", "filler\\u3164\\u115f"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("latin1-\udce9", "latin1-\\xe9"),
        ("half of a pair \ud800", "half of a pair \\ud800"),
        ("[bold]markup[/bold] :smile:", "[bold]markup[/bold] :smile:"),
        ("文書/説明.txt", "文書/説明.txt"),
        ("mañana 🎉", "mañana 🎉"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_names_are_shown_literally_unless_they_control_the_terminal(name: str, shown: str) -> None:
    assert safe_name(name) == shown


def test_names_that_are_not_utf8_show_their_bytes() -> None:
    assert safe_name(b"caf\xe9 \xff") == "caf\\xe9 \\xff"
    assert safe_name("größe".encode()) == "größe"


def test_control_and_format_characters_and_lone_surrogates_are_escaped() -> None:
    harmful = [
        character
        for character in EVERY_CHARACTER
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and character not in VISIBLE_SIGNS
    ]
    assert [character for character in harmful if safe_name(character) == character] == []
    assert all(safe_name(character).isascii() for character in harmful)


@given(st.text() | st.binary())
def test_a_safe_name_is_printable_on_one_line_and_safe_again(name: str | bytes) -> None:
    shown = safe_name(name)
    assert len(shown.splitlines()) <= 1
    assert safe_name(shown) == shown
    shown.encode()


# --- Widths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("plain", 5),
        ("größe", 5),
        ("文書", 4),
        ("ﾊﾝｶｸ", 4),
        ("ｗｉｄｅ", 8),
        ("e\u0301", 1),
        ("한글", 4),
        ("한", 2),
        ("🎉", 2),
        ("█▏…", 3),
    ],
)
def test_wide_characters_take_two_columns_and_combining_ones_none(text: str, columns: int) -> None:
    assert cells(text) == columns


def test_widths_equal_those_of_the_screen() -> None:
    """Only blocks that no longer change between versions of Unicode are compared."""
    blocks = (
        (0x20, 0x086F),  # Latin, Greek, Cyrillic, Hebrew, Arabic
        (0x0900, 0x097F),  # Devanagari
        (0x0E00, 0x0E7F),  # Thai
        (0x1100, 0x11FF),  # Hangul in parts
        (0x2010, 0x25FF),  # punctuation, arrows, mathematics, boxes
        (0x3041, 0x30FF),  # kana
        (0x4E00, 0x9FFF),  # Chinese characters
        (0xAC00, 0xD7FB),  # Hangul
        (0xF900, 0xFAFF),
        (0xFF01, 0xFFEE),  # full and half width
        (0x1F300, 0x1F3FA),  # pictures
        (0x1F400, 0x1F64F),
    )
    judged = [
        character
        for first, last in blocks
        for character in EVERY_CHARACTER[first : last + 1]
        if unicodedata.category(character) not in ("Cn", "Cf") and safe_name(character) == character
    ]
    assert [hex(ord(each)) for each in judged if cells(each) != cell_len(each)] == []


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("longer", 1, "…"),
        ("longer", 0, ""),
        ("longer", -3, ""),
        ("", 0, ""),
        ("文書説明", 8, "文書説明"),
        ("文書説明", 7, "文書説…"),
        ("文書説明", 6, "文書…"),
        ("文書説明", 2, "…"),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("file:4b1be1… in /", 12, "file:4b1be1…"),
    ],
)
def test_clipping_counts_columns_not_characters(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("/etc/passwd", 11, "/etc/passwd"),
        ("/usr/lib/python3/site.py", 19, "…/python3/site.py"),
        ("/usr/share/a-rather-long-name.txt", 16, "…r-long-name.txt"),
        ("/usr/share/文書.txt", 8, "…書.txt"),
        ("/e\u0301e\u0301", 2, "…e\u0301"),
        ("/etc/passwd", 1, "…"),
        ("/etc/passwd", 0, ""),
    ],
)
def test_a_path_that_is_too_long_keeps_its_end(path: str, width: int, shown: str) -> None:
    assert clip_start(path, width) == shown


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("seed-data.sql", 13, "seed-data.sql"),
        ("seed-data.sql", 12, "see…data.sql"),
        ("registry.example.com/team/app:1.2", 16, "regis…am/app:1.2"),
        ("文書説明", 7, "文…説明"),
        ("e\u0301e\u0301e\u0301", 2, "…e\u0301"),
        ("abc", 2, "…c"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_a_name_that_is_too_long_keeps_its_start_and_its_end(
    name: str, width: int, shown: str
) -> None:
    assert clip_middle(name, width) == shown


@given(st.text("ab/…", max_size=30), st.integers(1, 30))
def test_clipping_adds_no_second_ellipsis(text: str, width: int) -> None:
    """A text that already ends with one at the cut keeps that one."""
    text = re.sub("…+", "…", text)
    for clipped in (clip(text, width), clip_start(text, width), clip_middle(text, width)):
        assert "……" not in clipped


@given(st.text().map(safe_name), st.integers(-2, 40))
def test_clipped_text_fits_and_fitting_text_is_not_clipped(text: str, width: int) -> None:
    for clipped in (clip(text, width), clip_start(text, width), clip_middle(text, width)):
        assert cells(clipped) <= max(width, 0)
        assert (clipped == text) == (cells(text) <= width or not text)


# --- Bars -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 100, ""),
        (0, 0, ""),
        (5, 0, ""),
        (100, 100, "████"),
        (50, 100, "██"),
        (48, 100, "█▉"),
        (3, 100, "▏"),
        (0.5, 100, "▏"),
        (0.4, 100, ""),
        (500, 100, "████"),
        (-1, 100, ""),
    ],
)
def test_a_bar_shows_a_share_in_eighths_of_a_column(part: float, whole: float, shown: str) -> None:
    assert bar(part, whole, 4) == shown


# --- Figures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_449, "1.4 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (999_949, "1.0 MB"),
        (999_950, "1.0 MB"),
        (10**6 - 1, "1.0 MB"),
        (10**6, "1.0 MB"),
        (130_453_239, "130.5 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_000, "1.0 GB"),
        (10**12 - 1, "1.0 TB"),
        (10**12, "1.0 TB"),
        (10**15, "1.0 PB"),
        (2**63 - 1, "9.2 EB"),
        (-645, "-645 B"),
        (-1_500, "-1.5 kB"),
        (-999_999, "-1.0 MB"),
    ],
)
def test_sizes_have_three_or_four_digits_and_never_a_thousand_of_a_unit(
    count: int, shown: str
) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (1_023, "1023 B"),
        (1_024, "1.0 KiB"),
        (102_400, "100 KiB"),
        (2**20 - 513, "1023 KiB"),
        (2**20 - 512, "1.0 MiB"),
        (2**20, "1.0 MiB"),
        (2**30 - 2**15, "1.0 GiB"),
        (1_073_636_000, "1023.9 MiB"),
        (2**40, "1.0 TiB"),
        (-(2**20), "-1.0 MiB"),
    ],
)
def test_binary_sizes_count_in_powers_of_1024(count: int, shown: str) -> None:
    assert size(count, binary=True) == shown


@given(st.integers(0, 2**63 - 1), st.booleans())
def test_a_size_is_near_what_it_stands_for_and_fits_its_column(count: int, binary: bool) -> None:
    shown = size(count, binary=binary)
    number, unit = shown.split(" ")
    base = 1024 if binary else 1000
    power = "BkMGTPE".index(unit[0].replace("K", "k"))
    assert float(number) < base
    assert abs(float(number) * base**power - count) <= 0.06 * base**power + 0.005 * count
    assert len(shown) <= (10 if binary else 8)


@pytest.mark.parametrize(
    ("part", "whole", "shown", "rounded"),
    [
        (0, 0, "0 %", "0 %"),
        (5, 0, "0 %", "0 %"),
        (0, 100, "0 %", "0 %"),
        (0.001, 100, "<0.1 %", "<1 %"),
        (0.1, 100, "0.1 %", "<1 %"),
        (0.96, 100, "1.0 %", "<1 %"),
        (1.5, 100, "1.5 %", "2 %"),
        (9.94, 100, "9.9 %", "10 %"),
        (9.96, 100, "10 %", "10 %"),
        (10, 100, "10 %", "10 %"),
        (64, 100, "64 %", "64 %"),
        (64.04, 100, "64 %", "64 %"),
        (64.2, 100, "64.2 %", "64 %"),
        (99.9, 100, "99.9 %", ">99 %"),
        (99.95, 100, ">99.9 %", ">99 %"),
        (99.9999, 100, ">99.9 %", ">99 %"),
        (100, 100, "100 %", "100 %"),
        (-5, 100, "-5.0 %", "-5 %"),
        (150, 100, "150 %", "150 %"),
    ],
)
def test_shares_never_round_to_nothing_or_all(
    part: float, whole: float, shown: str, rounded: str
) -> None:
    assert percent(part, whole) == shown
    assert whole_percent(part, whole) == rounded


def test_counts_agree_with_their_nouns() -> None:
    assert count_of(0, "layer") == "0 layers"
    assert count_of(1, "layer") == "1 layer"
    assert count_of(2_188, "layer") == "2,188 layers"
    assert count_of(2, "entry", "entries") == "2 entries"
    assert exact_size(130_453_239) == "130,453,239 B"


@pytest.mark.parametrize(
    ("mode", "kind", "shown"),
    [
        (0o644, "-", "-rw-r--r--"),
        (0o755, "d", "drwxr-xr-x"),
        (0o000, "-", "----------"),
        (0o1777, "d", "drwxrwxrwt"),
        (0o1776, "d", "drwxrwxrwT"),
        (0o4755, "-", "-rwsr-xr-x"),
        (0o4644, "-", "-rwSr--r--"),
        (0o2755, "-", "-rwxr-sr-x"),
        (0o2745, "-", "-rwxr-Sr-x"),
        (0o7777, "l", "lrwsrwsrwt"),
        (0o7000, "?", "?--S--S--T"),
    ],
)
def test_modes_are_written_as_by_ls(mode: int, kind: str, shown: str) -> None:
    assert mode_text(mode, kind) == shown


# --- Dates and digests ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created", "day"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02"),
        ("2024-01-02t03:04:05z", "2024-01-02"),
        ("2024-01-02T03:04:05.1Z", "2024-01-02"),
        ("2024-01-02T03:04:05.123456789Z", "2024-01-02"),
        ("2024-01-02T03:04:05.123456789+09:00", "2024-01-02"),
        ("9999-12-31T23:59:59-12:00", "9999-12-31"),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("1980-01-01T00:00:01Z", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-01-01T25:00:00Z", None),
        ("yesterday", None),
        ("", None),
        ("\ud800", None),
        ("\x1b[2J", None),
        (None, None),
    ],
)
def test_only_real_dates_are_shown(created: str | None, day: str | None) -> None:
    assert date_of(created) == day


@given(st.text() | st.from_regex(r"[0-9]{1,5}-[0-9]{2}-[0-9]{2}T[0-9:.]{0,20}Z?"))
def test_no_text_breaks_a_date(created: str) -> None:
    day = date_of(created)
    assert day is None or re.fullmatch(r"\d{4}-\d\d-\d\d", day)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "1970-01-01 00:00"),
        (-1, "1969-12-31 23:59"),
        (1_704_164_645, "2024-01-02 03:04"),
        (-62_135_596_800, "0001-01-01 00:00"),
        (2**62, str(2**62)),
        (-(2**62), str(-(2**62))),
    ],
)
def test_times_are_utc_and_impossible_ones_stay_numbers(seconds: int, shown: str) -> None:
    assert time_of(seconds) == shown


def test_digests_are_short_and_safe() -> None:
    assert short_digest("sha256:" + "ab" * 32) == "sha256:abababababab"
    assert short_digest("0123456789abcdef") == "0123456789abcdef"
    assert short_digest("sha256:\x1b[2J") == "sha256:\\e[2J"
    assert short_digest(None) == "unknown"


def test_ordinals_have_the_right_ending() -> None:
    """The endings are 1st, 2nd, 3rd, but 11th to 13th."""
    ordinals = [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1003)]
    assert ordinals == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "102nd",
        "111th",
        "1,003rd",
    ]
