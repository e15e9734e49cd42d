"""The benchmark's figures, as pages show them, and the guard's stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import guard, results
from bench.results import Figures, Results, Row
from tests.images import docker_archive, file, layer_tar, write

OURS = Figures("layerscope 1", 3, 0.5, 0.4, 0.6, 0.7, 90_000_000)
PEER = Figures("dive 1", 1, 10.0, 10.0, 10.0, 9.0, 120_000_000)
RUN = Results("abc", "2026-01-01", "2 CPUs", [Row("B", "a report", OURS, PEER, 1 / 15)])


def test_tables_show_the_medians_and_what_they_come_to() -> None:
    """With the commit that was measured."""
    assert "| a report | 0.50 s | dive 1 10.00 s | **1/20** |" in results.table(RUN)
    assert "commit abc" in results.table(RUN)
    detailed = results.detailed_table(RUN)
    assert "0.50 s (0.40–0.60) | 0.70 s | 90 MB | 1/20 | ≤ 1/15: met |" in detailed
    assert "10.00 s (10.00–10.00) | 9.00 s | 120 MB |  |  |" in detailed


def test_the_figures_of_the_pages_are_those_of_a_run() -> None:
    """Of every case, at a commit."""
    kept = results.load()
    assert [row.case for row in kept.rows] == ["A", "B", "C", "D", "E"]
    assert len(kept.commit) == 10


def test_the_guard_tells_stages_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each that a report goes through, in CPU seconds."""
    image = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a" * 9000)])]))
    guard.measure_stages(str(image))
    taken = json.loads(capsys.readouterr().out)
    assert {"Reading layers", "Stacking", "Running rules"} <= taken.keys()
    assert {*guard.PLAIN, *guard.GZIP} >= {"Reading layers", "Stacking"}
    assert all(seconds >= 0 for seconds in taken.values())
