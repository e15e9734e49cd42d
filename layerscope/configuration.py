"""Tables of configuration files as structs, and the errors for mistakes in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

import msgspec

from layerscope.errors import UsageError

_FIELD = re.compile(r".* - at `\$\.([\w-]+)[^`]*`", re.DOTALL)
"""The field in an error of msgspec."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A table of a configuration. Each field's type has a description, which completes "`key` …" in errors."""


class WrongValueError(ValueError):
    """A value of the wrong kind. The message completes "`key` …"; `key` is the one of several that is wrong."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def convert(
    value: object, kind: Any, place: Callable[[str], str], key: str = "", takes: str = ""
) -> Any:
    """The value of a key as `kind`: a `Table`, a builtin type, or a type with a `parse` method, which may raise
    `WrongValueError`.

    `takes` completes "`key` …" in the error if the value is not of this kind. Raises `UsageError` with the `place` of the key, or
    of the wrong key inside it.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=lambda target, item: target.parse(item))
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise _error(error, value, kind, place, key, takes) from None


def _error(
    error: Exception, value: object, kind: Any, place: Callable[[str], str], key: str, takes: str
) -> UsageError:
    prefix = f"{key}." if key else ""
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Table):
        known = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
        for name in value:
            if name not in known:
                return unknown_key(place(prefix + name), prefix + name, list(known))
        if match := _FIELD.fullmatch(str(error)):
            key = prefix + match[1]
            hint = get_type_hints(kind, include_extras=True)[known[match[1]]]
            takes = next((meta.description for meta in getattr(hint, "__metadata__", ())), "")
    if isinstance(error.__cause__, WrongValueError):
        takes = str(error.__cause__)
    return UsageError(f"{place(key)}: `{key}` {takes}")


def unknown_key(place: str, key: str, known: Sequence[str]) -> UsageError:
    """The error for an unknown key, with suggestions."""
    import difflib

    near = difflib.get_close_matches(key.rpartition(".")[2], known, 3)
    hint = f"did you mean {', '.join(near)}?" if near else f"settings: {', '.join(known)}"
    return UsageError(f"{place}: unknown setting `{key}`", hint=hint)
