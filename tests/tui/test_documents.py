"""Contents as rows: text detection, display, differences, colours and search."""

from __future__ import annotations

import re
import time

import pytest

from layerscope.errors import CancelledError
from layerscope.progress import NullProgress
from layerscope.tui.documents.base import Document
from layerscope.tui.documents.bytes import BytesDocument
from layerscope.tui.documents.difference import MAX_LINES, DiffDocument
from layerscope.tui.documents.highlight import LONGEST_LINE, lexer_name, styles_of
from layerscope.tui.documents.text import ROW_LENGTH, TextDocument, is_binary
from layerscope.tui.widgets.content_list import marked, window


def texts(document: Document) -> list[str]:
    """The rows as they are shown."""
    return ["".join(text for text, _ in document.pieces(row)) for row in range(len(document))]


def matching_rows(document: Document, text: str) -> list[int]:
    """The rows that a search finds."""
    return document.matching(re.compile(re.escape(text), re.IGNORECASE), lambda: False)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"text\n", False),
        ("Umläute, 漢字\n".encode() * 9, False),
        ("é".encode() * (1 << 16), False),
        (b"caf\xe9 au lait, latin-1 here\n", False),
        (b"\x1b[31mcolours\x1b[0m\n", False),
        (b"\x7fELF\x02\x01\x01\x00", True),
        (bytes(range(1, 256)), True),
    ],
)
def test_text_and_binary_content_are_distinguished(data: bytes, expected: bool) -> None:
    """A content with NULs or many control characters is binary; a little invalid UTF-8 is still text."""
    assert is_binary(data) is expected


def test_nothing_in_a_text_controls_the_terminal() -> None:
    """Control characters, bidirectional marks and invalid UTF-8 are escaped; tabs become spaces up to the next stop."""
    data = b"a\tb\n\x1b]0;x\x07\n\xff\xfe\n\xe2\x80\xaetxt\n123456789\tb\n"
    assert texts(TextDocument.of(data)) == [
        "a       b",
        "\\e]0;x\\x07",
        "\\xff\\xfe",
        "\\u202etxt",
        "123456789       b",
    ]


def test_lines_are_counted_as_editors_do() -> None:
    """A final newline adds no line. Carriage returns are hidden only if all lines end with them."""
    assert TextDocument.of(b"").lines == 0
    assert TextDocument.of(b"a\nb").lines == 2
    assert TextDocument.of(b"a\nb\n\n").lines == 3
    dos = TextDocument.of(b"a\r\nb\r\n")
    assert (texts(dos), dos.carriage_returns) == (["a", "b"], True)
    assert texts(TextDocument.of(b"a\r\nb\n")) == ["a\\r", "b"]


def test_a_long_line_continues_in_further_rows() -> None:
    """Only the first row of a line has its number."""
    document = TextDocument.of(b"x" * (ROW_LENGTH + 5) + b"\ny\n")
    assert [document.label(row).strip() for row in range(3)] == ["1", "", "2"]
    assert texts(document)[1] == "x" * 5


def test_bytes_are_shown_with_offsets() -> None:
    document = BytesDocument(bytes(range(40)) + b"text")
    assert document.label(2) == "00000020"
    assert texts(document)[2] == "20 21 22 23 24 25 26 27  74 65 78 74               !\"#$%&'text"
    assert texts(document)[0].endswith("." * 16)


def test_bytes_are_found_as_text_or_as_hex() -> None:
    """A match may cross rows; hex is matched with or without spaces."""
    document = BytesDocument(b"\0" * 14 + b"needle" + b"\0" * 40 + b"\xca\xfe\xba\xbe")
    assert matching_rows(document, "NEEDLE") == [0]
    assert matching_rows(document, "ca fe ba be") == [3]
    assert matching_rows(document, "CAFEBABE") == [3]
    assert matching_rows(document, "nothing") == []


def test_search_matches_text_as_it_is_shown() -> None:
    document = TextDocument.of(b"one\nTwo\n\x1b[0m two\n")
    assert matching_rows(document, "two") == [1, 2]
    assert matching_rows(document, "\\e[0m") == [2]


def compared(old: str, new: str) -> DiffDocument:
    """The diff of two texts in which each letter is a line."""
    return DiffDocument.of(list(old), list(new), NullProgress())


