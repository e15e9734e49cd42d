"""The CSV report, one table per file: RFC 4180, UTF-8, sizes as plain numbers of bytes.

Names are safe to show (`text.safe_name`). A text that a spreadsheet would read as a formula gets a leading apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from layerscope.analysis.packages.usage import package_usage
from layerscope.opening.opened import Opened
from layerscope.report.options import ReportOptions
from layerscope.report.rows import lines_of, step_rows, visible_end
from layerscope.report.schema import files_of
from layerscope.text import safe_name
from layerscope.words import REASONS

Cell = str | int | float | None
Row = Iterable[Cell]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that spreadsheets read as a formula (OWASP, CSV injection)."""
_CHUNK = 1 << 20


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the table named by `options.table`."""
    header, rows = _TABLES[options.table]
    write_table(stream, header.split(), rows(opened))


def _steps(opened: Opened) -> Iterator[Row]:
    spans = {} if opened.dockerfile_lines is None else opened.dockerfile_lines.spans
    for row in step_rows(opened):
        step, layer = row.step, row.step.layer
        image = None if layer is None else opened.image.layers[layer]
        index = None if layer is None else opened.indexes[layer]
        account = None if layer is None else opened.accounting.layers[layer]
        yield (
            step.index,
            layer,
            row.kind.value,
            step.instruction,
            row.text,
            row.stored,
            row.wasted,
            0 if account is None else account.net,
            0 if account is None else account.hides,
            None if index is None else index.compressed_bytes,
            None if index is None else index.tar_bytes,
            0 if account is None else account.entries,
            step.created,
            None if image is None or index is None else image.digest or index.blob_digest,
            spans[step.index][0] if step.index in spans else None,
        )


def _waste(opened: Opened) -> Iterator[Row]:
    waste = opened.accounting.waste
    columns = (waste.bytes, waste.reasons, waste.stored_in, waste.hidden_by)
    for path, count, reason, stored, hidden in zip(
        opened.filesystem.table.full_paths(waste.paths),
        *(column.tolist() for column in columns),
        strict=True,
    ):
        yield _path(path), count, REASONS[reason].value, stored, hidden


def _duplicates(opened: Opened) -> Iterator[Row]:
    table = opened.filesystem.table
    for number, duplicate in enumerate(opened.duplicates or ()):
        for path in duplicate.paths:
            yield (
                number,
                duplicate.bytes,
                duplicate.saving,
                duplicate.digest,
                _path(table.full(path)),
            )


def _findings(opened: Opened) -> Iterator[Row]:
    for finding in () if opened.findings is None else opened.findings.found:
        lines = lines_of(opened, finding.steps)
        first = None if not len(finding.paths) else int(finding.paths[0])
        yield (
            finding.rule,
            finding.title,
            finding.severity.value,
            finding.confidence.value,
            finding.bytes,
            " ".join(map(str, finding.steps)),
            " ".join(map(str, finding.layers)),
            None if lines is None else lines[0],
            int(finding.base),
            len(finding.paths),
            None if first is None else _path(opened.filesystem.table.full(first)),
        )


def _packages(opened: Opened) -> Iterator[Row]:
    """Packages, then directories of files that belong to no package; their bytes add up to the live bytes."""
    packages = () if opened.findings is None else opened.findings.packages
    for each in packages:
        yield each.kind, each.name, each.version, each.bytes, each.files, each.layer, None
    table = opened.filesystem.table
    for group in package_usage(opened.filesystem, packages).directories:
        path = _path(table.full(group.path))
        yield None, None, None, group.bytes, len(group.files), None, path


def _files(opened: Opened) -> Iterator[Row]:
    for layer in range(len(opened.indexes)):
        for row in files_of(opened, layer):
            mode = row["mode"]
            yield (
                layer, row["change"], " ".join(row["why"]), _path(row["path"]), row["type"], row["bytes"],
                None if mode is None else f"{mode & 0o7777:04o}", row["uid"], row["gid"], row["mtime"],
                row["linkTarget"],
            )  # fmt: skip


_TABLES: dict[str, tuple[str, Callable[[Opened], Iterator[Row]]]] = {
    "steps": (
        "step layer kind instruction text stored_bytes wasted_bytes net_bytes hides_bytes compressed_bytes tar_bytes entries created digest dockerfile_line",
        _steps,
    ),
    "waste": ("path bytes reason stored_in hidden_by", _waste),
    "duplicates": ("group bytes saving_bytes digest path", _duplicates),
    "findings": (
        "rule title severity confidence bytes steps layers dockerfile_line base paths largest_path",
        _findings,
    ),
    "packages": ("type name version bytes files layer unowned_directory", _packages),
    "files": ("layer change why path type bytes mode uid gid mtime link_target", _files),
}
"""Table → its columns and rows."""


def _path(name: bytes | str) -> str:
    return visible_end("/" + safe_name(name))


def write_table(stream: BinaryIO, header: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table; `header` holds the names of its columns."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in header])
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])
        if buffer.tell() >= _CHUNK:
            _flush(buffer, stream)
    _flush(buffer, stream)


def _flush(buffer: io.StringIO, stream: BinaryIO) -> None:
    stream.write(buffer.getvalue().encode(errors="backslashreplace"))
    buffer.seek(0)
    buffer.truncate()


def _cell(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    text = safe_name(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
