"""Two images compared, as one JSON document."""

from __future__ import annotations

import json
from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.opening.open import Opened
from layerscope.report.diff_schema import changes_of, document
from layerscope.report.json import indented

_NO_CHANGES = '\n    "changes": []'
"""What the list of paths looks like while it is empty; within strings, neither line ends nor quotes stand bare."""


def write(old: Opened, new: Opened, comparison: Comparison, stream: BinaryIO) -> None:
    """Write all that differs, ASCII alone; paths one by one, as they can be a million."""
    first, rest = indented(document(old, new, comparison)).split(_NO_CHANGES)
    stream.write(first.encode("ascii"))
    before = '\n    "changes": [\n      '
    for item in changes_of(old, new, comparison.files):
        stream.write(f"{before}{json.dumps(item, ensure_ascii=True)}".encode("ascii"))
        before = ",\n      "
    stream.write(_NO_CHANGES.encode("ascii") if before.startswith("\n") else b"\n    ]")
    stream.write(rest.encode("ascii") + b"\n")
