"""The folder of `--output`: a folder of Parquet files for each run, and the journal of one that has not ended.

A run is `run=000001/`, with a file for each table of `tables.py` and `runs.parquet`, which describes it. It appears once it is
complete. DuckDB and pandas read the number of the run from the name of its folder, as a column (Hive partitioning).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import types
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from layerscope import __version__
from layerscope.errors import UsageError
from layerscope.fleet.tables import TABLES, Row
from layerscope.text import safe_name

if TYPE_CHECKING:
    import pyarrow as pa

    from layerscope.fleet.fleet import Fleet

JOURNAL = "unfinished.journal"
"""File name of the journal of an unfinished run."""
_LOCK = "lock"
_RUN = re.compile(r"run=(\d{6,18})", re.ASCII)
_WRITE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
"""Flags for opening files of the folder: links are not followed."""
_BATCH = 8192
"""Rows converted at a time."""


class RunRow(Row, frozen=True):
    """A run. Its number, `run`, is a column of every table."""

    started: Annotated[str, Meta(description="when it began, UTC")]
    version: Annotated[str, Meta(description="version of layerscope")]
    images: Annotated[int, Meta(description="number of images")]
    failed_images: Annotated[int, Meta(description="images without figures")]
    layers: Annotated[int, Meta(description="layers of all images")]
    distinct_layers: Annotated[int, Meta(description="distinct layers")]
    stored_bytes: Annotated[int, Meta(description="stored bytes of all images")]
    stored_once_bytes: Annotated[
        int, Meta(description="stored bytes, with each distinct layer counted once")
    ]
    wasted_bytes: Annotated[int, Meta(description="wasted bytes of all images")]
    avoidable_bytes: Annotated[int, Meta(description="avoidable bytes of all images")]


KINDS: dict[str, type[Row]] = {"runs": RunRow, **TABLES}
"""The tables of a run, a file each."""


def runs_in(folder: Path) -> list[int]:
    """The numbers of the runs in a folder, ascending. Raises `UsageError` if it cannot be read."""
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError as error:
        raise UsageError(f"{safe_name(str(folder))}: {error.strerror or error}") from None
    return sorted(int(found[1]) for name in names if (found := _RUN.fullmatch(name)))


def folder_of(folder: Path, run: int) -> Path:
    """The folder of a run."""
    return folder / f"run={run:06}"


class RunFolder:
    """The folder of `--output` while a run writes to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = datetime.now(UTC)

    @classmethod
    @contextmanager
    def locked(cls, folder: Path) -> Iterator[RunFolder]:
        """Create the folder if needed, and lock it against other runs. Raises `UsageError`."""
        _require_pyarrow()
        shown = safe_name(str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / _LOCK, _WRITE_FLAGS, 0o666)
        except OSError as error:
            raise UsageError(f"cannot write {shown}: {error.strerror or error}") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"cannot write {shown}: another run writes to it",
                    hint="wait until it ends, or name another folder",
                ) from None
            yield cls(folder)
        finally:
            os.close(descriptor)

    @property
    def journal(self) -> Path:
        """The path of the journal of the run."""
        return self._folder / JOURNAL

    def write(self, fleet: Fleet) -> Path:
        """Write a run, and remove its journal. Returns its folder. Raises `UsageError` if there is no room."""
        run = max(runs_in(self._folder), default=0) + 1
        unfinished = self._folder / f".{folder_of(self._folder, run).name}"
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for name, kind in KINDS.items():
                rows = iter([self._run_row(fleet)]) if kind is RunRow else fleet.results.rows(kind)
                _write(unfinished / f"{name}.parquet", kind, rows)
            unfinished.rename(folder_of(self._folder, run))
        except OSError as error:
            with suppress(OSError):
                shutil.rmtree(unfinished)
            raise UsageError(
                f"{safe_name(str(self._folder))}: the run cannot be written: {error.strerror or error}",
                hint="the journal stays: the same command goes on from there",
            ) from error
        self.journal.unlink(missing_ok=True)
        return folder_of(self._folder, run)

    def _run_row(self, fleet: Fleet) -> RunRow:
        totals = fleet.answers.totals
        return RunRow(
            self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            __version__,
            totals.images,
            totals.failed_images,
            totals.layers,
            totals.distinct_layers,
            totals.stored_bytes,
            totals.stored_once_bytes,
            totals.wasted_bytes,
            totals.avoidable_bytes,
        )


def _require_pyarrow() -> None:
    """Raise `UsageError` unless pyarrow is installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"--output needs pyarrow, which is not installed ({error})",
            hint="pip install 'layerscope[fleet]'",
        ) from None


def _write(path: Path, kind: type[Row], rows: Iterator[Row]) -> None:
    """Write one table. Raises OSError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(kind)
    with path.open("wb") as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        while batch := list(islice(rows, _BATCH)):
            columns = zip(*map(msgspec.structs.astuple, batch), strict=True)
            arrays = [
                pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        stream.flush()
        os.fsync(stream.fileno())


def columns_of(kind: type[Row]) -> Iterator[tuple[str, str, bool, str]]:
    """The columns of a table: name, type as DuckDB calls it, whether it may be null, and description."""
    for field in msgspec.structs.fields(kind):
        hint, notes = _parts(typing.get_type_hints(kind, include_extras=True)[field.name])
        null = type(None) in typing.get_args(hint)
        plain = next((part for part in _alternatives(hint) if part is not type(None)), hint)
        yield field.encode_name, _TYPES[plain], null, notes


_TYPES: dict[Any, str] = {
    str: "VARCHAR",
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
    tuple[str, ...]: "VARCHAR[]",
}


def _parts(hint: Any) -> tuple[Any, str]:
    """A type without its metadata, and their description."""
    kind, *metadata = typing.get_args(hint)
    return kind, next((str(each.description) for each in metadata if isinstance(each, Meta)), "")


def _alternatives(hint: Any) -> Sequence[Any]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _schema(kind: type[Row]) -> pa.Schema:
    """The Arrow schema of a table."""
    import pyarrow as pa

    arrow_types = {
        "VARCHAR": pa.string(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "VARCHAR[]": pa.list_(pa.string()),
    }
    return pa.schema(
        [
            pa.field(name, arrow_types[type_name], null, {"description": description})
            for name, type_name, null, description in columns_of(kind)
        ]
    )
