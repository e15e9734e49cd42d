"""The worked examples of docs/accounting.md: each image is built from the page and measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from layerscope.words import Change, Reason, StepKind
from tests.docs.page import Table, block, marked_table, read, sections, tables
from tests.docs.running import document
from tests.images import (
    Member,
    directory,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    opaque,
    whiteout,
    write,
)

TOTALS = {
    "stored": "storedBytes",
    "live": "liveBytes",
    "wasted": "wastedBytes",
    "efficiency": "efficiency",
    "duplicates": "duplicateBytes",
}
"""Columns of the page and the keys of the JSON report."""

EXAMPLES = {
    title.removeprefix("Example: "): text
    for title, text in sections(read("accounting.md").partition("\n## Entries")[0], 3).items()
}


def layers(notation: str) -> list[bytes]:
    """The layers that a page lists: `layer N`, then a line for each entry."""
    layers: list[list[Member]] = []
    for line in notation.splitlines():
        words = line.split()
        if words[0] == "layer":
            assert int(words[1]) == len(layers)
            layers.append([])
        else:
            layers[-1].append(_member(*words))
    return [layer_tar(members) for members in layers]


def _member(kind: str, path: str, *rest: str) -> Member:
    """An entry: `file PATH SIZE [content TEXT] [owner UID:GID]`, `hardlink PATH -> TARGET`, or `KIND PATH`."""
    if kind == "hardlink":
        return hardlink(path, rest[1])
    if kind != "file":
        return {"dir": directory, "whiteout": whiteout, "opaque": opaque}[kind](path)
    attributes = dict(zip(rest[1::2], rest[2::2], strict=True))
    uid, gid = map(int, attributes.get("owner", "0:0").split(":"))
    content = attributes.get("content", path).encode()
    return file(path, (content * int(rest[0]))[: int(rest[0])], uid=uid, gid=gid)


def _number(cell: str) -> float:
    """A number of bytes, or a percentage as a ratio."""
    return float(cell.removesuffix("%")) / 100 if cell.endswith("%") else int(cell)


def _records(report: Mapping[str, Any]) -> list[dict[str, str]]:
    keys = {
        "path": "path",
        "bytes": "bytes",
        "reason": "reason",
        "stored in": "storedIn",
        "hidden by": "hiddenBy",
    }
    return [
        {name: str(record[key]) for name, key in keys.items()}
        for record in report["waste"]["records"]
    ]


def _layers(report: Mapping[str, Any]) -> list[dict[str, str]]:
    keys = {
        "layer": "index",
        "stored": "storedBytes",
        "wasted": "wastedBytes",
        "hides": "hidesBytes",
        "net": "netBytes",
    }
    return [{name: str(layer[key]) for name, key in keys.items()} for layer in report["layers"]]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_the_figures_of_the_page(example: str, tmp_path: Path) -> None:
    """Totals, waste records and layers equal the tables; an example without records wastes nothing."""
    text = EXAMPLES[example]
    image = write(tmp_path / "image.tar", docker_archive(layers(block(text, "layers"))))
    report = document(tmp_path, "report", str(image))
    by_first: dict[str, Table] = {table.columns[0]: table for table in tables(text)}
    (totals,) = by_first["stored"].records()
    assert {name: _number(cell) for name, cell in totals.items()} == {
        name: pytest.approx(report["totals"][TOTALS[name]], abs=1e-8) for name in totals
    }
    assert _records(report) == (by_first["path"].records() if "path" in by_first else [])
    if "layer" in by_first:
        assert _layers(report) == by_first["layer"].records()


def test_the_repeated_layer_is_marked(tmp_path: Path) -> None:
    """The page says which layer repeats which."""
    text = EXAMPLES["a layer is listed twice"]
    image = write(tmp_path / "image.tar", docker_archive(layers(block(text, "layers"))))
    assert [layer["repeatOf"] for layer in document(tmp_path, "report", str(image))["layers"]] == [
        None,
        0,
        None,
    ]
    assert "`repeatOf: 0`" in text


def test_every_reason_change_and_kind_is_explained() -> None:
    """The tables have exactly the values that the program writes."""
    reasons = marked_table("accounting.md", "reasons")
    assert reasons.column("reason") == list(Reason)
    assert reasons.column("shown as") == [reason.word for reason in Reason]
    assert marked_table("accounting.md", "kinds").column("kind") == list(StepKind)
    changes = marked_table("accounting.md", "changes").column("change")
    assert sorted(changes) == sorted(change.json_name for change in Change)
