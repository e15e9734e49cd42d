"""Every layer is read once, figures equal those of single reports, and failures are rows."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from layerscope.errors import CorruptImageError
from layerscope.fleet import tasks
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.messages import LayerTask
from layerscope.fleet.pending import ATTEMPTS
from layerscope.fleet.processes import Processes
from layerscope.fleet.tables import TABLES, FindingRow, ImageRow, LayerRow, PackageRow, WasteRow
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.opening.open import Options, open_image
from layerscope.report.fleet_json import document as fleet_document
from layerscope.report.schema import document
from layerscope.sources.base import Request
from tests.fleet.running import fleet_of, setup_of, written
from tests.images import docker_archive, file, layer_tar, oci_archive, write

BASE = layer_tar([file("etc/os-release", b"ID=x\n"), file("usr/bin/tool", b"tool" * 100)])
A, B = layer_tar([file("a", b"a" * 10)]), layer_tar([file("b", b"b" * 20)])


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many times each layer is read through, by its diff ID."""
    counts: Counter[str] = Counter()

    def counted(blob: Blob, *args: Any, **kwargs: Any) -> LayerIndex:
        index = index_layer(blob, *args, **kwargs)
        counts[str(index.diff_id)] += 1
        return index

    monkeypatch.setattr(tasks, "index_layer", counted)
    monkeypatch.setattr("layerscope.layers.reading.index_layer", counted)
    return counts


def tables_of(fleet: Fleet) -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {name: list(fleet.results.rows(kind)) for name, kind in TABLES.items()}


def test_figures_are_those_of_single_reports(tmp_path: Path, reads: Counter[str]) -> None:
    """For every image, layer, finding, package and wasted file; and each distinct layer is read once."""
    paths = written(tmp_path / "images", 14)
    fleet = fleet_of(tmp_path, paths)
    assert not fleet.failures
    assert set(reads.values()) == {1}
    assert len(reads) == fleet.answers.totals.distinct_layers == fleet.reading.layers_read
    images = fleet_document(fleet)["fleet"]["images"]
    for number, path in enumerate(paths):
        opened = open_image(Request(str(path)), Options(rules={}))
        single = document(opened)
        totals = {k: v for k, v in single["totals"].items() if k != "unknownLayers"}
        assert images[number]["totals"] == totals
        layers = fleet.results.of_image(LayerRow, number)
        assert [(row.diff_id, row.stored_bytes, row.wasted_bytes, row.tar_bytes) for row in layers] == [
            (one["diffId"], one["storedBytes"], one["wastedBytes"], one["tarBytes"]) for one in single["layers"]
        ]  # fmt: skip
        waste = fleet.results.of_image(WasteRow, number)
        assert [(row.path, row.bytes, row.reason, row.stored_in, row.hidden_by) for row in waste] == [
            (one["path"], one["bytes"], one["reason"], one["storedIn"], one["hiddenBy"]) for one in single["waste"]["records"]
        ]  # fmt: skip
        findings = {row.finding: row for row in fleet.results.of_image(FindingRow, number)}
        assert [(row.rule, row.total_bytes) for row in findings.values()] == [
            (one["rule"], one["bytes"]) for one in single["findings"]
        ]
        packages = fleet.results.of_image(PackageRow, number)
        assert [(row.name, row.version, row.bytes) for row in packages] == [
            (one["name"], one["version"], one["bytes"]) for one in single["packages"]
        ]


def test_results_do_not_depend_on_processes_or_cache(tmp_path: Path) -> None:
    paths = written(tmp_path / "images", 8)
    alone = fleet_of(tmp_path / "alone", paths)
    for _ in range(2):  # then all layers are in the store
        with Processes(10) as workers:
            several = fleet_of(tmp_path / "several", paths, workers)
        assert tables_of(several) == tables_of(alone)
        assert fleet_document(several) == fleet_document(alone)
    assert several.reading.layers_read == 0


