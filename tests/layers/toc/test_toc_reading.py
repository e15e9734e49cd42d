"""Tables of contents of eStargz and zstd:chunked layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.index import Kind
from layerscope.layers.toc.reading import has_toc
from tests.images import (
    Member,
    digest,
)
from tests.layers.toc.tables import (
    MEMBERS,
    Make,
    assert_same_tree,
    both_formats,
    every_writer,
    expected_index,
    read,
    toc_of,
)
from tests.strategies import wild_layers
from tests.toc_images import (
    TYPES,
    entries_of,
    external_footer,
    plain_layer,
    toc_json,
    zstd_chunked,
)


@every_writer
def test_a_table_has_the_tree_of_the_tar(make: Make) -> None:
    """Entries and content digests are the same, although only the end of the layer was read for the table."""
    layer = make(MEMBERS)
    listed, tar_index = expected_index(layer.blob), read(layer.blob)
    assert tar_index.broken is None
    assert_same_tree(listed, tar_index)
    files = tar_index.columns.kinds == Kind.FILE
    assert listed.digests is not None
    assert tar_index.digests is not None
    assert np.array_equal(listed.digests[files], tar_index.digests[files])


@every_writer
def test_digests_match_those_in_the_manifest(make: Make) -> None:
    """eStargz has the digest of the JSON, zstd:chunked that of its compressed form."""
    layer = make(MEMBERS)
    toc = toc_of(layer.blob)
    assert toc is not None
    (claimed,) = (value for key, value in layer.annotations.items() if "position" not in key)
    assert claimed in (toc.check.digest, toc.check.packed_digest)
    assert toc.check.digest == digest(toc_json(entries_of(MEMBERS)))


def _listed(member: Member) -> bool:
    """Whether tables can list a member, and JSON can represent its names."""
    texts = (member.name, member.link)
    return member.type in TYPES and all(text.isascii() for text in texts)


@both_formats
@given(layers=wild_layers())
@settings(max_examples=60, deadline=None)
def test_tables_of_random_layers_have_the_tree_of_the_tar(
    make: Make, layers: Sequence[Sequence[Member]]
) -> None:
    """This includes unusual names, markers and repeated paths."""
    for members in layers:
        listed = [member for member in members if _listed(member)]
        layer = make(listed)
        assert_same_tree(expected_index(layer.blob), read(layer.blob))


def test_a_layer_without_a_table_has_none() -> None:
    """This includes layers that are too short for a table, and tables in another image."""
    plain = plain_layer(MEMBERS).blob
    for blob in (plain, b"", plain[:20], b"x" * 5000, zstd_chunked(MEMBERS).tar):
        assert toc_of(blob) is None
        assert not has_toc(MemoryBlob("layer 0", blob))
    toc = toc_of(plain + external_footer())
    assert toc is not None
    assert toc.check.elsewhere
    assert toc.expected is None
    assert not has_toc(MemoryBlob("layer 0", plain + external_footer()))


@every_writer
def test_the_footer_shows_whether_there_is_a_table(make: Make) -> None:
    """The table is not decompressed for that."""
    assert has_toc(MemoryBlob("layer 0", make(MEMBERS, toc=b"no JSON").blob))
