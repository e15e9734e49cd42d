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
_MEASURED_ROWS = 1000
"""Rows that determine the widths of columns; later rows are clipped to them."""
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
    """Write columns as wide as their cells; if a line is too long, the widest columns are narrowed."""
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

    remaining = iter(rows)
    head, measured = [safe_name(column) for column in columns], []
    right_aligned = [True] * len(head)
    for row in remaining:
        right_aligned = [
            old and (isinstance(cell, int | float) or cell is None)
            for old, cell in zip(right_aligned, row, strict=True)
        ]
        measured.append(texts(row))
        if len(measured) == _MEASURED_ROWS:
            break
    widths = _fit_widths(
        [max(map(cells, column)) for column in zip(head, *measured, strict=True)], width
    )

    def line(row: Sequence[str], style: str = "") -> list[Part]:
        parts = []
        for text, room, at_right in zip(row, widths, right_aligned, strict=True):
            text = clip(text, room)
            space = " " * (room - cells(text))
            parts.append((space + text if at_right else text + space, style))
            parts.append((_GAP, ""))
        return parts[:-1]

    console.line(*line(head, "bold"))
    for row_texts in measured:
        console.line(*line(row_texts))
    for row in remaining:
        console.line(*line(texts(row)))
    if not measured:
        console.line(("no rows", "dim"))
    console.flush()


def _fit_widths(widths: list[int], width: int) -> list[int]:
    """Widths of columns that fit a line: the widest ones are narrowed first, to no less than 4 cells."""
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > 4:
        widest = max(widths)
        next_one = max((each for each in widths if each < widest), default=4)
        count = widths.count(widest)
        excess = sum(widths) - room
        target = max(next_one, widest - -(-excess // count), 4)
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
