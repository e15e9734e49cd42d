"""Rows of a query: as text, JSON or CSV."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from layerscope.report.console import Console, Part
from layerscope.report.csv import write_table
from layerscope.report.json import indented
from layerscope.report.options import ReportOptions
from layerscope.text import cells, clip, safe_name, size

_NARROWEST, _WIDEST = 60, 400
_FITTED = 1000
"""Rows by which the widths of columns are chosen; all later ones are clipped to these."""
_GAP = "  "

Rows = Iterable[Sequence[Any]]


def write(
    name: str, columns: Sequence[str], rows: Rows, stream: BinaryIO, options: ReportOptions
) -> None:
    """Write rows in the format of that name."""
    if name == "json":
        plain = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
        stream.write(indented(plain).encode("ascii"))
        stream.write(b"\n")
    elif name == "csv":
        write_table(stream, columns, (map(_cell, row) for row in rows))
    else:
        _write_text(columns, rows, stream, options)


def _write_text(
    columns: Sequence[str], rows: Rows, stream: BinaryIO, options: ReportOptions
) -> None:
    """Columns as wide as they must be; the widest ones give way if the line is too long."""
    width = min(max(options.width, _NARROWEST), _WIDEST)
    console = Console(stream, width, color=options.color)
    sizes = [column.lower().endswith("bytes") for column in columns]

    def texts(row: Sequence[Any]) -> list[str]:
        return [
            size(cell, binary=options.binary_sizes)
            if is_size and isinstance(cell, int) and cell >= 0
            else safe_name(_text(cell))
            for cell, is_size in zip(row, sizes, strict=True)
        ]

    coming = iter(rows)
    head, first = [safe_name(column) for column in columns], []
    right = [True] * len(head)
    for row in coming:
        right = [
            old and (isinstance(cell, int | float) or cell is None)
            for old, cell in zip(right, row, strict=True)
        ]
        first.append(texts(row))
        if len(first) == _FITTED:
            break
    widths = _fitted([max(map(cells, column)) for column in zip(head, *first, strict=True)], width)

    def line(row: Sequence[str], style: str = "") -> list[Part]:
        parts = []
        for text, room, at_right in zip(row, widths, right, strict=True):
            text = clip(text, room)
            space = " " * (room - cells(text))
            parts.append((space + text if at_right else text + space, style))
            parts.append((_GAP, ""))
        return parts[:-1]

    console.line(*line(head, "bold"))
    for row_texts in first:
        console.line(*line(row_texts))
    for row in coming:
        console.line(*line(texts(row)))
    if not first:
        console.line(("no rows", "dim"))
    console.flush()


def _fitted(widths: list[int], width: int) -> list[int]:
    """Widths of columns that fit a line: the widest ones are narrowed first, to no less than 4 cells."""
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > 4:
        widest = max(widths)
        next_one = max((each for each in widths if each < widest), default=4)
        count = widths.count(widest)
        over = sum(widths) - room
        target = max(next_one, widest - -(-over // count), 4)
        widths = [target if each == widest else each for each in widths]
    return widths


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    if isinstance(cell, list | tuple):
        return ", ".join(map(_text, cell))
    return str(cell)


def _plain(cell: Any) -> Any:
    """A value as JSON has it."""
    if cell is None or isinstance(cell, str | int | bool):
        return cell
    if isinstance(cell, float):
        return cell if cell == cell and abs(cell) != float("inf") else None
    if isinstance(cell, list | tuple):
        return [_plain(each) for each in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def _cell(cell: Any) -> str | int | float | None:
    if cell is None or isinstance(cell, str | int | float):
        return cell
    return _text(cell)
