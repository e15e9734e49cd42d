"""The parts of HTML reports: sections, the macros of `page.html`, and rows within a limit of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import islice
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from layerscope.report.options import ReportOptions
from layerscope.text import clip, clip_start, count_of, size

CELL = 300
"""Characters of a path or an instruction that are shown."""
ROWS = 1000
MAX_BYTES = 380_000
"""Bytes of a table, or of all findings."""


class Section(Struct, frozen=True):
    """A part of the page."""

    title: str
    note: str
    """Safe text beside the title."""
    body: Markup | str = ""
    style: str = ""
    """The class of its element."""


def macros(options: ReportOptions) -> Any:
    """The macros of `page.html`, set up for decimal or binary sizes."""
    return _macros(options.binary_sizes)


@cache
def _macros(binary: bool) -> Any:
    environment = Environment(
        autoescape=True, loader=PackageLoader("layerscope.report", "."), undefined=StrictUndefined
    )
    environment.filters |= {
        "clip": partial(_clipped, clip),
        "clip_start": partial(_clipped, clip_start),
        "code_parts": code_parts,
        "count_of": count_of,
        "size": partial(size, binary=binary),
    }
    return environment.get_template("page.html").module


def _clipped(cut: Callable[[str, int], str], text: str) -> str:
    return cut(text, CELL)


def code_parts(text: str) -> Iterator[dict[str, object]]:
    """Parts of a text, split at backticks into prose and code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts = [text]
    for number, part in enumerate(parts):
        yield {"text": part, "code": number % 2 == 1}


def rows_that_fit(rows: Iterable[Markup], limit: int, room: int) -> list[Markup]:
    """The first `most` rows, without those that exceed the remaining `room` in bytes."""
    kept: list[Markup] = []
    for row in islice(rows, limit):
        need = len(row.encode(errors="backslashreplace"))
        if need <= room:
            kept.append(row)
            room -= need
    return kept
