"""The JSON report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from layerscope.analysis.duplicates import NO_DUPLICATES
from layerscope.opening.opened import Opened
from layerscope.report.json_rows import QuotedPaths, duplicate_rows, waste_records
from layerscope.report.options import ReportOptions
from layerscope.report.schema import document, files_of

_PLACEHOLDERS = re.compile(r'(\n      "files": |\n    "records": |\n  "duplicates": )\[\]')
"""Empty lists in the document that are filled while writing; inside JSON strings, newlines and quotes are always escaped."""
_FILES, _RECORDS = '\n      "files": ', '\n    "records": '


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the report as one JSON document in ASCII; bytes that are not UTF-8 are written as `\\udcXX`."""
    text = indented(document(opened, rows=False, files=options.files))
    paths = QuotedPaths(opened.filesystem.table)
    layers = iter(range(len(opened.indexes)))
    position = 0
    for place in _PLACEHOLDERS.finditer(text):
        stream.write(text[position : place.end(1)].encode("ascii"))
        position = place.end()
        if place[1] == _FILES:
            rows = _files(opened, next(layers))
        elif place[1] == _RECORDS:
            rows = waste_records(opened.accounting.waste, paths)
        else:
            rows = duplicate_rows(opened.duplicates or NO_DUPLICATES, paths)
        for row in rows:
            stream.write(row.encode("ascii"))
    stream.write(text[position:].encode("ascii"))
    stream.write(b"\n")


def indented(document: object) -> str:
    """A document as indented JSON, by msgspec: Python's own indentation takes many seconds for a million records."""
    compact = json.dumps(document, ensure_ascii=True)
    if "\\ud" in compact:  # perhaps a lone surrogate, which msgspec rejects
        return json.dumps(document, indent=2, ensure_ascii=True)
    return msgspec.json.format(compact, indent=2)


def _files(opened: Opened, number: int) -> Iterator[str]:
    """The files of a layer, one per line."""
    before = "[\n        "
    for item in files_of(opened, number):
        yield before + json.dumps(item, ensure_ascii=True)
        before = ",\n        "
    yield "[]" if before.startswith("[") else "\n      ]"