def test_the_same_layer_is_one_however_it_is_compressed(
    tmp_path: Path, reads: Counter[str]
) -> None:
    """Compressed bytes are those of each image."""
    gz = write(tmp_path / "gz.tar", oci_archive([BASE, A]))
    plain = write(tmp_path / "plain.tar", docker_archive([BASE, B]))
    fleet = fleet_of(tmp_path, [gz, plain])
    assert sorted(reads.values()) == [1, 1, 1]
    first, second = fleet.results.of_image(LayerRow, 0), fleet.results.of_image(LayerRow, 1)
    assert first[0].compressed
    assert first[0].bytes < first[0].tar_bytes
    assert not second[0].compressed
    assert second[0].bytes == second[0].tar_bytes == len(BASE)
    assert [row.compressed_bytes is None for row in fleet.results.rows(ImageRow)] == [False, True]


def test_layers_are_counted_while_they_are_read(tmp_path: Path) -> None:
    """The callback gets every count up to the number of distinct layers."""
    counts_seen: list[tuple[int, int]] = []
    paths = written(tmp_path / "images", 4)
    fleet = fleet_of(tmp_path, paths, watch=lambda done, total: counts_seen.append((done, total)))
    layers = fleet.answers.totals.distinct_layers
    assert [done for done, _ in counts_seen] == list(range(1, layers + 1))
    assert {total for _, total in counts_seen} == {layers}


def test_a_missing_image_is_a_row(tmp_path: Path) -> None:
    """The row has the reason, and the fleet raises an error after the report."""
    good = write(tmp_path / "good.tar", docker_archive([A]))
    fleet = fleet_of(tmp_path, [tmp_path / "missing.tar", good])
    missing, row = fleet.results.rows(ImageRow)
    assert missing.stored_bytes is None
    assert "no such file" in str(missing.error)
    assert row.stored_bytes == 10
    assert fleet.answers.totals.failed_images == 1
    with pytest.raises(CorruptImageError, match=r"missing\.tar"):
        fleet.raise_failures()


def damaged(archive: bytes, layer: bytes) -> bytes:
    """An archive in which the first file of a layer has other bytes."""
    at = archive.index(layer) + 512
    return archive[:at] + bytes(byte ^ 1 for byte in archive[at : at + 4]) + archive[at + 4 :]


def test_a_damaged_copy_of_a_layer_is_not_used(tmp_path: Path) -> None:
    """The next copy of the layer is read instead."""
    bad = write(tmp_path / "0.tar", damaged(docker_archive([BASE, A]), BASE))
    good = write(tmp_path / "1.tar", docker_archive([BASE, B]))
    fleet = fleet_of(tmp_path, [bad, good])
    assert not fleet.failures
    base, _ = fleet.results.of_image(LayerRow, 0)
    assert replace(base, image=1) == fleet.results.of_image(LayerRow, 1)[0]
    assert fleet.answers.totals.distinct_layers == 3
    assert fleet.reading.layers_read == 4


def test_a_layer_without_an_intact_copy_damages_its_images(tmp_path: Path) -> None:
    """Their rows have the error, and the figures of what could be read."""
    archive = docker_archive([BASE, A])
    cut = write(tmp_path / "cut.tar", archive[: archive.index(A) + 100])
    good = write(tmp_path / "good.tar", docker_archive([BASE, B]))
    fleet = fleet_of(tmp_path, [cut, good])
    first, second = fleet.results.rows(ImageRow)
    assert first.error is not None
    assert second.error is None
    assert fleet.answers.totals.damaged_images + fleet.answers.totals.failed_images == 1


def test_each_image_of_an_archive_is_a_row(tmp_path: Path) -> None:
    """Named by its tag."""
    from tests.images import archive as packed
    from tests.images import docker_files

    one, other = docker_files([BASE, A], tags=["app:1"]), docker_files([BASE, B], tags=["app:2"])
    manifest = one["manifest.json"][:-1] + b"," + other["manifest.json"][1:]
    both = {**one, **other, "manifest.json": manifest}
    both.pop("repositories")
    path = write(tmp_path / "both.tar", packed(both))
    fleet = fleet_of(tmp_path, [path])
    assert [(row.name, row.stored_bytes) for row in fleet.results.rows(ImageRow)] == [
        ("app:1", 415),
        ("app:2", 425),
    ]


