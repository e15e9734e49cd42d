"""Runs commands of the pages, and reads their output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from layerscope import cli


def document(folder: Path, *args: str) -> Any:
    """The JSON document that a command writes with `--format json`."""
    file = folder / "written.json"
    code = cli.run([*args, "--format", "json", "--output", str(file)])
    assert code in (0, 1, 3), args
    return json.loads(file.read_bytes())
