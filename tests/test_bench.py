"""The benchmark's figures on the pages, and the guard's stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import fleet, guard, results, wire
from bench.docker_archive import docker_archive as docker_archive_of
from bench.results import Figures, Results, Row
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from tests.images import docker_archive, file, layer_tar, oci_archive, write

OURS = Figures("layerscope 1", 3, 0.5, 0.4, 0.6, 0.7, 90_000_000)
PEER = Figures("dive 1", 1, 10.0, 10.0, 10.0, 9.0, 120_000_000)
RUN = Results("abc", "2026-01-01", "2 CPUs", [Row("B", "a report", OURS, PEER, 1 / 15)])


def test_tables_show_medians_and_ratios() -> None:
    """They name the commit that was measured."""
    assert "| a report | 0.50 s | dive 1 10.00 s | **1/20** |" in results.table(RUN)
    assert "commit abc" in results.table(RUN)
    detailed = results.detailed_table(RUN)
    assert "0.50 s (0.40–0.60) | 0.70 s | 90 MB | 1/20 | ≤ 1/15: met |" in detailed
    assert "10.00 s (10.00–10.00) | 9.00 s | 120 MB |  |  |" in detailed


def test_the_figures_of_the_pages_come_from_one_run() -> None:
    """The run has every case and was made at a commit."""
    saved = results.load()
    assert [row.case for row in saved.rows] == ["A", "B", "C", "D", "E"]
    assert len(saved.commit) == 10


def test_bytes_over_the_wire_are_shown_beside_those_of_peers() -> None:
    """The maximum is shown, too; without the peer, its cells are empty."""
    rows = [wire.Row("a row down", 548, 210, 1500), wire.Row("the start", 120_400, None, 60_000)]
    shown = wire.table(wire.Results("abc", "2026-01-01", "a.tar", "layerscope 1", "dive 1", rows))
    assert "| a row down | 0.5 kB | 0.2 kB | 1.5 kB |" in shown
    assert "| the start | 120 kB |  | 60.0 kB |" in shown
    assert "a.tar, layerscope 1, commit abc, 2026-01-01" in shown


def test_the_bytes_of_the_pages_come_from_one_run() -> None:
    """The run has every case, was made at a commit, and exceeds no maximum."""
    saved = wire.load()
    assert [row.what for row in saved.rows] == [words for words, _ in wire.TARGETS.values()]
    assert len(saved.commit) == 10
    assert all(row.ours <= row.target for row in saved.rows)


def test_figures_of_fleets_are_shown() -> None:
    """They are shown for each fleet; those for an image and a layer come from the largest one."""
    figures = [(10, 12), (4, 5), (50, 60), (2, 3), (1, 1), (8, 20), (4, 10)]
    rows = [fleet.Row("`fleet`", 100, 50, 10**7, *one, 10**8) for one in figures]
    shown = fleet.table(fleet.Results("abc", "2026-01-01", "2 CPUs", rows))
    assert "| 100 | 50 | 10 MB | `fleet` | 10.0 s | 12.0 s | 100 MB |" in shown
    assert "1/5.0 of the time" in shown
    assert "an image costs 100 ms of CPU time, and a distinct layer 200 ms once" in shown


def test_the_figures_of_fleets_come_from_one_run() -> None:
    """It was made at a commit and is within the limits."""
    saved = fleet.load()
    assert len(saved.commit) == 10
    first, _, loop, *_ = saved.rows
    assert loop.wall >= fleet.MIN_SPEEDUP * first.wall
    assert all(row.memory <= fleet.MAX_MEMORY for row in saved.rows)


def test_a_fleet_is_measured() -> None:
    """It is read cold, from the cache, and compared with single reports."""
    rows = fleet.measure(3, 0.001, 1, loop=True)
    assert [(row.images, row.what) for row in rows] == [
        (3, "`fleet`"),
        (3, "`fleet` again, from the cache"),
        (3, "a loop of single reports"),
    ]
    assert all(row.layers and row.wall > 0 and row.cpu > 0 and row.memory for row in rows)


def test_dive_gets_a_docker_archive_of_any_image(tmp_path: Path) -> None:
    """The archive has the same layers, decompressed; a Docker archive is used unchanged."""
    layer = layer_tar([file("a", b"a" * 9000)])
    docker = write(tmp_path / "docker.tar", docker_archive([layer]))
    assert docker_archive_of(docker, tmp_path) == docker
    oci = write(tmp_path / "image.oci.tar", oci_archive([layer], compress="zstd"))
    converted = docker_archive_of(oci, tmp_path)
    one, other = (open_image(Request(str(path)), Options()) for path in (converted, oci))
    assert converted != oci
    assert one.image.source_kind != other.image.source_kind
    assert one.accounting.stored == other.accounting.stored == 9000


def test_the_guard_measures_key_presses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts CPU seconds in the explorer and in a bare app."""
    monkeypatch.setattr(guard, "KEY_PRESSES", 2)
    image = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a")])]))
    guard.measure_keys(str(image))
    seconds = json.loads(capsys.readouterr().out)
    assert seconds.keys() == {"bare", *guard.KEYS}
    assert all(seconds > 0 for seconds in seconds.values())


def test_the_guard_measures_each_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts CPU seconds of each stage of a report."""
    image = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a" * 9000)])]))
    guard.measure_stages(str(image))
    seconds = json.loads(capsys.readouterr().out)
    assert {"Reading layers", "Stacking", "Running rules"} <= seconds.keys()
    assert {*guard.PLAIN, *guard.GZIP} >= {"Reading layers", "Stacking"}
    assert all(seconds >= 0 for seconds in seconds.values())