def kill_once(task: LayerTask, mark: str) -> Any:
    """Read layers, but kill the process at the first attempt."""
    path = Path(mark)
    if task.layers == (0,) and not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return tasks.read_layers(task)


class ReplacedReadLayers(Executor):
    """Runs another function in place of `read_layers`."""

    def __init__(self, workers: Executor, function: Callable[..., Any], *more: Any) -> None:
        self._workers = workers
        self._function = function
        self._more = more

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is tasks.read_layers:
            return self._workers.submit(self._function, *args, *self._more)
        return self._workers.submit(fn, *args, **kwargs)


def test_a_process_that_is_killed_changes_nothing(tmp_path: Path) -> None:
    """Its layers are read again."""
    paths = written(tmp_path / "images", 4)
    alone = fleet_of(tmp_path / "alone", paths)
    with Processes(2) as workers:
        killed = fleet_of(
            tmp_path / "killed",
            paths,
            ReplacedReadLayers(workers, kill_once, str(tmp_path / "mark")),
        )
    assert (tmp_path / "mark").exists()
    assert tables_of(killed) == tables_of(alone)


class BrokenForLayer(Executor):
    """Fails each task for one layer as if its process was lost."""

    def __init__(self, workers: Executor, layer: int) -> None:
        self._workers = workers
        self._layer = layer
        self.attempts = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is tasks.read_layers and args[0].layers == (self._layer,):
            self.attempts += 1
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("gone"))
            return future
        return self._workers.submit(fn, *args, **kwargs)


def test_a_layer_that_kills_processes_is_given_up(tmp_path: Path) -> None:
    """After some attempts; images without it have their figures."""
    from concurrent.futures import ThreadPoolExecutor

    bad = write(tmp_path / "bad.tar", docker_archive([BASE, A, B]))
    good = write(tmp_path / "good.tar", docker_archive([BASE, A]))
    with ThreadPoolExecutor(1) as here:
        broken = BrokenForLayer(here, 2)
        fleet = fleet_of(tmp_path, [bad, good], broken)
    assert broken.attempts == ATTEMPTS
    first, second = fleet.results.rows(ImageRow)
    assert first.error is not None
    assert "layer 2" in first.error
    assert "given up" in first.error
    assert second.stored_bytes == 415


def test_entries_that_the_cache_loses_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may trim the cache."""
    path = write(tmp_path / "a.tar", docker_archive([BASE, A]))
    whole = tasks.read_image
    lost: list[Path] = []

    def without_store(*args: Any) -> Any:
        if not lost:
            for entry in (tmp_path / "store").rglob("*.layer"):
                lost.append(entry)
                entry.unlink()
        return whole(*args)

    monkeypatch.setattr("layerscope.fleet.run.read_image", without_store)
    fleet = fleet_of(tmp_path, [path])
    assert len(lost) == 2
    assert not fleet.failures
    assert fleet.reading.layers_read == 4


def test_results_that_carry_entries_need_no_common_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on machines that share no folder."""
    paths = written(tmp_path / "images", 3)
    alone = fleet_of(tmp_path / "alone", paths)
    whole = tasks.read_image

    def elsewhere(task: Any, layers: Any) -> Any:
        for entry in (tmp_path / "store").rglob("*.layer"):
            entry.unlink()
        return whole(task, layers)

    monkeypatch.setattr("layerscope.fleet.run.read_image", elsewhere)
    carried = fleet_of(tmp_path, paths, setup=setup_of(tmp_path, carry=True))
    assert tables_of(carried) == tables_of(alone)
    assert carried.reading.layers_read == alone.reading.layers_read
