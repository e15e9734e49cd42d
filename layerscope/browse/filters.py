"""The filter language: a path must match every term; a leading `!` negates a term.

`python` text, ignoring case · `*.py` `usr/**/*.so` globs as in `.gitignore` · `/\\.py$/` regular expressions ·
`size>10M` · `change:added,~` · `type:symlink` · `setuid` `setgid` · `owner:0` `owner:1000:1000` · `layer:3` `layer>2`
· `"two words"` literal text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.matching import compile_regex
from layerscope.browse.terms import (
    COMPARISONS,
    ChangeTerm,
    FilteredView,
    GlobTerm,
    KindTerm,
    LayerTerm,
    ModeTerm,
    OwnerTerm,
    RegexTerm,
    SizeTerm,
    Term,
    TextTerm,
)
from layerscope.errors import UsageError
from layerscope.filesystem.components import is_glob
from layerscope.layers.index import Kind
from layerscope.words import Change

_T = TypeVar("_T")

_CHANGES: Mapping[str, Change] = {
    name: change for change in Change for name in (change.json_name, change.word, change.glyph)
}
"""Names and glyphs of changes, including `deleted`, the word on the screen for `removed`."""

_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "file": (Kind.FILE,),
    "dir": (Kind.DIRECTORY,),
    "directory": (Kind.DIRECTORY,),
    "symlink": (Kind.SYMLINK,),
    "hardlink": (Kind.HARDLINK,),
    "device": (Kind.CHARACTER, Kind.BLOCK),
    "fifo": (Kind.FIFO,),
    "broken": (Kind.BROKEN_LINK,),
    "unknown": (Kind.UNKNOWN,),
}

_MODES = {"setuid": 0o4000, "setgid": 0o2000}

_UNITS: Mapping[str, int] = {
    unit: base**power
    for base, suffix in ((1000, ""), (1024, "i"))
    for power, letter in enumerate("kmgt", 1)
    for unit in (letter + suffix, letter + suffix + "b")
} | {"": 1, "b": 1}
"""Bytes of each unit, in lower case."""

_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*("|\Z))+')
_PROPERTY = re.compile(r"(size|change|type|owner|layer)(:|<=|>=|=|<|>)(.*)", re.DOTALL)
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-z]*)", re.IGNORECASE)


class FilterError(UsageError):
    """An invalid filter; `position` is the index of the character with the mistake."""

    title = "Filter"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that a path must all match."""

    text: str
    """The filter as typed."""
    terms: tuple[tuple[Term, bool], ...]
    """Terms, each with whether it is negated."""

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def has_regex(self) -> bool:
        """Whether it contains a regular expression, which may take arbitrarily long."""
        return any(isinstance(term, RegexTerm) for term, _ in self.terms)

    def matches(self, view: FilteredView) -> NDArray[np.bool_]:
        """Mask of the paths that match, shape (paths,); undefined for paths that the view's mode does not show."""
        hits = np.ones(len(view.filesystem.table), bool)
        for term, negated in self.terms:
            hits &= term.matches(view) ^ negated
        return hits


def parse_filter(text: str) -> Filter:
    """Parse a filter; an empty one matches everything. Raises `FilterError`."""
    terms = []
    for token in _TOKEN.finditer(text):
        written, position = token[0], token.start()
        if written.count('"') % 2:
            raise FilterError("this quote is not closed", position + written.rindex('"'))
        negated = written[0] == "!"
        if written == "!":
            raise FilterError("`!` must be followed by a term", position)
        terms.append((_term(written[negated:], position + negated), negated))
    return Filter(text, tuple(terms))


def _term(written: str, position: int) -> Term:
    """Parse one term, without its negation."""
    plain = written.replace('"', "")
    if written[0] == '"':
        return TextTerm(plain)
    if found := _PROPERTY.fullmatch(plain):
        return _property(found[1], found[2], found[3], position)
    if plain in _MODES:
        return ModeTerm(_MODES[plain])
    if len(plain) > 2 and plain[0] == plain[-1] == "/":
        return _regex(plain[1:-1], position + 1)
    if is_glob(plain):
        return GlobTerm(plain.rstrip("/"), plain[-1] == "/")
    return TextTerm(plain)


def _property(name: str, comparison: str, value: str, position: int) -> Term:
    """Parse a term about a property, such as size or type."""
    place = position + len(name) + len(comparison)
    if name in ("change", "type", "owner") and comparison not in (":", "="):
        raise FilterError(f"expected a colon after `{name}`", position + len(name))
    compare = COMPARISONS["=" if comparison == ":" else comparison]
    if not value:
        raise FilterError(f"`{name}{comparison}` needs a value", place)
    if name == "size":
        return SizeTerm(compare, _bytes(value, place))
    if name == "layer":
        return LayerTerm(
            compare, _number(value, "expected the number of a layer, counted from 0", place)
        )
    if name == "owner":
        return _owner(value, place)
    if name == "change":
        return ChangeTerm(tuple(_choices(value, _CHANGES, place)))
    kinds = _choices(value, _KINDS, place)
    return KindTerm(tuple(kind for choice in kinds for kind in choice))


def _choices(value: str, known: Mapping[str, _T], place: int) -> list[_T]:
    """The values of a comma-separated list."""
    chosen = []
    for item in value.split(","):
        if item not in known:
            raise FilterError(f"`{item}` is none of {' '.join(known)}", place)
        chosen.append(known[item])
        place += len(item) + 1
    return chosen


def _bytes(value: str, place: int) -> float:
    """A size in bytes."""
    found = _SIZE.fullmatch(value)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise FilterError(f"`{value}` is no size such as 10M, 1.5k or 2Gi", place)
    return float(found[1]) * unit


def _number(value: str, message: str, place: int) -> int:
    """A number that fits into 64 bits, for numpy."""
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise FilterError(message, place)
    return int(value)


def _owner(value: str, place: int) -> OwnerTerm:
    """`UID`, `UID:GID` or `:GID`."""
    uid, colon, gid = value.partition(":")
    message = "expected UID, UID:GID or :GID, in numbers"
    return OwnerTerm(
        _number(uid, message, place) if uid or not colon else None,
        _number(gid, message, place + len(uid) + 1) if colon else None,
    )


def _regex(source: str, position: int) -> RegexTerm:
    """A regular expression for the full path with its leading slash."""
    try:
        return RegexTerm(compile_regex(source))
    except re.error as error:
        raise FilterError(
            f"invalid regular expression: {error.msg}", position + (error.pos or 0)
        ) from None
    except (OverflowError, RecursionError):
        raise FilterError("this regular expression is too large", position) from None
