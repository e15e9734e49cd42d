"""Reads JSON documents of images within limits: manifests, indexes and configs."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from layerscope.errors import CorruptImageError
from layerscope.limits import Limits

_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair of surrogates
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # a lone surrogate
    rb"|\\.",
    re.DOTALL,
)


_STRUCTURE = b"[{,:"
"""A document has at most one value or name more than these characters outside strings."""
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{,:])', re.DOTALL)


class DocumentError(CorruptImageError):
    """A document that is not JSON, or not of the expected type."""


def decode(data: bytes, name: str, limits: Limits) -> tuple[Any, bool]:
    """The value of a JSON document, and whether its encoding was repaired (a byte-order mark, bad UTF-8 or UTF-16).

    Raises `DocumentError` and `LimitExceededError`.
    """
    check_size(data, name, limits)
    plain = data.removeprefix(_BOM)
    try:
        try:
            return msgspec.json.decode(plain), len(plain) < len(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            repaired = _repaired(plain)
            if repaired == plain:
                raise
            return msgspec.json.decode(repaired), True
    except RecursionError as error:
        raise DocumentError(f"{name} is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise DocumentError(f"{name} is not valid JSON: {error}") from error


def check_size(data: bytes, name: str, limits: Limits) -> None:
    """Raise `LimitExceededError` for too many bytes or values: a value of two bytes takes far more memory."""
    if len(data) > limits.json_bytes:
        raise limits.exceeded("json_bytes", name, len(data))
    if sum(data.count(character) for character in _STRUCTURE) < limits.json_values:
        return
    count = 1
    for token in _TOKEN.finditer(data):
        count += token[1] is not None
        if count > limits.json_values:
            raise limits.exceeded("json_values", name)


def _repaired(data: bytes) -> bytes:
    """A document with U+FFFD for invalid UTF-8 and lone surrogates, as in Go."""
    text = data.decode(errors="replace").encode()
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match[1] else match[0], text)


def decode_object(data: bytes, name: str, limits: Limits) -> dict[str, Any]:
    """A JSON document that must be an object. Raises like `decode`."""
    value, _ = decode(data, name, limits)
    if not isinstance(value, dict):
        raise DocumentError(f"{name} is a JSON {_type_name(value)}, not an object")
    return value


def _type_name(value: object) -> str:
    names = {
        dict: "object",
        list: "array",
        str: "string",
        bool: "boolean",
        int: "number",
        float: "number",
    }
    return names.get(type(value), "null")


def lowercase_keys(value: dict[str, Any]) -> dict[str, Any]:
    """The object with lower-case keys, as Go ignores case; the last of equal keys wins."""
    return {key.lower(): item for key, item in value.items()}


class Lenient:
    """Reads members of a JSON object by expected type, and records those of another type."""

    def __init__(self, value: object, where: str) -> None:
        self.wrong: list[str] = []
        """Names of members of a wrong type."""
        self._where = where
        if not isinstance(value, dict):
            if value is not None:
                self.wrong.append(where)
            value = {}
        self._value = lowercase_keys(value)

    def text(self, key: str) -> str | None:
        """A string, None if it is absent or of another type."""
        value = self._value.get(key.lower())
        if value is None or isinstance(value, str):
            return value
        self._record(key)
        return None

    def flag(self, key: str) -> bool:
        """A boolean, false if it is absent or of another type."""
        value = self._value.get(key.lower())
        if value is not None and not isinstance(value, bool):
            self._record(key)
        return value is True

    def number(self, key: str) -> int | None:
        """A whole number, None if it is absent or of another type."""
        value = self._value.get(key.lower())
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._record(key)
        return None

    def items(self, key: str) -> list[Any]:
        """An array, empty if it is absent or of another type."""
        value = self._value.get(key.lower())
        if isinstance(value, list):
            return value
        if value is not None:
            self._record(key)
        return []

    def texts(self, key: str) -> list[str]:
        """An array of strings; items of other types are dropped."""
        items = self.items(key)
        strings = [item for item in items if isinstance(item, str)]
        if len(strings) < len(items):
            self._record(key)
        return strings

    def texts_or_one(self, key: str) -> list[str]:
        """An array of strings, or one string, as a list."""
        value = self._value.get(key.lower())
        return [value] if isinstance(value, str) else self.texts(key)

    def mapping(self, key: str) -> dict[str, Any]:
        """An object, empty if it is absent or of another type."""
        value = self._value.get(key.lower())
        if isinstance(value, dict):
            return value
        if value is not None:
            self._record(key)
        return {}

    def child(self, key: str) -> Lenient:
        """A nested object, read leniently; its wrong members are recorded in this one's `wrong`."""
        child = Lenient(self._value.get(key.lower()), f"{self._where}.{key}")
        self.wrong += child.wrong
        child.wrong = self.wrong
        return child

    def _record(self, key: str) -> None:
        self.wrong.append(f"{self._where}.{key}")
