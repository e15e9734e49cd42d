"""SBOMs: one module per format, in the order of the help text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from layerscope.report.sbom.components import Bill

FORMATS = {
    "cyclonedx": "layerscope.report.sbom.cyclonedx",
    "spdx": "layerscope.report.sbom.spdx",
}
"""Format → module with a `write` function, imported on first use."""


def writer_of(name: str) -> Callable[[Bill, BinaryIO], None]:
    """The function that writes a format."""
    return cast("Callable[[Bill, BinaryIO], None]", import_module(FORMATS[name]).write)
