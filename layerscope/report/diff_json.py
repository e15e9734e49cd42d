"""The comparison of two images as one JSON document."""

from __future__ import annotations

import json
from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.opening.opened import Opened
from layerscope.report.diff_schema import changes_of, document
from layerscope.report.json import indented
from layerscope.report.options import ReportOptions

_NO_CHANGES = '\n    "changes": []'
"""The empty list of paths in the document; inside JSON strings, newlines and quotes are always escaped."""


def write(
    old: Opened,
    new: Opened,
    comparison: Comparison,
    stream: BinaryIO,
    _: ReportOptions | None = None,
) -> None:
    """Write all differences in ASCII; paths are streamed, as there can be a million."""
    first, rest = indented(document(old, new, comparison)).split(_NO_CHANGES)
    stream.write(first.encode("ascii"))
    before = '\n    "changes": [\n      '
    for item in changes_of(old, new, comparison.files):
        stream.write(f"{before}{json.dumps(item, ensure_ascii=True)}".encode("ascii"))
        before = ",\n      "
    stream.write(_NO_CHANGES.encode("ascii") if before.startswith("\n") else b"\n    ]")
    stream.write(rest.encode("ascii") + b"\n")
