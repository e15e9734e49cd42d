"""Layer indexes, and what the stacked filesystem shares with them, as plain values and arrays."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.extensions import SparseMap
from layerscope.layers.index import Columns, LayerIndex
from layerscope.layers.names import PathTree
from layerscope.layers.packing import Packed, table_parts
from layerscope.layers.toc.check import TocCheck

Arrays = dict[str, NDArray[Any]]

_VALUES = ("tar_bytes", "trailing", "diff_id", "blob_digest", "compressed_bytes")


def pack_index(index: LayerIndex) -> Packed:
    """An index that is not broken."""
    return Packed(
        {
            "oddities": index.oddities,
            "toc": _toc_values(index.toc),
            **{name: getattr(index, name) for name in _VALUES},
        },
        {
            "roles": index.roles,
            "nodes": index.nodes,
            "targets": index.targets,
            "link_contents": index.link_contents,
            "tree.parents": index.tree.parents,
            "tree.components": index.tree.components,
            **({} if index.digests is None else {"digests": index.digests}),
            **table_parts("tree.names", index.tree.names),
            **table_parts("links", index.links),
            **table_parts("xattrs", index.xattrs),
            **column_parts(index.columns),
            **sparse_parts(index.sparse),
        },
    )


def unpack_index(packed: Packed) -> LayerIndex:
    """What `pack_index` was given. Raises KeyError for what it did not make."""
    values, arrays = packed.values, packed.arrays
    return LayerIndex(
        columns=columns_of(packed),
        roles=arrays["roles"],
        nodes=arrays["nodes"],
        targets=arrays["targets"],
        link_contents=arrays["link_contents"],
        tree=PathTree(
            arrays["tree.parents"], arrays["tree.components"], packed.table("tree.names")
        ),
        links=packed.table("links"),
        xattrs=packed.table("xattrs"),
        sparse=sparse_of(packed),
        digests=arrays.get("digests"),
        oddities=values["oddities"],
        broken=None,
        toc=None if values["toc"] is None else TocCheck(*values["toc"]),
        **{name: values[name] for name in _VALUES},
    )


def _toc_values(check: TocCheck | None) -> list[object] | None:
    """The values of a check, in the order of its fields."""
    return None if check is None else list(astuple(check))


def column_parts(columns: Columns) -> Arrays:
    """Attributes of entries."""
    return {f"columns.{name}": getattr(columns, name) for name in Columns.__slots__}


def columns_of(packed: Packed) -> Columns:
    """What `column_parts` took apart."""
    return Columns(*(packed.arrays[f"columns.{name}"] for name in Columns.__slots__))


def sparse_parts(sparse: dict[int, SparseMap]) -> Arrays:
    """Maps of sparse files: one row a file, and the segments of all of them. Raises OverflowError beyond 64 bits."""
    maps = sparse.values()
    return {
        "sparse.files": np.array(
            [
                (entry, found.real_size, found.skip, len(found.segments))
                for entry, found in sparse.items()
            ],
            np.int64,
        ).reshape(-1, 4),
        "sparse.segments": np.array(
            [segment for found in maps for segment in found.segments], np.int64
        ).reshape(-1, 2),
    }


def sparse_of(packed: Packed) -> dict[int, SparseMap]:
    """What `sparse_parts` took apart."""
    sparse = {}
    segments = packed.arrays["sparse.segments"]
    end = 0
    for entry, real_size, skip, count in packed.arrays["sparse.files"].tolist():
        start, end = end, end + count
        pairs = segments[start:end].tolist()
        sparse[entry] = SparseMap(
            real_size, tuple((offset, length) for offset, length in pairs), skip
        )
    return sparse
