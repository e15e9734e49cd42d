"""Gate reports: one module per format, in the order of the help text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, cast

from layerscope.report.options import ReportOptions

if TYPE_CHECKING:
    from layerscope.analysis.gate.verdict import Verdict
    from layerscope.opening.opened import Opened

Writer = Callable[["Verdict", "Opened", BinaryIO, ReportOptions], None]

FORMATS: dict[str, str] = {
    "text": "layerscope.report.gate.text",
    "json": "layerscope.report.gate.json",
    "markdown": "layerscope.report.gate.markdown",
    "html": "layerscope.report.gate.html",
    "csv": "layerscope.report.gate.csv",
    "junit": "layerscope.report.gate.junit",
    "sarif": "layerscope.report.gate.sarif",
    "github": "layerscope.report.gate.github",
}
"""Format → module with a `write` function, imported on first use."""


def writer_of(name: str) -> Writer:
    """The function that writes a format."""
    return cast("Writer", import_module(FORMATS[name]).write)
