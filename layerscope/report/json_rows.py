"""Lists of the JSON report that can have a million rows, streamed in the format of `json.dumps(…, indent=2)`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from json.encoder import encode_basestring_ascii

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.accounting import Waste
from layerscope.analysis.duplicates import Duplicate, Duplicates
from layerscope.filesystem.paths import CACHED_PREFIX_BYTES, PathTable
from layerscope.words import REASONS

BLOCK = 1 << 14
"""Rows that are formatted at a time."""
_AT_ONCE = 1 << 20
"""Bytes of names that are searched at a time."""


class QuotedPaths:
    """Paths of an image as JSON strings. Names that need no escapes (nearly all) are slices of one string."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._folders: dict[int, str] = {0: '"'}
        self._cached_bytes = 0

    @cached_property
    def _text(self) -> str:
        """All names."""
        return self._table.names.data.decode("latin-1")

    @cached_property
    def _escaped(self) -> NDArray[np.bool_]:
        """A mask of the names with a byte that JSON escapes."""
        names = self._table.names
        escaped = np.zeros(max(len(names), 1), bool)
        for start in range(0, len(names.data), _AT_ONCE):
            data = np.frombuffer(memoryview(names.data)[start : start + _AT_ONCE], np.uint8)
            odd = (data < 0x20) | (data > 0x7E) | (data == 0x22) | (data == 0x5C)
            places = np.flatnonzero(odd) + start
            escaped[np.searchsorted(names.offsets, places, side="right") - 1] = True
        return escaped

    def of(self, paths: NDArray[np.int32]) -> Iterator[str]:
        """Each full path, in quotes."""
        blocks = (paths[start : start + BLOCK] for start in range(0, len(paths), BLOCK))
        return chain.from_iterable(map(self._block, blocks))

    def _block(self, paths: NDArray[np.int32]) -> list[str]:
        table, text, folders = self._table, self._text, self._folders
        components, parents = table.components[paths], table.parents[paths].tolist()
        if self._cached_bytes > CACHED_PREFIX_BYTES:
            folders.clear()
            folders[0], self._cached_bytes = '"', 0
        fresh = np.array(sorted(set(parents) - folders.keys()), np.int32)
        for parent, folder in zip(fresh.tolist(), table.full_paths(fresh), strict=True):
            folders[parent] = f'"{_quoted_content(folder)}/'
            self._cached_bytes += len(folders[parent])
        starts, ends = table.names.offsets[components], table.names.offsets[components + 1]
        ends = np.where(paths > 0, ends, starts)
        block = [
            f'{folders[parent]}{text[start:end]}"'
            for parent, start, end in zip(parents, starts.tolist(), ends.tolist(), strict=True)
        ]
        for row in np.flatnonzero(self._escaped[components] & (paths > 0)).tolist():
            block[row] = (
                f'{folders[parents[row]]}{_quoted_content(table.names[int(components[row])])}"'
            )
        return block


def _quoted_content(name: bytes) -> str:
    """A name as JSON string without quotes; bytes that are not UTF-8 become `\\udcXX`."""
    quoted: str = encode_basestring_ascii(name.decode(errors="surrogateescape"))
    return quoted[1:-1]


def waste_records(waste: Waste, paths: QuotedPaths) -> Iterator[str]:
    """The waste records as pieces of one JSON list, indented for their place in the document."""
    reasons = [encode_basestring_ascii(reason.value) for reason in REASONS]
    columns = (waste.bytes, waste.reasons, waste.stored_in, waste.hidden_by)
    rows = zip(paths.of(waste.paths), *(column.tolist() for column in columns), strict=True)
    return _list_pieces(
        (
            f'{{\n        "path": {path},\n        "bytes": {size},\n        "reason": {reasons[reason]},\n'
            f'        "storedIn": {stored},\n        "hiddenBy": {hidden}\n      }}'
            for path, size, reason, stored, hidden in rows
        ),
        "    ",
    )


def duplicate_rows(duplicates: Duplicates, paths: QuotedPaths) -> Iterator[str]:
    """The duplicates as pieces of one JSON list, indented for their place in the document."""
    quoted = paths.of(duplicates.paths)
    return _list_pieces((_duplicate(duplicate, quoted) for duplicate in duplicates), "  ")


def _duplicate(duplicate: Duplicate, quoted: Iterator[str]) -> str:
    listed = ",\n        ".join(islice(quoted, len(duplicate.paths)))
    return (
        f'{{\n      "bytes": {duplicate.bytes},\n      "savingBytes": {duplicate.saving},\n'
        f'      "digest": {encode_basestring_ascii(duplicate.digest)},\n'
        f'      "paths": [\n        {listed}\n      ]\n    }}'
    )


def _list_pieces(rows: Iterator[str], indent: str) -> Iterator[str]:
    """Pieces of a JSON list at this indentation."""
    between = f",\n{indent}  "
    before = f"[\n{indent}  "
    while block := list(islice(rows, BLOCK)):
        yield before + between.join(block)
        before = between
    yield "[]" if before.startswith("[") else f"\n{indent}]"
