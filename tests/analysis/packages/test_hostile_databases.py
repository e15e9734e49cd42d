"""Hostile or damaged package databases: their SQL is never executed, and missing packages are reported."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from layerscope.analysis.packages import rpm_sqlite
from layerscope.analysis.packages.rpm_database import UnreadableDatabaseError
from layerscope.analysis.packages.rpm_sqlite import headers
from layerscope.errors import CancelledError
from layerscope.layers.store import Store
from layerscope.opening.open import Options, open_image
from layerscope.progress import NullProgress
from layerscope.settings import RuleChoice
from layerscope.sources import Request
from tests.analysis.findings.rule_images import findings_of, opened_of
from tests.analysis.packages.test_packages import STATUS, database, header
from tests.images import docker_archive, file, layer_tar, write

PROGRAMS = [
    "CREATE VIEW Packages AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x AS hnum, x AS blob FROM r;",
    "CREATE TABLE Packages (hnum, blob GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL); INSERT INTO Packages VALUES (1);",
    "CREATE TABLE Packages (hnum, x AS (1), blob BLOB); INSERT INTO Packages VALUES (1, x'00');",
    "CREATE TABLE Packages (hnum, other BLOB); INSERT INTO Packages VALUES (1, x'00');",
    "CREATE TABLE Other (x);",
    # The list of tables is wrong.
    "CREATE TABLE Packages (hnum, blob BLOB); PRAGMA writable_schema=ON; DELETE FROM sqlite_master; INSERT INTO sqlite_master"
    " VALUES ('table', 'Packages', 'Packages', 2, 'create table Others(hnum, blob)'), ('view', 'x', 'x', 0, 'create view Packages as"
    " with recursive r(x) as (select 1 union all select x + 1 from r) select x as hnum, x as blob from r');",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_that_a_database_defines_is_computed(program: str) -> None:
    """Databases with endless views or columns of a gigabyte are rejected, and the warning names them."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(program)
    data = connection.serialize()
    opened = opened_of([("x", [file("a", b"a")]), ("y", [file("var/lib/rpm/rpmdb.sqlite", data)])])
    assert findings_of(opened).packages == ()
    (warning,) = opened.warnings
    assert (warning.code, warning.layer) == ("packages-unreadable", 1)
    assert "/var/lib/rpm/rpmdb.sqlite: " in warning.message


def test_reading_a_database_can_be_cancelled() -> None:
    """This holds even while SQLite works."""

    class Stopped(NullProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(CancelledError):
        list(headers(database(*[b"x" * 100] * 5000), Stopped()))


def test_a_slow_database_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages read so far are kept."""
    monkeypatch.setattr(rpm_sqlite, "MAX_STEPS", 20_000)
    found: list[bytes | None] = []
    rows = headers(database(*[b"x" * 100] * 9000), NullProgress())
    with pytest.raises(UnreadableDatabaseError, match="longer"):
        found.extend(row for row in rows)
    assert 0 < len(found) < 9000


def test_a_header_cannot_expand_beyond_its_size() -> None:
    """A directory name of 100 kB is repeated for each file."""
    files = {b"/" + b"d" * 100_000 + b"/%d" % number: b"" for number in range(200)}
    data = database(header(b"bomb", files), header(b"bash", {b"/usr/bin/bash": b""}))
    opened = opened_of(
        [("x", [file("var/lib/rpm/rpmdb.sqlite", data), file("usr/bin/bash", b"b" * 5)])]
    )
    assert [package.name for package in findings_of(opened).packages] == ["bash"]
    assert "damage in 1 of 2 packages" in opened.warnings[0].message


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("var/lib/dpkg/status", b"\x7fELF\0\0", "damage in 1 of 1 package"),
        ("var/lib/dpkg/status", STATUS[:250], "damage in 1 of 3 packages"),
        ("lib/apk/db/installed", b"\0\1", "damage in 1 of 1 package"),
        ("lib/apk/db/installed", b"P:a\nV:1\n\nP:b\n", "damage in 1 of 2 packages"),
        ("var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + b"x" * 4000, "SQLite says: "),
        ("var/lib/rpm/rpmdb.sqlite", database(b"broken"), "damage in 1 of 1 package"),
        ("var/lib/rpm/rpmdb.sqlite", database(b"b" * 3000, b"c" * 9000)[:8192], "SQLite says: "),
    ],
)
def test_a_damaged_database_is_named_in_a_warning(path: str, data: bytes, said: str) -> None:
    """Missing packages would go unnoticed otherwise."""
    warnings = opened_of([("x", [file(path, data)])]).warnings
    (warning,) = [warning for warning in warnings if warning.code == "packages-unreadable"]
    assert f"/{path}: " in warning.message
    assert said in warning.message


def test_warnings_are_the_same_with_a_cache(tmp_path: Path) -> None:
    """The image is opened again with other rules, with the same, and without findings, which needs no package databases."""
    image = docker_archive([layer_tar([file("var/lib/rpm/rpmdb.sqlite", b"no database")])])
    request = Request(str(write(tmp_path / "image.tar", image)))
    store = Store(tmp_path / "cache")
    first = open_image(request, Options(rules={})).warnings
    assert [warning.code for warning in first] == ["packages-unreadable"]
    for rules in ({}, {}, {"apt-lists": RuleChoice(enabled=False)}):
        assert open_image(request, Options(rules=rules, cache=store)).warnings == first
    assert open_image(request, Options(cache=store)).warnings == []


def test_intact_databases_give_no_warning() -> None:
    """This includes databases without packages."""
    databases = [
        file("var/lib/dpkg/status", STATUS + b"\n"),
        file("lib/apk/db/installed", b"P:a\nV:1\n\n\n"),
        file("var/lib/rpm/rpmdb.sqlite", database(header(b"bash", {b"/b": b""}))),
    ]
    assert opened_of([("x", databases)]).warnings == []
    assert opened_of([("x", [file(one.name, b"") for one in databases])]).warnings == []
