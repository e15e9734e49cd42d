"""The JSON report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from layerscope.opening import Opened
from layerscope.report.options import ReportOptions
from layerscope.report.schema import document, files_of

_NO_FILES = '\n      "files": []'
"""What the files of a layer look like while there are none; within strings, neither line ends nor quotes stand bare."""


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the report as one JSON document, ASCII alone: names that are not UTF-8 survive as `\\udcXX`."""
    found = document(opened)
    if options.files:
        for layer in found["layers"]:
            layer["files"] = []
    text = _indented(found)
    first, *rest = text.split(_NO_FILES) if options.files else [text]
    stream.write(first.encode("ascii"))
    for number, part in enumerate(rest):
        for row in _files(opened, number):
            stream.write(row.encode("ascii"))
        stream.write(part.encode("ascii"))
    stream.write(b"\n")


def _indented(document: object) -> str:
    """A document over several lines; a million records would take Python's own indentation many seconds."""
    compact = json.dumps(document, ensure_ascii=True)
    if "\\ud" in compact:  # perhaps half of a surrogate pair, which msgspec takes for damage
        return json.dumps(document, indent=2, ensure_ascii=True)
    return msgspec.json.format(compact, indent=2)


def _files(opened: Opened, number: int) -> Iterator[str]:
    """The files of a layer, one a line."""
    before = '\n      "files": [\n        '
    for item in files_of(opened, number):
        yield before + json.dumps(item, ensure_ascii=True)
        before = ",\n        "
    yield _NO_FILES if before.startswith("\n") else "\n      ]"
