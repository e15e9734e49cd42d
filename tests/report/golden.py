"""Golden reports: changes show up in review. UPDATE_SNAPSHOTS=1 rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "snapshots" / "reports"


def check(name: str, report: bytes) -> None:
    """Assert that a report equals the golden one, byte for byte."""
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_bytes(report)
    assert path.exists(), f"no {name} yet: run with UPDATE_SNAPSHOTS=1"
    golden = path.read_bytes()
    assert report.decode().splitlines() == golden.decode().splitlines()
    assert report == golden
