"""Golden reports: changes show up in review. UPDATE_SNAPSHOTS=1 rewrites them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "snapshots" / "reports"


def check(name: str, found: bytes) -> None:
    """Assert that a report equals the golden one, byte for byte."""
    kept = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        FOLDER.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(found)
    assert kept.exists(), f"no {name} yet: run with UPDATE_SNAPSHOTS=1"
    wanted = kept.read_bytes()
    assert found.decode().splitlines() == wanted.decode().splitlines()
    assert found == wanted
