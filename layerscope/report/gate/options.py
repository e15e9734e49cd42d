"""What the report of a gate may be asked for besides its format."""

from __future__ import annotations

from dataclasses import dataclass

from layerscope.image.dockerfile import Dockerfile
from layerscope.report.options import ReportOptions


@dataclass(frozen=True, slots=True)
class GateReportOptions(ReportOptions):
    """Options that every format gets; each heeds those that mean something to it."""

    dockerfile: Dockerfile | None = None
    """What the image was built from."""
