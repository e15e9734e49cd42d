"""The SQLite database of rpm, taken for the hostile file that it may be: nothing that it defines is ever computed.

A view, a generated column or a trigger is a program of whoever made the image. `Packages` is read only if it is a plain table;
SQLite itself may do nothing but read it, and no more of that than a database of this size can need.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from layerscope.analysis.packages.rpm_database import LARGEST, UnreadableDatabaseError, within
from layerscope.progress import Progress, check

STEPS = 50_000_000
"""Instructions of SQLite's machine for one database: some seconds, where a real one takes some thousands of them."""

_EVERY = 10_000
"""Instructions between two looks at what they add up to."""
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: LARGEST,
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
    return within(len(data), _headers(data, progress), progress)


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
        for (header,) in connection.execute(_HEADERS, (LARGEST,)):
            yield header
    except sqlite3.Error as error:
        check(progress)
        raise UnreadableDatabaseError(watch.why or f"SQLite says: {str(error)[:200]}") from None
    except (MemoryError, OverflowError, UnicodeDecodeError):
        raise UnreadableDatabaseError("it is damaged") from None
    finally:
        connection.close()


class _Watch:
    """Counts what SQLite does, and stops it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._steps = 0
        self.why = ""

    def stop(self) -> bool:
        """Whether to stop now."""
        self._steps += _EVERY
        if self._steps > STEPS:
            self.why = "reading it takes longer than it can for a real one"
        return bool(self.why) or self._progress.cancelled()


def _refuse_programs(connection: sqlite3.Connection) -> None:
    """Raise `UnreadableDatabaseError` unless `Packages` is a table whose columns are stored."""
    found = connection.execute(
        "SELECT type, sql FROM sqlite_master WHERE name = 'Packages' COLLATE NOCASE LIMIT 2"
    ).fetchall()
    if not found:
        raise UnreadableDatabaseError("it has no table of packages")
    kind, sql = found[0]
    if (
        len(found) > 1
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
    """The operations allowed to the one query: reading `Packages`, with `typeof` and `length`, whatever that name is in
    the schema."""
    allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and (first or "").lower() == "packages")
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in ("typeof", "length"))
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _as_rollback(data: bytes) -> bytes:
    """A database in WAL mode cannot be opened from memory: bytes 18 and 19 say which mode it is in (SQLite file format)."""
    return data[:18] + b"\x01\x01" + data[20:] if data[18:20] == b"\x02\x02" else data
