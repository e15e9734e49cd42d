"""Checks that every JSON document made by a test in this process has exactly the keys and values of its schema.

`watch` wraps the functions that make documents. Problems are recorded until the test ends: commands would report them as their own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from importlib.resources import files
from types import ModuleType
from typing import Any, BinaryIO

import fastjsonschema

from layerscope.cli import cache, rules
from layerscope.report import (
    diff_json,
    diff_schema,
    fleet_json,
    images_schema,
    log,
    schema,
    series_json,
)
from layerscope.report import json as report_json
from layerscope.report.gate import json as gate_json

WRITERS: tuple[tuple[str, ModuleType, str, int], ...] = (
    ("report", report_json, "write", 1),
    ("diff", diff_json, "write", 3),
    ("series", series_json, "write", 1),
    ("ci", gate_json, "write", 2),
    ("fleet", fleet_json, "write", 1),
    ("log", log, "write_json", 2),
)
"""Document, module, function that writes it, place of the stream among its arguments."""
MAKERS: tuple[tuple[str, ModuleType, str], ...] = (
    ("report", schema, "document"),
    ("diff", diff_schema, "document"),
    ("series", series_json, "document"),
    ("fleet", fleet_json, "document"),
    ("images", images_schema, "document"),
    ("rules", rules, "rules_document"),
    ("cache", cache, "cache_document"),
)
"""Document, module, function that returns it."""

_problems: list[str] = []


def watch() -> None:
    """From now on, check each document against its schema."""
    for name, module, function, place in WRITERS:
        setattr(module, function, _watched_writer(name, getattr(module, function), place))
    for name, module, function in MAKERS:
        setattr(module, function, _watched_maker(name, getattr(module, function)))


def raise_problems() -> None:
    """Raise `AssertionError` if a document since the last call did not match its schema."""
    problems = _problems.copy()
    _problems.clear()
    assert not problems, "\n".join(problems)


def check(name: str, document: Any) -> None:
    """Record the problem of a document for `raise_problems`."""
    try:
        _validator(name)(document)
    except fastjsonschema.JsonSchemaValueException as error:
        _problems.append(f"{name}: {error.message}")


def published(name: str) -> Any:
    """The schema of a document, from the package."""
    return json.loads((files("layerscope") / "schemas" / f"{name}-1.0.json").read_text("utf-8"))


def strict(published: dict[str, Any]) -> dict[str, Any]:
    """The same schema, but allowing no other keys and no values except `examples`. Descriptive keywords are removed."""
    schema = {
        key: value
        for key, value in published.items()
        if key not in ("$schema", "$id", "title", "description", "examples", "const")
    }
    for group in ("properties", "$defs"):
        if group in schema:
            schema[group] = {key: strict(value) for key, value in schema[group].items()}
    if "properties" in schema:
        schema["additionalProperties"] = False
    if "items" in schema:
        schema["items"] = strict(schema["items"])
    if "examples" in published:
        schema["enum"] = published["examples"]
    if "const" in published:  # without detailed exceptions, fastjsonschema fails on it
        schema["enum"] = [published["const"]]
    return schema


@functools.cache
def _validator(name: str) -> Callable[[Any], Any]:
    """A function that raises for an invalid document. It compiles three times as fast without detailed exceptions."""
    compiled: Callable[[Any], Any] = fastjsonschema.compile(
        strict(published(name)), use_default=False, use_formats=False, detailed_exceptions=False
    )
    return compiled


class _Copying:
    """A stream that also records what is written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.written.append(data)
        return self._stream.write(data)


def _watched_writer(name: str, writer: Callable[..., Any], place: int) -> Callable[..., Any]:
    @functools.wraps(writer)
    def write(*arguments: Any) -> Any:
        copying = _Copying(arguments[place])
        result = writer(*arguments[:place], copying, *arguments[place + 1 :])
        check(name, json.loads(b"".join(copying.written)))
        return result

    return write


def _watched_maker(name: str, maker: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(maker)
    def make(*arguments: Any, **named: Any) -> Any:
        document = maker(*arguments, **named)
        check(name, document)
        return document

    return make
