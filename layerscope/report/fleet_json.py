"""The JSON report of a fleet."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.fleet.fleet import Fleet
from layerscope.report.fleet_schema import document
from layerscope.report.json import indented
from layerscope.report.options import ReportOptions


def write(fleet: Fleet, stream: BinaryIO, options: ReportOptions) -> None:  # noqa: ARG001
    """Write the report as one JSON document in ASCII."""
    stream.write(indented(document(fleet)).encode("ascii"))
    stream.write(b"\n")
