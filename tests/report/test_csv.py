"""CSV: each table can be read back, figures equal those of the image, and no name is a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from layerscope.report import TABLES, ReportOptions
from layerscope.text import safe_name
from tests.images import docker_archive, file, layer_tar
from tests.report import golden
from tests.report.hostile import hostile
from tests.report.sample import opened, report, sample


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("csv") / "sample.tar", sample())


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("evil") / "evil.tar", hostile())


def rows_of(image: Opened, table: str) -> list[dict[str, str]]:
    text = report(image, "csv", ReportOptions(table=table)).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_the_table_of_steps_is_as_it_was_last_reviewed(image: Opened) -> None:
    golden.check("sample-steps.csv", report(image, "csv"))


def test_steps_add_up_to_what_the_image_stores_and_wastes(image: Opened) -> None:
    rows = rows_of(image, "steps")
    assert len(rows) == len(image.image.steps)
    assert sum(int(row["stored_bytes"]) for row in rows) == image.accounting.stored
    assert sum(int(row["wasted_bytes"]) for row in rows) == image.accounting.wasted
    assert sum(int(row["net_bytes"]) for row in rows) == image.accounting.live
    assert [row["layer"] for row in rows] == ["0", "", "1", "", "2", "3", "4", "5", "6"]


def test_waste_has_one_row_per_record_largest_first(image: Opened) -> None:
    rows = rows_of(image, "waste")
    sizes = [int(row["bytes"]) for row in rows]
    assert sum(sizes) == image.accounting.wasted
    assert sizes == sorted(sizes, reverse=True)
    assert {"/etc/os-release", "/usr/share/doc/two/copyright"} <= {row["path"] for row in rows}


def test_packages_and_unowned_directories_add_up_to_the_final_image(tmp_path: Path) -> None:
    status = b"Package: =curl\nStatus: install ok installed\nVersion: 8\n"
    members = [
        file("var/lib/dpkg/status", status),
        file("var/lib/dpkg/info/=curl.list", b"/usr/bin/curl\n"),
        file("usr/bin/curl", b"c" * 3000),
        file("=odd/data", b"d" * 500),
    ]
    image = opened(tmp_path / "a.tar", docker_archive([layer_tar(members)]), Options(rules={}))
    curl, *rest = rows_of(image, "packages")
    assert list(curl.values()) == ["dpkg", "'=curl", "8", "3000", "1", "0", ""]
    assert {row["unowned_directory"] for row in rest} == {
        "/var/lib/dpkg",
        "/=odd",
        "/var/lib/dpkg/info",
    }
    assert sum(int(row["bytes"]) for row in (curl, *rest)) == image.accounting.live


def test_duplicates_have_one_row_per_path_and_a_number_per_content(image: Opened) -> None:
    rows = rows_of(image, "duplicates")
    savings = {row["group"]: int(row["saving_bytes"]) for row in rows}
    assert sum(savings.values()) == sum(duplicate.saving for duplicate in image.duplicates or ())
    assert len(rows) == sum(len(duplicate.paths) for duplicate in image.duplicates or ())


def test_files_are_those_of_all_layers(image: Opened) -> None:
    rows = rows_of(image, "files")
    modes = {row["path"]: row["mode"] for row in rows if row["change"] == "metadata"}
    assert modes["/etc/os-release"] == "0600"
    assert sum(row["change"] == "removed" for row in rows) == 26


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_all_columns_and_lines_end_in_crlf(evil: Opened, table: str) -> None:
    written = report(evil, "csv", ReportOptions(table=table))
    assert written.endswith(b"\r\n")
    assert b"\n" not in written.replace(b"\r\n", b"")
    rows = rows_of(evil, table)
    if table in ("steps", "waste", "duplicates", "files"):
        assert rows
    for row in rows:
        assert None not in row
        assert None not in row.values()


@pytest.mark.parametrize("table", TABLES)
def test_no_text_of_an_image_becomes_a_formula_or_controls_the_terminal(
    evil: Opened, table: str
) -> None:
    for row in rows_of(evil, table):
        for cell in row.values():
            if cell.lstrip("-").isdigit():
                continue
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert safe_name(cell) == cell


def test_an_instruction_that_looks_like_a_formula_gets_an_apostrophe(evil: Opened) -> None:
    assert rows_of(evil, "steps")[0]["text"].startswith("'=cmd|' /C calc'!A0")


def test_names_that_are_not_utf8_are_escaped(image: Opened) -> None:
    paths = [row["path"] for row in rows_of(image, "files")]
    assert "/app/caf\\xe9" in paths
    assert "/app/gpj\\u202e.exe\\x20" in paths


def test_the_same_image_gives_the_same_bytes(image: Opened, tmp_path: Path) -> None:
    again = opened(tmp_path / "sample.tar", sample())
    for table in TABLES:
        options = ReportOptions(table=table)
        assert report(again, "csv", options) == report(image, "csv", options)


def test_steps_have_their_lines_of_the_dockerfile(tmp_path: Path) -> None:
    text = b"FROM x\n\nRUN chmod 600 /etc/os-release\nWORKDIR /app\nRUN rm -rf /var/lib/lists/* /usr/share/doc/two\n"
    dockerfile = parse_dockerfile(text, "Dockerfile")
    image = opened(tmp_path / "sample.tar", sample(), Options(dockerfile=dockerfile))
    lines = {row["step"]: row["dockerfile_line"] for row in rows_of(image, "steps")}
    assert {step: line for step, line in lines.items() if line} == {
        "4": "3",
        "5": "4",
        "6": "5",
    }
    assert "Dockerfile:3</span>" in report(image, "html").decode()
