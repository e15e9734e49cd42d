"""Compares the table of contents of a layer with its tar.

If a path is listed several times, the last entry counts, as when the layer is unpacked. Times are not compared, because eStargz
rounds them. Markers only need to be present.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope import text
from layerscope.layers.extensions import pack_xattrs, unpack_xattrs
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.merged_paths import merge_paths
from layerscope.layers.names import Role, clean
from layerscope.layers.strings import StringTable
from layerscope.layers.toc.check import TocCheck
from layerscope.limits import Limits

_REPLACEMENT = "\ufffd"
"""The character that Go writes to JSON for an invalid byte of UTF-8."""
_MARKERS = {Role.WHITEOUT: "the whiteout of ", Role.OPAQUE: "the opaque marker of /"}
_ROLES = 4
"""Number of roles, for packing a role into a key."""


class _Entries(Struct, frozen=True):
    """The last entry of each path and role in a table or tar, in that order."""

    index: LayerIndex
    keys: NDArray[np.int64]
    """Path and role of each entry, packed; ascending."""
    rows: NDArray[np.int64]
    """Index of each entry."""

    def name(self, row: int) -> str:
        """The path or marker of an entry, safe for a terminal."""
        path = text.safe_name(self.index.tree.path(int(self.index.nodes[row])))
        return _MARKERS.get(Role(self.index.roles[row]), "") + path

    def target(self, row: int) -> bytes:
        """The target path of a hard link."""
        return clean(self.index.links[int(self.index.columns.links[row])])[0]


def compare_with_tar(
    check: TocCheck, table_index: LayerIndex, tar_index: LayerIndex, limits: Limits
) -> TocCheck:
    """The check of a table of contents with the differences between its index and that of the tar. Raises `LimitExceededError`."""
    if any(
        _REPLACEMENT.encode() in table.data
        for table in (table_index.tree.names, table_index.links, table_index.xattrs)
    ):
        tar_index = _with_replacement_characters(tar_index)
    if table_index.tree.same_as(tar_index.tree):
        paths = [table_index.nodes, tar_index.nodes]
    else:
        _, path_of = merge_paths([table_index.tree, tar_index.tree], limits)
        paths = [path_of[0][table_index.nodes], path_of[1][tar_index.nodes]]
    table, tar = _counted_entries(table_index, paths[0]), _counted_entries(tar_index, paths[1])
    shared, in_table, in_tar = np.intersect1d(table.keys, tar.keys, True, True)
    differing = _differing(table, tar, table.rows[in_table], tar.rows[in_tar], shared)
    example, what = _example(table, tar, in_table, in_tar, differing)
    count = len(table.keys) + len(tar.keys) - 2 * len(shared)
    count += int(np.count_nonzero(np.logical_or.reduce(list(differing.values()))))
    return replace(check, differing=count, example=example, what=what)


def _counted_entries(index: LayerIndex, paths: NDArray[np.int32]) -> _Entries:
    rows = np.flatnonzero(index.roles != Role.IGNORED)[::-1]
    keys, last = np.unique(
        paths[rows].astype(np.int64) * _ROLES + index.roles[rows], return_index=True
    )
    return _Entries(index, keys, rows[last])


def _differing(
    table: _Entries,
    tar: _Entries,
    table_rows: NDArray[np.int64],
    tar_rows: NDArray[np.int64],
    keys: NDArray[np.int64],
) -> dict[str, NDArray[np.bool_]]:
    """For each attribute, by its name for people, a mask of the shared paths where table and tar disagree."""
    one, other = table.index.columns, tar.index.columns
    entries = keys % _ROLES == Role.ENTRY
    same_kind = entries & (one.kinds[table_rows] == other.kinds[tar_rows])

    def differ(name: str) -> NDArray[np.bool_]:
        values: NDArray[np.bool_] = getattr(one, name)[table_rows] != getattr(other, name)[tar_rows]
        values &= same_kind
        return values

    sizes, dense = other.stored.copy(), np.ones(len(other.stored), bool)
    for entry, sparse in tar.index.sparse.items():
        sizes[entry] = min(sparse.real_size, np.iinfo(np.int64).max)
        dense[entry] = False
    links = _other_strings(table, tar, table_rows, tar_rows, "links") & same_kind
    for at in np.flatnonzero(links & (one.kinds[table_rows] == Kind.HARDLINK)).tolist():
        links[at] = table.target(int(table_rows[at])) != tar.target(int(tar_rows[at]))
    content = np.zeros(len(keys), bool)
    if table.index.digests is not None and tar.index.digests is not None:
        content = (table.index.digests[table_rows] != tar.index.digests[tar_rows]).any(axis=1)
    return {
        "type": entries & ~same_kind,
        "size": np.not_equal(one.stored[table_rows], sizes[tar_rows]) & same_kind,
        "content": content & same_kind & dense[tar_rows] & (one.kinds[table_rows] == Kind.FILE),
        "link target": links,
        "device number": differ("devices"),
        "mode": differ("modes"),
        "owner": differ("uids") | differ("gids"),
        "extended attributes": _other_strings(table, tar, table_rows, tar_rows, "xattrs")
        & same_kind,
    }


def _other_strings(
    table: _Entries,
    tar: _Entries,
    table_rows: NDArray[np.int64],
    tar_rows: NDArray[np.int64],
    name: str,
) -> NDArray[np.bool_]:
    """Mask of entries where the columns called `name`, which index tables of strings, differ."""
    numbers = {value: number for number, value in enumerate(getattr(table.index, name))}
    table_numbers = np.array(
        [numbers.get(value, -1) for value in getattr(tar.index, name)], np.int64
    )
    in_table, in_tar = (
        getattr(table.index.columns, name)[table_rows],
        getattr(tar.index.columns, name)[tar_rows],
    )
    differing: NDArray[np.bool_] = in_table != table_numbers[in_tar]
    return differing


def _example(
    table: _Entries,
    tar: _Entries,
    in_table: NDArray[np.int64],
    in_tar: NDArray[np.int64],
    differing: dict[str, NDArray[np.bool_]],
) -> tuple[str, str]:
    """A path where table and tar disagree, and how."""
    for entries, shared, what in (
        (tar, in_tar, "is not listed"),
        (table, in_table, "is listed, and not in the tar"),
    ):
        unshared = np.ones(len(entries.keys), bool)
        unshared[shared] = False
        for at in np.flatnonzero(unshared)[:1].tolist():
            return entries.name(int(entries.rows[at])), what
    for attribute, mask in differing.items():
        for at in np.flatnonzero(mask)[:1].tolist():
            return tar.name(int(tar.rows[in_tar[at]])), f"has {_with_other(attribute)}"
    return "", ""


def _with_other(attribute: str) -> str:
    return f"other {attribute}" if attribute.endswith("s") else f"another {attribute}"


def _with_replacement_characters(index: LayerIndex) -> LayerIndex:
    """An index with names as Go writes them to JSON: each byte that is not valid UTF-8 becomes U+FFFD."""
    tree = replace(
        index.tree, names=StringTable.of([_replace_invalid(name) for name in index.tree.names])
    )
    return replace(
        index,
        tree=tree,
        links=StringTable.of([_replace_invalid(link) for link in index.links]),
        xattrs=StringTable.of(
            [
                pack_xattrs(
                    {_replace_invalid(key): value for key, value in unpack_xattrs(packed).items()}
                )
                for packed in index.xattrs
            ]
        ),
    )


def _replace_invalid(name: bytes) -> bytes:
    try:
        name.decode()
    except UnicodeDecodeError:
        escaped = name.decode(errors="surrogateescape")
        return "".join(
            _REPLACEMENT if "\udc80" <= at <= "\udcff" else at for at in escaped
        ).encode()
    return name
