"""The filter language: a path must match every term; a leading `!` negates a term.

`python` text, ignoring case · `*.py` `usr/**/*.so` globs as in `.gitignore` · `/\\.py$/` regular expressions ·
`size>10M` · `change:added,~` · `type:symlink` · `setuid` `setgid` · `owner:0` `owner:1000:1000` · `layer:3` `layer>2`
· `package:curl` `package:lib*` · `wasted` `duplicate` `secret` · `"two words"` literal text.

The filter of the file tree and the search over all layers use the same parser and terms; only the search matches plain
words by their letters (`Filter.words`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from msgspec import Struct

from layerscope.browse.candidates import Candidates
from layerscope.browse.marks import AVAILABLE_ONCE, Marks
from layerscope.browse.matching import compile_regex
from layerscope.browse.terms import (
    COMPARISONS,
    ChangeTerm,
    GlobTerm,
    KindTerm,
    LayerTerm,
    MarkTerm,
    ModeTerm,
    OwnerTerm,
    PackageTerm,
    RegexTerm,
    SizeTerm,
    Term,
    TextTerm,
)
from layerscope.errors import UsageError
from layerscope.filesystem.components import is_glob
from layerscope.filesystem.selector import Mask
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
_MARKS = ("wasted", "duplicate", "secret")

EXPECTED: Mapping[str, str] = {
    "size": "a size such as 10M, 1.5k or 2Gi",
    "change": "added, modified, metadata, removed, unchanged or + ~ ± - =",
    "type": "file, dir, symlink, hardlink, device, fifo, broken or unknown",
    "owner": "UID, UID:GID or :GID, in numbers",
    "layer": "the number of a layer, counted from 0",
    "package": "the name of a package, or a glob",
}
"""The properties that a term can test, with the values that they accept, in words."""

_UNITS: Mapping[str, int] = {
    unit: base**power
    for base, suffix in ((1000, ""), (1024, "i"))
    for power, letter in enumerate("kmgt", 1)
    for unit in (letter + suffix, letter + suffix + "b")
} | {"": 1, "b": 1}
"""Bytes of each unit, in lower case."""

_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*("|\Z))+')
_PROPERTY = re.compile(rf"({'|'.join(EXPECTED)})(:|<=|>=|=|<|>)(.*)", re.DOTALL)
_COMPARED = ("size", "layer")
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-z]*)", re.IGNORECASE)


class FilterError(UsageError):
    """An invalid filter; `position` is the index of the character with the mistake."""

    title = "Filter"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class Filter(Struct, frozen=True):
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

    @property
    def words(self) -> tuple[str, ...]:
        """Plain words, whose letters are enough for a search; neither negated nor quoted ones."""
        return tuple(word for pair in self.terms if (word := _word(*pair)) is not None)

    @property
    def exact(self) -> Filter:
        """The same without `words`."""
        terms = tuple(pair for pair in self.terms if _word(*pair) is None)
        return Filter(self.text, terms)

    @property
    def uses_marks(self) -> bool:
        """Whether it contains a term about results of the analysis."""
        return any(isinstance(term, MarkTerm | PackageTerm) for term, _ in self.terms)

    def unavailable(self, marks: Marks) -> str:
        """A sentence about the first term whose results are not known yet or switched off; empty if there is none."""
        for term, _ in self.terms:
            if isinstance(term, MarkTerm | PackageTerm) and getattr(marks, term.mark) is None:
                name = f"package:{term.name}" if isinstance(term, PackageTerm) else term.mark
                off = marks.off.get(term.mark)
                when = f"is available once {AVAILABLE_ONCE[term.mark]}" if off is None else off
                return f"`{name}` {when}."
        return ""

    def matches(self, candidates: Candidates) -> Mask:
        """Mask of the versions that match; none while results that it needs are unavailable. Undefined for rows without a version."""
        if self.unavailable(candidates.marks):
            return np.zeros(len(candidates), bool)
        hits = np.ones(len(candidates), bool)
        for term, negated in self.terms:
            hits &= term.matches(candidates) ^ negated
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


def _word(term: Term, negated: bool) -> str | None:
    """The text of a plain word."""
    if isinstance(term, TextTerm) and not term.quoted and not negated:
        return term.text
    return None


def _term(written: str, position: int) -> Term:
    """Parse one term, without its negation."""
    plain = written.replace('"', "")
    if written[0] == '"':
        return TextTerm(plain, quoted=True)
    if match := _PROPERTY.fullmatch(plain):
        return _property(match[1], match[2], match[3], position)
    if plain in _MODES:
        return ModeTerm(_MODES[plain])
    if plain in _MARKS:
        return MarkTerm(plain)
    if len(plain) > 2 and plain[0] == plain[-1] == "/":
        return _regex(plain[1:-1], position + 1)
    if is_glob(plain):
        return GlobTerm(plain.rstrip("/"), plain[-1] == "/")
    return TextTerm(plain, quoted='"' in written)


def _property(name: str, comparison: str, value: str, position: int) -> Term:
    """Parse a term about a property, such as size or type."""
    place = position + len(name) + len(comparison)
    if name not in _COMPARED and comparison not in (":", "="):
        raise FilterError(f"{name}: expected a colon, not `{comparison}`", position + len(name))
    compare = COMPARISONS["=" if comparison == ":" else comparison]
    if not value:
        raise _unexpected(name, place)
    if name == "size":
        return SizeTerm(compare, _bytes(value, place))
    if name == "layer":
        return LayerTerm(compare, _number(name, value, place))
    if name == "owner":
        return _owner(value, place)
    if name == "package":
        return PackageTerm(value)
    if name == "change":
        return ChangeTerm(tuple(_choices(name, value, _CHANGES, place)))
    kinds = _choices(name, value, _KINDS, place)
    return KindTerm(tuple(kind for choice in kinds for kind in choice))


def _unexpected(name: str, place: int) -> FilterError:
    """The error about a value that a property cannot have."""
    return FilterError(f"{name}: expected {EXPECTED[name]}", place)


def _choices(name: str, value: str, known: Mapping[str, _T], place: int) -> list[_T]:
    """The values of a comma-separated list."""
    chosen = []
    for item in value.split(","):
        if item not in known:
            raise _unexpected(name, place)
        chosen.append(known[item])
        place += len(item) + 1
    return chosen


def _bytes(value: str, place: int) -> float:
    """A size in bytes."""
    match = _SIZE.fullmatch(value)
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise _unexpected("size", place)
    return float(match[1]) * unit


def _number(name: str, value: str, place: int) -> int:
    """A number that fits into 64 bits, for numpy."""
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise _unexpected(name, place)
    return int(value)


def _owner(value: str, place: int) -> OwnerTerm:
    """`UID`, `UID:GID` or `:GID`."""
    uid, colon, gid = value.partition(":")
    return OwnerTerm(
        _number("owner", uid, place) if uid or not colon else None,
        _number("owner", gid, place + len(uid) + 1) if colon else None,
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
