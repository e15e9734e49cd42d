"""Reads the SQLite database of rpm. The file is untrusted, so nothing that it defines is computed.

Views, generated columns and triggers would run code of the image's author. `Packages` is read only if it is a plain table. SQLite is
only allowed to read it, with limits on memory and time.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from layerscope.analysis.packages.rpm_database import (
    MAX_HEADER_BYTES,
    UnreadableDatabaseError,
    limit_headers,
)
from layerscope.progress import Progress, check

MAX_STEPS = 50_000_000
"""Maximum instructions of SQLite's virtual machine per database: a few seconds; a real database needs some thousands."""

_EVERY = 10_000
"""Instructions between two checks of the limit."""
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_HEADER_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 20,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 2,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 10_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 4,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_SETUP = ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON", "temp_store=MEMORY")
_TABLE = re.compile(r"""\s*create\s+table\s+(?:if\s+not\s+exists\s+)?["'`\[]?packages\b""", re.I)
_COMPUTED = re.compile(r"\bgenerated\b|\bas\b|\bvirtual\b|\bcheck\b", re.I)
_HEADERS = """SELECT CASE WHEN typeof(blob) = 'blob' AND length(blob) <= ? THEN blob END FROM Packages NOT INDEXED"""


def headers(data: bytes, progress: Progress) -> Iterator[bytes | None]:
    """The header of each package, None for other values. Headers before any damage are yielded before the error is raised.

    Raises `UnreadableDatabaseError` and `CancelledError`.
    """
    return limit_headers(len(data), _headers(data, progress), progress)


def _headers(data: bytes, progress: Progress) -> Iterator[bytes | None]:
    watch = _Watch(progress)
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(_as_rollback(data))
        for limit, most in _LIMITS.items():
            connection.setlimit(limit, most)
        connection.set_progress_handler(watch.stop, _EVERY)
        for setting in _SETUP:
            connection.execute(f"PRAGMA {setting}")
        _refuse_programs(connection)
        connection.set_authorizer(_only_reading)
        for (header,) in connection.execute(_HEADERS, (MAX_HEADER_BYTES,)):
            yield header
    except sqlite3.Error as error:
        check(progress)
        raise UnreadableDatabaseError(watch.why or f"SQLite says: {str(error)[:200]}") from None
    except (MemoryError, OverflowError, UnicodeDecodeError):
        raise UnreadableDatabaseError("it is damaged") from None
    finally:
        connection.close()


class _Watch:
    """Counts the instructions of SQLite, and stops it at the limit."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._steps = 0
        self.why = ""

    def stop(self) -> bool:
        """Whether to stop now."""
        self._steps += _EVERY
        if self._steps > MAX_STEPS:
            self.why = "reading it takes longer than it can for a real one"
        return bool(self.why) or self._progress.cancelled()


def _refuse_programs(connection: sqlite3.Connection) -> None:
    """Raise `UnreadableDatabaseError` unless `Packages` is a table whose columns are stored."""
    objects = connection.execute(
        "SELECT type, sql FROM sqlite_master WHERE name = 'Packages' COLLATE NOCASE LIMIT 2"
    ).fetchall()
    if not objects:
        raise UnreadableDatabaseError("it has no table of packages")
    kind, sql = objects[0]
    if (
        len(objects) > 1
        or kind != "table"
        or not isinstance(sql, str)
        or not _TABLE.match(sql)
        or _COMPUTED.search(sql)
    ):
        raise UnreadableDatabaseError("its packages are no plain table, but are computed")
    columns = connection.execute("PRAGMA table_xinfo(Packages)").fetchall()
    if any(column[6] for column in columns) or "blob" not in [
        str(column[1]).lower() for column in columns
    ]:
        raise UnreadableDatabaseError("its packages have other columns than rpm's")


def _only_reading(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Authorizer that only allows to read `Packages`, with `typeof` and `length`."""
    allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and (first or "").lower() == "packages")
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in ("typeof", "length"))
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _as_rollback(data: bytes) -> bytes:
    """The database in rollback mode, because one in WAL mode cannot be opened from memory; bytes 18 and 19 hold the mode (SQLite
    file format)."""
    return data[:18] + b"\x01\x01" + data[20:] if data[18:20] == b"\x02\x02" else data