def test_a_difference_shows_three_lines_around_it() -> None:
    document = compared("abcdefghijklmnop", "abcdeXghijklmnop")
    assert texts(document) == [
        "@@ line 6 → 6 @@", "  c", "  d", "  e", "- f", "+ X", "  g", "  h", "  i",
    ]  # fmt: skip
    assert (document.added, document.removed) == (1, 1)
    assert document.label(1).split() == ["3", "3"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("", "a"), ("a", ""), ("abc", "abc"), ("ab", "ba"), ("abcabcabc", "bcaabcc"),
     ("abcdefghij" * 3, "abXdefghij" * 3), ("aaaa", "aa"), ("xaaax", "xaax")],
)  # fmt: skip
def test_a_difference_turns_one_text_into_the_other(old: str, new: str) -> None:
    """Every removed and added line is shown exactly once, with its number."""
    document = compared(old, new)
    rows = [row for row in document.rows if row[2] != "@"]
    assert [line for _, _, mark, line in rows if mark != "-"] == [
        new[after - 1] for _, after, _, _ in rows if after
    ]
    assert [line for _, _, mark, line in rows if mark != "+"] == [
        old[before - 1] for before, _, _, _ in rows if before
    ]
    befores = [before for before, _, _, _ in rows if before]
    assert befores == sorted(set(befores))
    assert len(new) - len(old) == document.added - document.removed


def test_a_difference_is_bounded_and_can_be_cancelled() -> None:
    """A huge difference takes at most seconds and is marked as incomplete; `CancelledError` ends it."""
    old = [f"old {number % 7}" for number in range(10 * MAX_LINES)]
    new = [f"old {number % 5}" for number in range(10 * MAX_LINES)]
    started = time.monotonic()
    document = DiffDocument.of(old, new, NullProgress())
    assert time.monotonic() - started < 10
    assert not document.complete

    class Cancelled(NullProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(CancelledError):
        DiffDocument.of(old, new, Cancelled())


@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        (b"app.py", "", "python"),
        (b"Dockerfile", "", "docker"),
        (b"run", "#!/bin/sh -e", "bash"),
        (b"run", "#!/usr/bin/env python3", "python"),
        (b"run", "#!", None),
        (b"notes", "def f():", None),
        (b"x.unknown", "", None),
    ],
)
def test_the_name_or_the_interpreter_selects_the_lexer(
    name: bytes, first: str, expected: str | None
) -> None:
    """The lexer is not guessed from the content, except from a `#!` line."""
    assert lexer_name(name, first) == expected


def test_highlighting_changes_no_character() -> None:
    """Highlighted rows have the same text as plain ones."""
    source = b'def f(x):\n\t"""Doc\n\tmore"""\n\n\treturn "\x1b" + x  # \xff end\n'
    document = TextDocument.of(source)
    plain = texts(document)
    document.styles = styles_of(document, b"a.py", NullProgress())
    assert texts(document) == plain
    assert ("def", "keyword") in document.pieces(0)
    assert document.pieces(2)[0][1] == "comment"
    assert document.pieces(4)[-1][1] == "comment"


def test_long_lines_are_not_highlighted() -> None:
    document = TextDocument.of(b"x = 1\n" + b"y" * (LONGEST_LINE + 1))
    assert styles_of(document, b"a.py", NullProgress()) == []


def test_matches_are_marked_across_pieces() -> None:
    pieces = [("abc", "keyword"), ("def", "")]
    assert marked(pieces, re.compile("cd")) == [
        ("ab", "keyword"), ("c", "match"), ("d", "match"), ("ef", ""),
    ]  # fmt: skip
    assert marked([("aXaXa", "")], re.compile("X")) == [
        ("a", ""), ("X", "match"), ("a", ""), ("X", "match"), ("a", ""),
    ]  # fmt: skip


def test_a_window_moves_over_a_row() -> None:
    """Long rows leave room for a mark; wide characters are never cut in half."""
    assert window([("abcdef", "")], 2, 10) == ([("cdef", "")], False)
    assert window([("abcdef", "")], 0, 4) == ([("abc", "")], True)
    assert window([("ab", "x"), ("cd", "")], 3, 10) == ([("d", "")], False)
    assert window([("漢字漢", "")], 0, 4) == ([("漢", "")], True)
