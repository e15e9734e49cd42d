"""Questions about runs: predefined ones agree with the report, and a question can read nothing but the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from layerscope.analysis.findings.rules import RULES
from layerscope.errors import CorruptImageError, UsageError
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.questions import QUESTIONS, ask
from layerscope.fleet.runs import KINDS, RunFolder, folder_of
from tests.fleet.running import fleet_of, written
from tests.images import docker_archive, file, layer_tar, whiteout, write


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fleet]:
    """A folder with two runs and a quote in its name, and the fleet of the newest."""
    folder = tmp_path_factory.mktemp("fleet") / "it's"
    paths = written(folder / "images", 8)
    for count in (3, 8):
        fleet = fleet_of(folder / "work", paths[:count])
        with RunFolder.locked(folder / "out") as run:
            run.write(fleet)
    return folder / "out", fleet


def rows(folder: Path, question: str, **more: Any) -> list[dict[str, Any]]:
    """The rows of the answer as dicts."""
    answer = ask(folder, question, **more)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows()]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_predefined_question_has_an_answer(runs: tuple[Path, Fleet], name: str) -> None:
    """For one run and for all."""
    ask(runs[0], name)
    list(ask(runs[0], name, all_runs=True).rows())


def test_predefined_questions_agree_with_the_report(runs: tuple[Path, Fleet]) -> None:
    """For layers, rules, packages, shares, growth and lines."""
    folder, fleet = runs
    answers = fleet.answers
    assert {(r["key"], r["storedBytes"], r["totalBytes"], r["images"], r["line"]) for r in rows(folder, "layers")} == {
        (one.digest, one.stored_bytes, one.total_bytes, one.images, one.line) for one in answers.layers
    }  # fmt: skip
    assert {(r["rule"], r["title"], r["images"], r["bytes"]) for r in rows(folder, "rules")} == {
        (one.rule, one.title, one.images, one.bytes) for one in answers.rules
    }
    assert {(r["name"], r["images"], r["bytes"], tuple(r["versions"])) for r in rows(folder, "packages")} == {
        (one.name, one.images, one.bytes, tuple(sorted(v.version for v in one.versions))) for one in answers.packages
    }  # fmt: skip
    assert sorted((r["sharedBytes"] or 0, r["uniqueBytes"]) for r in rows(folder, "shares")) == sorted(
        (one.shared_bytes, one.unique_bytes) for one in answers.shares
    )  # fmt: skip
    assert [(r["day"], r["addedBytes"], r["storedOnceBytes"]) for r in rows(folder, "growth")] == [
        (one.date, one.added_bytes, one.stored_once_bytes) for one in answers.growth
    ]
    lines = {r["line"]: r for r in rows(folder, "lines")}
    for one in answers.lines:
        found = lines[one.line]
        assert (found["storedBytes"], found["wastedBytes"]) == (one.stored_bytes, one.wasted_bytes)


def test_rules_have_titles_of_rules(tmp_path: Path) -> None:
    """Titles of findings name layers of a single image."""
    big = layer_tar([file("big", b"x" * 3_000_000)])
    images = [[big, layer_tar([whiteout("big")])], [big, big, layer_tar([whiteout("big")])]]
    paths = [
        write(tmp_path / f"{number}.tar", docker_archive(layers))
        for number, layers in enumerate(images)
    ]
    fleet = fleet_of(tmp_path, paths)
    with RunFolder.locked(tmp_path / "out") as run:
        run.write(fleet)
    titles = {rule.name: rule.title for rule in RULES}
    found = rows(tmp_path / "out", "rules")
    assert found
    assert [row["title"] for row in found] == [titles[row["rule"]] for row in found]


def test_the_newest_run_is_the_default(runs: tuple[Path, Fleet]) -> None:
    """A number selects another run; with all runs, the number is a column."""
    folder, _ = runs
    count = "SELECT run, count(*) AS n FROM images GROUP BY run ORDER BY run"
    assert rows(folder, count) == [{"run": 2, "n": 8}]
    assert rows(folder, count, run=1) == [{"run": 1, "n": 3}]
    assert rows(folder, count, all_runs=True) == [{"run": 1, "n": 3}, {"run": 2, "n": 8}]
    with pytest.raises(UsageError, match="there is no run 7"):
        ask(folder, count, run=7)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "COPY images TO '/tmp/stolen.csv'",
        "CREATE TABLE x AS SELECT 1",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "ATTACH '/tmp/x.db'",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM images",
        "SELEC 1",
        "gibberish",
    ],
)
def test_other_questions_are_refused(runs: tuple[Path, Fleet], sql: str) -> None:
    """Nothing but the tables can be read, and nothing can be written."""
    with pytest.raises((UsageError, CorruptImageError)):
        list(ask(runs[0], sql).rows())


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path, written(tmp_path / "images", 1))
    with RunFolder.locked(tmp_path / "out") as run:
        run.write(fleet)
    path = folder_of(tmp_path / "out", 1) / "layers.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptImageError, match="cannot be read"):
        rows(tmp_path / "out", "layers")


def test_a_folder_named_like_a_pattern_is_refused(tmp_path: Path) -> None:
    """DuckDB would expand its name."""
    folder_of(tmp_path / "a*", 1).mkdir(parents=True)
    with pytest.raises(UsageError, match="pattern"):
        ask(tmp_path / "a*", "layers")


def test_foreign_tables_are_an_error(tmp_path: Path) -> None:
    """A predefined question is correct, so the tables are at fault."""
    run = folder_of(tmp_path, 1)
    run.mkdir()
    for name in KINDS:
        pq.write_table(pa.table({"x": [1]}), run / f"{name}.parquet")
    with pytest.raises(CorruptImageError, match="cannot be read"):
        ask(tmp_path, "layers")
    with pytest.raises(UsageError):
        ask(tmp_path, "SELECT key FROM layers")


def test_an_interrupted_question_raises_keyboard_interrupt(
    runs: tuple[Path, Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB reports the interruption with its own error."""
    answer = ask(runs[0], "SELECT 1 AS x")

    def interrupted(_: int) -> None:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr(answer, "_cursor", type("", (), {"fetchmany": staticmethod(interrupted)}))
    with pytest.raises(KeyboardInterrupt):
        list(answer.rows())
