"""Runs in the folder of --output: tables as Parquet, and the journal of an unfinished run."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from layerscope.analysis.gate.config import GateConfig
from layerscope.errors import LayerscopeError, UsageError
from layerscope.fleet.fleet import Fleet, read_fleet
from layerscope.fleet.journal import Journal, LayerRead
from layerscope.fleet.messages import LayerResult, Setup, StoreAt
from layerscope.fleet.pending import Workers
from layerscope.fleet.runs import KINDS, RunFolder, RunRow, columns_of, folder_of, runs_in
from layerscope.fleet.tables import TABLES
from layerscope.limits import DEFAULT_LIMITS
from layerscope.progress import NullProgress
from layerscope.report.fleet_json import document
from tests.fleet.running import fleet_of, written


def write(folder: Path, fleet: Fleet) -> Path:
    """Write a run of a fleet; returns its folder."""
    with RunFolder.locked(folder) as runs:
        return runs.write(fleet)


def test_files_hold_the_rows_of_all_tables(tmp_path: Path) -> None:
    """Columns and their descriptions are those of the tables' definitions."""
    fleet = fleet_of(tmp_path, written(tmp_path / "images", 5))
    run = write(tmp_path / "out", fleet)
    for name, kind in TABLES.items():
        table = pq.read_table(run / f"{name}.parquet", partitioning=None)
        rows = [list(msgspec.structs.astuple(row)) for row in fleet.results.rows(kind)]
        found = [list(row.values()) for row in table.to_pylist()]
        assert found == [[list(c) if isinstance(c, tuple) else c for c in row] for row in rows], (
            name
        )
        for field, (column, _, null, description) in zip(
            table.schema, columns_of(kind), strict=True
        ):
            assert (field.name, field.nullable) == (column, null)
            assert field.metadata[b"description"].decode() == description != ""


def test_runs_are_added(tmp_path: Path) -> None:
    """Each has its own folder, which appears once it is complete."""
    fleet = fleet_of(tmp_path, written(tmp_path / "images", 2))
    for _ in range(3):
        write(tmp_path / "out", fleet)
    assert runs_in(tmp_path / "out") == [1, 2, 3]
    described = pq.read_table(folder_of(tmp_path / "out", 3) / "runs.parquet", partitioning=None)
    [row] = described.to_pylist()
    assert row["images"] == 2
    assert row["storedOnceBytes"] == fleet.answers.totals.stored_once_bytes
    assert set(row) == {field.encode_name for field in msgspec.structs.fields(RunRow)}


def test_one_run_writes_at_a_time(tmp_path: Path) -> None:
    """A second one is refused."""
    with (
        RunFolder.locked(tmp_path),
        pytest.raises(UsageError, match="another run writes to it"),
        RunFolder.locked(tmp_path),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Before any image is read."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot write"), RunFolder.locked(tmp_path / "file"):
        pass


def test_a_run_without_room_leaves_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that looks like a run is left."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    fleet = fleet_of(tmp_path, written(tmp_path / "images", 1))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "unfinished.journal").write_bytes(b"x")
    monkeypatch.setattr("layerscope.fleet.runs._write", full)
    with pytest.raises(LayerscopeError, match="No space left"):
        write(tmp_path / "out", fleet)
    assert runs_in(tmp_path / "out") == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "lock",
        "unfinished.journal",
    ]


class _Ended(Exception):  # noqa: N818
    """Stands for SIGKILL."""


