"""Figures on screen match those of the report, for a real image."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from layerscope import text
from tests.real_images import FLASK, needs_flask
from tests.tui.explorer import explorer, loaded, screen_text, settled

pytestmark = needs_flask


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """The JSON report, with the files of each layer."""
    done = subprocess.run(
        [sys.executable, "-m", "layerscope", "report", str(FLASK), "--format", "json", "--files"],
        capture_output=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def bytes_below(report: dict[str, Any], directory: str) -> int:
    """Bytes below a directory of the final image, computed from the changes of each layer. It must not have hard links."""
    sizes: dict[str, int] = {}
    for layer in report["layers"]:
        for item in layer["files"]:
            if item["change"] == "removed":
                sizes.pop(item["path"], None)
            else:
                sizes[item["path"]] = item["bytes"]
    return sum(size for path, size in sizes.items() if path.startswith(f"{directory}/"))


async def test_totals_waste_and_a_directory_match_the_report(report: dict[str, Any]) -> None:
    """The header, the Waste view and the tree of all files show the figures of the JSON report."""
    app, totals = explorer(FLASK), report["totals"]
    async with app.run_test(size=(160, 48)) as pilot:
        await loaded(pilot)
        header = screen_text(app)[0]
        assert f"{text.size(totals['storedBytes'])} stored" in header
        assert f"{text.size(totals['wastedBytes'])} wasted" in header
        assert f"efficiency {100 * totals['efficiency']:.1f} %" in header
        await pilot.press("G", "a", "tab", "g")
        await settled(pilot)
        size = text.size(bytes_below(report, "var"))
        rows = [line for line in screen_text(app) if line.split("│")[-1].rstrip().endswith("▸ var")]
        assert len(rows) == 1
        assert size in rows[0]
        await pilot.press("2")
        await settled(pilot)
        shown = "\n".join(screen_text(app))
        count = len(report["waste"]["records"])
        assert f"Waste · {text.size(totals['wastedBytes'])} in {count:,} files" in shown
