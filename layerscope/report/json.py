"""The JSON report."""

from __future__ import annotations

import json
from typing import BinaryIO

from layerscope.opening import Opened
from layerscope.report.options import ReportOptions
from layerscope.report.schema import document


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the report as one JSON document, ASCII alone: names that are not UTF-8 survive as `\\udcXX`."""
    text = json.dumps(document(opened, files=options.files), indent=2, ensure_ascii=True)
    stream.write(text.encode("ascii") + b"\n")
