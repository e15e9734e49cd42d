"""docs/coming-from-dive.md: figures of both programs for the same images, and options of dive."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.analysis.gate.dive_ci import KEYS
from tests.docs.page import marked_table, read, sections, tables
from tests.docs.running import document
from tests.images import (
    Member,
    directory,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    opaque,
    whiteout,
    write,
)

M = 1_000_000
DIVE = Path(sys.executable).with_name("dive")
IMAGES: dict[str, Sequence[Sequence[Member]]] = {
    "a file of 1,000,000, rewritten once": [[file("a", b"1" * M)], [file("a", b"2" * M)]],
    "a file of 1,000,000, rewritten twice": [
        [file("a", digit * M)] for digit in (b"1", b"2", b"3")
    ],
    "a file of 1,000, replaced by one of 1,000,000": [
        [file("a", b"1" * 1000)],
        [file("a", b"2" * M)],
    ],
    "a file of 1,000,000, deleted, added again": [
        [file("a", b"1" * M)],
        [whiteout("a")],
        [file("a", b"1" * M)],
    ],
    "a directory with 2,000,000 beside 1,000,000, deleted": [
        [directory("d"), file("d/a", b"1" * M), file("d/b", b"2" * M), file("keep", b"3" * M)],
        [whiteout("d")],
    ],
    "a directory with 2,000,000, made opaque with a file of 10": [
        [directory("d"), file("d/a", b"1" * M), file("d/b", b"2" * M)],
        [directory("d"), opaque("d"), file("d/c", b"3" * 10)],
    ],
    "a file of 1,000,000 becomes a directory with a file of 10": [
        [file("p", b"1" * M)],
        [directory("p"), file("p/c", b"2" * 10)],
    ],
    "two hard links to 1,000,000, one deleted": [
        [file("a", b"1" * M), hardlink("b", "a")],
        [whiteout("a")],
    ],
    "a file of 1,000,000, only its mode changed": [
        [file("a", b"1" * M)],
        [file("a", b"1" * M, mode=0o600)],
    ],
}
ROWS = {row["image, bottom layer first"]: row for row in marked_table("coming-from-dive.md", "figures").records()}  # fmt: skip


def test_every_row_has_an_image() -> None:
    """Every figure of the page is tested."""
    assert list(ROWS) == list(IMAGES)


@pytest.mark.parametrize("name", IMAGES)
def test_figures_match_layerscope(name: str, tmp_path: Path) -> None:
    """They are in the right half of the table."""
    totals = document(tmp_path, "report", str(_saved(tmp_path, name)))["totals"]
    assert totals["wastedBytes"] == int(ROWS[name]["wasted"])
    assert _rounded(totals["efficiency"]) == ROWS[name]["efficiency"]


@pytest.mark.parametrize("name", IMAGES)
def test_figures_match_dive(name: str, tmp_path: Path) -> None:
    """They are in the left half of the table, for the version that the page names."""
    if not DIVE.exists():
        pytest.skip("dive is not installed")
    version = subprocess.run([DIVE, "--version"], capture_output=True, text=True, check=True).stdout
    if "0.13.1" not in version:
        pytest.skip(f"the page is about dive 0.13.1, this is {version.strip()}")
    written = tmp_path / "dive.json"
    image = _saved(tmp_path, name)
    subprocess.run(
        [DIVE, "--json", written, f"docker-archive://{image}"], capture_output=True, check=True
    )
    figures = json.loads(written.read_bytes())["image"]
    assert figures["inefficientBytes"] == int(ROWS[name]["dive: wasted"])
    assert _rounded(figures["efficiencyScore"]) == ROWS[name]["dive: efficiency"]


def test_the_rules_of_dive_are_read() -> None:
    """`.dive-ci` is read, with the names of its rules in layerscope."""
    (table,) = tables(sections(read("coming-from-dive.md"), 2)["CI"])
    assert (
        dict(zip(table.column(".dive-ci"), table.column(".layerscope.toml"), strict=True)) == KEYS
    )


def _saved(folder: Path, name: str) -> Path:
    layers = [layer_tar(members) for members in IMAGES[name]]
    return write(folder / "image.tar", docker_archive(layers))


def _rounded(ratio: float) -> str:
    """A ratio as the page writes it; less than a millionth is 0."""
    return re.sub(r"\.?0+ %$", " %", f"{100 * ratio:.2f} %")
