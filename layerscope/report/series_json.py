"""A series of releases as one JSON document."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.opening.series import OpenedSeries
from layerscope.report.json import indented
from layerscope.report.options import ReportOptions
from layerscope.report.series_schema import document


def write(opened: OpenedSeries, stream: BinaryIO, _: ReportOptions | None = None) -> None:
    """Write all hops in ASCII."""
    stream.write(indented(document(opened)).encode("ascii") + b"\n")
