"""What a report may be asked for besides its format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Options that every format gets; each heeds those that mean something to it."""

    files: bool = False
    """List the files of each layer."""
    binary_sizes: bool = False
    """Sizes for people in powers of 1024."""
    color: bool = False
    """Whether the output may hold colours."""
    width: int = 100
    """Columns of the terminal."""
    table: str = "steps"
    """Which table the CSV holds."""