class _CountingExecutor(ThreadPoolExecutor):
    """Counts tasks, and interrupts the run after `most` of them."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__(1)
        self.tasks: list[str] = []
        self._most = most

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._most is not None and len(self.tasks) >= self._most:
            raise _Ended
        self.tasks.append(fn.__name__)
        return super().submit(fn, *args, **kwargs)


def journalled(folder: Path, paths: list[Path], executor: _CountingExecutor, setup: Setup) -> Fleet:
    """A fleet that is read with a journal."""
    references = [str(path) for path in paths]
    return read_fleet(
        references, setup, Workers(executor, 2), NullProgress(), journal=folder / "journal"
    )


@pytest.mark.parametrize("carry", [False, True], ids=["same-store", "carried"])
def test_an_interrupted_run_continues(tmp_path: Path, carry: bool) -> None:
    """Wherever it ends, results in the journal are not computed again, and the report is the same."""
    paths = written(tmp_path / "images", 6)

    def setup(name: str) -> Setup:
        return Setup(DEFAULT_LIMITS, StoreAt(str(tmp_path / name), private=False), carry=carry)

    with _CountingExecutor() as executor:
        whole = journalled(tmp_path, paths, executor, setup("whole"))
        expected, all_tasks = document(whole), len(executor.tasks)
    (tmp_path / "journal").unlink()
    for most in (8, 17, 30):
        store = f"store-{most}"
        with _CountingExecutor(most) as executor, pytest.raises(_Ended):
            journalled(tmp_path, paths, executor, setup(store))
        done = executor.tasks
        with _CountingExecutor() as executor:
            fleet = journalled(tmp_path, paths, executor, setup(store))
        assert document(fleet) == expected
        again = len(executor.tasks) - len(paths)  # describing is done again
        assert again <= all_tasks - len(done) + 2, most  # two tasks may have been under way
        (tmp_path / "journal").unlink()


def test_layers_that_the_store_lost_are_read_again(tmp_path: Path) -> None:
    """The journal alone is not enough."""
    paths = written(tmp_path / "images", 3)
    with _CountingExecutor() as executor:
        first = journalled(
            tmp_path, paths, executor, Setup(DEFAULT_LIMITS, StoreAt(str(tmp_path / "a"), private=False))
        )  # fmt: skip
    with _CountingExecutor() as executor:
        second = journalled(
            tmp_path, paths, executor, Setup(DEFAULT_LIMITS, StoreAt(str(tmp_path / "b"), private=False))
        )  # fmt: skip
    assert document(first) == document(second)
    assert executor.tasks.count("read_layers") == first.reading.layers


def test_a_damaged_journal_is_read_up_to_the_damage(tmp_path: Path) -> None:
    """Cut at any byte, or with a flipped byte."""
    setup = Setup(DEFAULT_LIMITS, StoreAt(str(tmp_path), private=False))
    path = tmp_path / "journal"
    with Journal(path, [], setup) as journal:
        for number in range(3):
            journal.add(LayerRead(str(number), LayerResult(number)))
    whole = path.read_bytes()
    counts = []
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with Journal(path, [], setup) as journal:
            frames = list(journal.frames())
            assert [frame.claim for frame in frames if isinstance(frame, LayerRead)] == [
                str(number) for number in range(len(frames))
            ]
            counts.append(len(frames))
            journal.add(LayerRead("more", LayerResult(9)))
        with Journal(path, [], setup) as journal:
            assert len(list(journal.frames())) == counts[-1] + 1
    assert counts == sorted(counts)
    assert counts[-1] == 3
    path.write_bytes(whole[:-1] + b"\xff")
    with Journal(path, [], setup) as journal:
        assert len(list(journal.frames())) == 2


def test_a_journal_of_other_images_is_not_used(tmp_path: Path) -> None:
    store = StoreAt(str(tmp_path / "store"), private=False)
    paths = written(tmp_path / "images", 3)
    with _CountingExecutor() as executor:
        journalled(tmp_path, paths[:2], executor, Setup(DEFAULT_LIMITS, store))
    with _CountingExecutor() as executor:
        journalled(tmp_path, paths[2:], executor, Setup(DEFAULT_LIMITS, store))
    assert "read_image" in executor.tasks


def test_every_table_has_a_file() -> None:
    assert list(KINDS) == ["runs", *TABLES]


@pytest.mark.parametrize("name", ["lock", "unfinished.journal"])
def test_links_in_the_folder_are_not_followed(tmp_path: Path, name: str) -> None:
    """Another user may have put them into the folder."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"keep")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(victim)
    setup = Setup(DEFAULT_LIMITS, StoreAt(str(tmp_path), private=False))
    with (
        pytest.raises(UsageError),
        RunFolder.locked(tmp_path / "out") as runs,
        Journal(runs.journal, [], setup),
    ):
        pass
    assert victim.read_bytes() == b"keep"


def test_a_journal_of_another_gate_is_not_used(tmp_path: Path) -> None:
    """Rows contain the results of the gate."""
    plain = Setup(DEFAULT_LIMITS, StoreAt(str(tmp_path), private=False))
    path, counts = tmp_path / "journal", []
    for gate in (None, GateConfig(), GateConfig(), GateConfig(wasted_floor=1)):
        with Journal(path, [], msgspec.structs.replace(plain, gate=gate)) as journal:
            counts.append(len(list(journal.frames())))
            journal.add(LayerRead("a", LayerResult(0)))
    assert counts == [0, 0, 1, 0]
