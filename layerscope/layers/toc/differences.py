"""Compares the table of contents of a layer with its tar.

Of a path that is listed several times the last entry counts, as it does when the layer is unpacked. Times are not compared:
eStargz rounds them. Markers only have to be there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layerscope import text
from layerscope.layers.extensions import pack_xattrs, unpack_xattrs
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.merged_paths import merge_paths
from layerscope.layers.names import Role, clean
from layerscope.layers.strings import StringTable
from layerscope.layers.toc.check import TocCheck
from layerscope.limits import Limits

_REPLACED = "\ufffd"
"""What Go writes to JSON for a byte that is not valid UTF-8."""
_MARKERS = {Role.WHITEOUT: "the whiteout of ", Role.OPAQUE: "the opaque marker of /"}
_ROLES = 4
"""Above the largest role: for packing roles into keys."""


@dataclass(frozen=True, slots=True)
class _Side:
    """The entries of a table or tar that count, ordered by path and role."""

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
    check: TocCheck, told: LayerIndex, found: LayerIndex, limits: Limits
) -> TocCheck:
    """What comparing a table, whose index is `told`, with its tar tells. Raises `LimitExceededError`."""
    if any(
        _REPLACED.encode() in table.data for table in (told.tree.names, told.links, told.xattrs)
    ):
        found = _with_replacement_characters(found)
    if told.tree.same_as(found.tree):
        paths = [told.nodes, found.nodes]
    else:
        _, path_of = merge_paths([told.tree, found.tree], limits)
        paths = [path_of[0][told.nodes], path_of[1][found.nodes]]
    table, tar = _side(told, paths[0]), _side(found, paths[1])
    shared, in_table, in_tar = np.intersect1d(table.keys, tar.keys, True, True)
    differing = _differing(table, tar, table.rows[in_table], tar.rows[in_tar], shared)
    example, what = _example(table, tar, in_table, in_tar, differing)
    count = len(table.keys) + len(tar.keys) - 2 * len(shared)
    count += int(np.count_nonzero(np.logical_or.reduce(list(differing.values()))))
    return replace(check, differing=count, example=example, what=what)


def _side(index: LayerIndex, paths: NDArray[np.int32]) -> _Side:
    kept = np.flatnonzero(index.roles != Role.IGNORED)[::-1]
    keys, last = np.unique(
        paths[kept].astype(np.int64) * _ROLES + index.roles[kept], return_index=True
    )
    return _Side(index, keys, kept[last])


def _differing(
    table: _Side,
    tar: _Side,
    told: NDArray[np.int64],
    found: NDArray[np.int64],
    keys: NDArray[np.int64],
) -> dict[str, NDArray[np.bool_]]:
    """For each attribute, in words, the shared paths of which it is told otherwise."""
    one, other = table.index.columns, tar.index.columns
    entries = keys % _ROLES == Role.ENTRY
    same_kind = entries & (one.kinds[told] == other.kinds[found])

    def differ(name: str) -> NDArray[np.bool_]:
        values: NDArray[np.bool_] = getattr(one, name)[told] != getattr(other, name)[found]
        values &= same_kind
        return values

    sizes, dense = other.stored.copy(), np.ones(len(other.stored), bool)
    for entry, sparse in tar.index.sparse.items():
        sizes[entry] = min(sparse.real_size, np.iinfo(np.int64).max)
        dense[entry] = False
    links = _other_strings(table, tar, told, found, "links") & same_kind
    for at in np.flatnonzero(links & (one.kinds[told] == Kind.HARDLINK)).tolist():
        links[at] = table.target(int(told[at])) != tar.target(int(found[at]))
    content = np.zeros(len(keys), bool)
    if table.index.digests is not None and tar.index.digests is not None:
        content = (table.index.digests[told] != tar.index.digests[found]).any(axis=1)
    return {
        "type": entries & ~same_kind,
        "size": np.not_equal(one.stored[told], sizes[found]) & same_kind,
        "content": content & same_kind & dense[found] & (one.kinds[told] == Kind.FILE),
        "link target": links,
        "device number": differ("devices"),
        "mode": differ("modes"),
        "owner": differ("uids") | differ("gids"),
        "extended attributes": _other_strings(table, tar, told, found, "xattrs") & same_kind,
    }


def _other_strings(
    table: _Side, tar: _Side, told: NDArray[np.int64], found: NDArray[np.int64], name: str
) -> NDArray[np.bool_]:
    """Mask of entries where the columns called `name`, which index tables of strings, differ."""
    places = {value: place for place, value in enumerate(getattr(table.index, name))}
    moved = np.array([places.get(value, -1) for value in getattr(tar.index, name)], np.int64)
    one, other = getattr(table.index.columns, name)[told], getattr(tar.index.columns, name)[found]
    differing: NDArray[np.bool_] = one != moved[other]
    return differing


def _example(
    table: _Side,
    tar: _Side,
    in_table: NDArray[np.int64],
    in_tar: NDArray[np.int64],
    differing: dict[str, NDArray[np.bool_]],
) -> tuple[str, str]:
    """A path that is told otherwise, and what of it."""
    for side, shared, what in (
        (tar, in_tar, "is not listed"),
        (table, in_table, "is listed, and not in the tar"),
    ):
        alone = np.ones(len(side.keys), bool)
        alone[shared] = False
        for at in np.flatnonzero(alone)[:1].tolist():
            return side.name(int(side.rows[at])), what
    for attribute, where in differing.items():
        for at in np.flatnonzero(where)[:1].tolist():
            return tar.name(int(tar.rows[in_tar[at]])), f"has {_other(attribute)}"
    return "", ""


def _other(attribute: str) -> str:
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
        return "".join(_REPLACED if "\udc80" <= at <= "\udcff" else at for at in escaped).encode()
    return name
