"""Reads the pages of docs/: their sections, tables and generated parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@dataclass(frozen=True, slots=True)
class Table:
    """A Markdown table, its cells without code marks."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def column(self, name: str) -> list[str]:
        """All cells below a heading."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def records(self) -> list[Mapping[str, str]]:
        """Each row as heading → cell."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def page(name: str) -> Path:
    """A page of docs/, or a file of the repository, by its path."""
    path = DOCS / name
    return path if path.exists() else ROOT / name


def read(name: str) -> str:
    """The text of a page."""
    return page(name).read_text()


def sections(text: str, level: int) -> dict[str, str]:
    """Heading → text below it, for all headings of a level."""
    parts = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def block(text: str, language: str) -> str:
    """The first fenced block of a language."""
    match = re.search(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert match is not None, f"no block of {language}"
    return match[1]


def tables(text: str, *, code: bool = False) -> list[Table]:
    """All tables of a text, in order; with `code`, cells keep their code marks."""
    matches = re.findall(r"^(\|.*\|\n)(\|[-:| ]+\|\n)((?:\|.*\|\n?)*)", text, re.MULTILINE)
    return [
        Table(_cells(head), [_cells(row, code=code) for row in body.splitlines()])
        for head, _, body in matches
    ]


def marked(text: str, name: str) -> str:
    """The text between `<!-- NAME -->` and `<!-- /NAME -->`."""
    begin, end = marks(name)
    assert begin in text, f"no mark {begin}"
    return text[text.index(begin) + len(begin) : text.index(end)]


def marks(name: str) -> tuple[str, str]:
    """The comments around a marked part."""
    return f"<!-- {name} -->", f"<!-- /{name} -->"


def marked_table(page: str, name: str, *, code: bool = False) -> Table:
    """The table of a marked part of a page; with `code`, cells keep their code marks."""
    (table,) = tables(marked(read(page), name), code=code)
    return table


def _cells(row: str, *, code: bool = False) -> list[str]:
    """Cells, without code marks unless `code`; `\\|` is a bar inside a cell."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]
    return cells if code else [cell.replace("`", "") for cell in cells]
