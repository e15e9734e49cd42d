"""Reports: one module per format, in the order of the help text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, cast

from layerscope.report.options import ReportOptions as ReportOptions

if TYPE_CHECKING:
    from layerscope.analysis.compare.comparison import Comparison
    from layerscope.fleet.fleet import Fleet
    from layerscope.opening.opened import Opened
    from layerscope.opening.series import OpenedSeries

DiffWriter = Callable[["Opened", "Opened", "Comparison", BinaryIO, ReportOptions], None]
SeriesWriter = Callable[["OpenedSeries", BinaryIO, ReportOptions], None]
FleetWriter = Callable[["Fleet", BinaryIO, ReportOptions], None]
Writer = Callable[["Opened", BinaryIO, ReportOptions], None]

FORMATS: dict[str, str] = {
    "text": "layerscope.report.text",
    "json": "layerscope.report.json",
    "markdown": "layerscope.report.markdown",
    "html": "layerscope.report.html",
    "csv": "layerscope.report.csv",
    "junit": "layerscope.report.junit",
    "sarif": "layerscope.report.sarif",
    "github": "layerscope.report.github",
}
"""Format → module with a `write` function, imported on first use."""

DIFF_FORMATS: dict[str, str] = {
    "text": "layerscope.report.diff_text",
    "json": "layerscope.report.diff_json",
    "markdown": "layerscope.report.diff_markdown",
    "html": "layerscope.report.diff_html",
    "github": "layerscope.report.diff_github",
}
"""The same for comparisons of two images."""

SERIES_FORMATS: dict[str, str] = {
    "text": "layerscope.report.series_text",
    "json": "layerscope.report.series_json",
    "markdown": "layerscope.report.series_markdown",
    "html": "layerscope.report.series_html",
}
"""The same for series of releases."""
FLEET_FORMATS: dict[str, str] = {
    "text": "layerscope.report.fleet_text",
    "json": "layerscope.report.fleet_json",
    "html": "layerscope.report.fleet_html",
}
"""The same for fleets."""

TABLES = ("steps", "waste", "duplicates", "findings", "packages", "files")
"""Tables of the CSV format; each file holds one."""


def diff_writer_of(name: str) -> DiffWriter:
    """The function that writes a format of a comparison."""
    return cast("DiffWriter", import_module(DIFF_FORMATS[name]).write)


def series_writer_of(name: str) -> SeriesWriter:
    """The function that writes a format of a series of releases."""
    return cast("SeriesWriter", import_module(SERIES_FORMATS[name]).write)


def fleet_writer_of(name: str) -> FleetWriter:
    """The function that writes a format of a fleet."""
    return cast("FleetWriter", import_module(FLEET_FORMATS[name]).write)


def writer_of(name: str) -> Writer:
    """The function that writes a format."""
    return cast("Writer", import_module(FORMATS[name]).write)
