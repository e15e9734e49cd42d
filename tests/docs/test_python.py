"""docs/python.md: examples print the output on the page, and tables have every argument, member and column."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
from pathlib import Path

import pytest

import layerscope
from layerscope.python.columns import Table
from tests.docs.page import DOCS, marked_table

PAGE = DOCS / "python.md"
_EXAMPLE = re.compile(r"<!-- example -->\n```python\n(.*?)```\n\n```text\n(.*?)```\n", re.DOTALL)
EXAMPLES = [match.groups() for match in _EXAMPLE.finditer(PAGE.read_text())]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_print_the_output_of_the_page(
    number: int, tmp_path: Path, demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each runs alone. UPDATE_SNAPSHOTS=1 writes its output into the page."""
    code, expected = EXAMPLES[number]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.tar").symlink_to(demo_image)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, f"example {number}", "exec"), {"__name__": "example"})  # noqa: S102
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        old = f"{code}```\n\n```text\n{expected}```\n"
        new = f"{code}```\n\n```text\n{printed.getvalue()}```\n"
        PAGE.write_text(PAGE.read_text().replace(old, new))
        return
    assert printed.getvalue().split("\n") == expected.split("\n")


def test_there_are_five_examples() -> None:
    """The page says so."""
    assert len(EXAMPLES) == 5


def test_the_table_has_all_arguments() -> None:
    """Defaults are compared, too."""
    table = marked_table("python.md", "python: open").records()
    parameters = inspect.signature(layerscope.open).parameters
    expected = {f"`{name}`": f"`{each.default!r}`" for name, each in list(parameters.items())[1:]}
    raw = (PAGE.read_text().split("<!-- python: open -->")[1]).split("<!-- /python")[0]
    for name, default in expected.items():
        assert f"| {name} | {default} |" in raw
    assert len(table) == len(expected)


def test_the_table_has_all_members_of_image() -> None:
    cells = marked_table("python.md", "python: Image").column("name")
    named = {name for cell in cells for name in re.findall(r"\w+(?=[,`(]|$)", cell)} - {"layer"}
    members = {name for name in dir(layerscope.Image) if not name.startswith("_")}
    assert members <= named


def test_the_tables_have_all_columns(demo_image: Path) -> None:
    """Types are compared, too."""
    image = layerscope.open(demo_image, findings=False, duplicates=False)
    rows = marked_table("python.md", "python: columns").records()
    tables: dict[str, Table] = {
        "Files": image.files,
        "Changes": image.changes(1),
        "Waste": image.waste,
    }
    documented = {(row["table"], row["column"]): row["type"] for row in rows}
    columns = {
        (name, column): str(array.dtype)
        for name, table in tables.items()
        for column, array in table.columns().items()
        if name != "Changes" or column not in layerscope.Files.names
    }
    assert documented == columns
