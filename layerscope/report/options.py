"""Options of a report other than its format."""

from __future__ import annotations

from dataclasses import dataclass  # Tab imports this, without msgspec


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Options passed to every format; each uses those that apply."""

    files: bool = False
    """List the files of each layer."""
    binary_sizes: bool = False
    """Print sizes in powers of 1024."""
    color: bool = False
    """Write terminal colors."""
    width: int = 100
    """Columns of the terminal."""
    table: str = "steps"
    """The table of the CSV format."""
    ignore_errors: bool = False
    """Damage does not fail the gate."""
