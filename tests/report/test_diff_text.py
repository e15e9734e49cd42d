"""Comparisons of random images fit the width and never control the terminal; text and JSON agree."""

from __future__ import annotations

import io
import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.analysis.compare.comparison import Comparison, compare
from layerscope.opening.open import Opened
from layerscope.report import diff_json, diff_text
from layerscope.report.options import ReportOptions
from layerscope.text import cells
from tests.analysis.compare.comparing import Layers, side
from tests.images import file
from tests.strategies import wild_layers

COLOR = re.compile(r"\x1b\[[0-9;]*m")


def text_of(old: Opened, new: Opened, comparison: Comparison, options: ReportOptions) -> str:
    stream = io.BytesIO()
    diff_text.write(old, new, comparison, stream, options)
    return stream.getvalue().decode()


@given(wild_layers(), wild_layers(), st.sampled_from([60, 80, 200]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_lines_fit_and_colours_do_not_change_the_text(
    old: Layers, new: Layers, width: int, binary: bool
) -> None:
    first, second = side(old), side(new)
    comparison = compare(first, second)
    plain = text_of(first, second, comparison, ReportOptions(width=width, binary_sizes=binary))
    assert all(cells(line) <= width and line == line.rstrip(" ") for line in plain.splitlines())
    assert all(" " <= letter != "\x7f" for letter in plain if letter != "\n")
    colored = ReportOptions(width=width, binary_sizes=binary, color=True)
    assert COLOR.sub("", text_of(first, second, comparison, colored)) == plain


@given(wild_layers(), wild_layers())
@settings(max_examples=20, deadline=None)
def test_json_counts_match_its_lists(old: Layers, new: Layers) -> None:
    """It is ASCII, whatever the names are."""
    first, second = side(old), side(new)
    stream = io.BytesIO()
    diff_json.write(first, second, compare(first, second), stream)
    document = json.loads(stream.getvalue().decode("ascii"))
    files = document["files"]
    for change in ("added", "removed", "modified", "metadata"):
        assert files[change] == sum(item["change"] == change for item in files["changes"])
    assert files["deltaBytes"] == document["delta"]["liveBytes"]
    paths = [
        item["path"].replace("/", "\0").encode(errors="surrogateescape")
        for item in files["changes"]
    ]
    assert paths == sorted(paths)


def test_the_largest_of_many_changes_are_shown() -> None:
    """The number of the others is shown; --files lists all in path order."""
    new = side([[file(f"d/{number:03}", b"x" * number) for number in range(100)]])
    old = side([[file("d/000")]])
    comparison = compare(old, new)
    short = text_of(old, new, comparison, ReportOptions())
    assert "  +     +99 B  /d/099\n  +     +98 B  /d/098\n" in short
    assert "… and 79 more paths: --files lists them" in short
    all_files = text_of(old, new, comparison, ReportOptions(files=True))
    assert "  +      +1 B  /d/001\n  +      +2 B  /d/002\n" in all_files
    assert "more paths" not in all_files
