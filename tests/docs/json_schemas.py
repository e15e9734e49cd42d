"""The JSON Schemas of the package, from the tables of docs/json-schema.md. `python -m tests.docs.generated` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from layerscope.site import SITE, page_address
from tests.docs.page import ROOT, marked_table, marks, read

PAGE = "json-schema.md"
FOLDER = ROOT / "layerscope" / "schemas"

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "int": {"type": "integer", "minimum": 0},
    "signed int": {"type": "integer"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "object": {"type": "object"},
    "list": {"type": "array"},
    "map of strings": {"type": "object", "additionalProperties": {"type": "string"}},
    "map of ints": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    "list of strings": {"type": "array", "items": {"type": "string"}},
    "list of ints": {"type": "array", "items": {"type": "integer", "minimum": 0}},
}
_VALUES = re.compile(r"\b(one of|so far) ((?:(?:, )?`[^`]+`(?: \([^)]+\))?)+)")
_OTHER = re.compile(r"as `(\w+)` of a report")

_Row = Mapping[str, str]


def documents() -> list[str]:
    """The documents that have a table, in the order of the page."""
    return re.findall(r"<!-- json: (\w+) -->", read(PAGE))


def schema_texts() -> dict[str, str]:
    """File name → text, for all documents."""
    texts = {}
    for name in documents():
        schema = schema_of(name)
        file = schema["$id"].rpartition("/")[2]
        texts[file] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return texts


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a document."""
    rows = _rows(name)
    versions = (_const(row["meaning"]) for row in rows if row["key"] == "schemaVersion")
    command, heading = _place(name)
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SITE}schemas/{name}-{next(versions, None) or '1.0'}.json",
        "title": command,
        "description": f"See {page_address('json-schema')}#{heading}",
    }
    if rows[0]["key"].startswith("[]."):
        schema |= {"type": "array", "items": _object(rows, "[]")}
    else:
        schema |= _object(rows, "")
    others = sorted({other for row in rows if (other := _other(row))})
    if others:
        report = {row["key"]: row for row in _rows("report")}
        schema["$defs"] = {key: _value(list(report.values()), report[key]) for key in others}
    return schema


def _rows(name: str) -> list[_Row]:
    rows = marked_table(PAGE, f"json: {name}", code=True).records()
    return [{**row, "key": row["key"].strip("`")} for row in rows]


def _place(name: str) -> tuple[str, str]:
    """The command that writes a document, and the anchor of its section."""
    before = read(PAGE).partition(marks(f"json: {name}")[0])[0]
    command = re.findall(r"`(layerscope [^`]+)`", before)[-1]
    heading = re.findall(r"^## (.+)$", before, re.MULTILINE)[-1]
    return command, heading.lower().replace(" ", "-")


def _object(rows: list[_Row], at: str) -> dict[str, Any]:
    """An object, by the rows of its keys."""
    keys = dict(_keys(rows, at))
    assert keys, f"{at}: no row has a key of it"
    return {
        "type": "object",
        "properties": {key: _value(rows, row) for key, row in keys.items()},
        "required": [key for key, row in keys.items() if "missing without" not in row["meaning"]],
    }


def _keys(rows: list[_Row], at: str) -> Iterator[tuple[str, _Row]]:
    before = f"{at}." if at else ""
    for row in rows:
        key = row["key"].removeprefix(before)
        if row["key"].startswith(before) and re.fullmatch(r"\w+", key):
            yield key, row


def _value(rows: list[_Row], row: _Row) -> dict[str, Any]:
    """The value of a key."""
    key, meaning = row["key"], row["meaning"]
    described = {"description": _plain(meaning)} if meaning else {}
    if other := _other(row):
        return {**described, "$ref": f"#/$defs/{other}"}
    kinds = row["type"].removesuffix("?").split(" or ")
    schema: dict[str, Any] = {}
    for kind in kinds:
        schema |= _TYPES[kind]
    if kinds == ["object"]:
        schema |= _object(rows, key)
    elif kinds == ["list"]:
        schema["items"] = _object(rows, f"{key}[]")
    nullable = row["type"].endswith("?")
    names = [_TYPES[kind]["type"] for kind in kinds] + ["null"] * nullable
    schema["type"] = names[0] if len(names) == 1 else names
    if const := _const(meaning):
        schema["const"] = const
    for word, listed in _VALUES.findall(meaning):
        values = re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", listed))
        schema["enum" if word == "one of" else "examples"] = values + [None] * nullable
    return {**described, **schema}


def _other(row: _Row) -> str | None:
    """The key of the report that has the same value."""
    match = _OTHER.fullmatch(row["meaning"])
    return match and match[1]


def _const(meaning: str) -> str | None:
    """The only possible value; None if there are others."""
    match = re.fullmatch(r"always `([^`]+)`", meaning)
    return match and match[1]


def _plain(meaning: str) -> str:
    """A cell without links."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", meaning)
