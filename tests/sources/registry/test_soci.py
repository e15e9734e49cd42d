"""The tree of layers without a table of their own, from the zTOCs beside an image."""

from __future__ import annotations

import json
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import MemoryBlob
from layerscope.layers.toc.document import TocError
from layerscope.layers.toc.ztoc import index_of_ztoc
from layerscope.limits import DEFAULT_LIMITS
from tests.images import Member, digest, file
from tests.layers.toc.tables import MEMBERS, assert_same_tree, read
from tests.sources.registry.server import Registry
from tests.sources.registry.test_tables import TOP, explored, large
from tests.toc_images import TocLayer, plain_layer, toc_files
from tests.ztoc import push_soci, ztoc

LAYERS = [plain_layer(large(3)), plain_layer([*large(4), *TOP])]
LISTED: list[list[Member]] = [large(3), [*large(4), *TOP]]


def pushed(registry: Registry, layers: list[TocLayer]) -> str:
    """An image of these layers; returns the digest of its manifest."""
    return registry.repository().push(toc_files(layers))


def test_a_ztoc_gives_the_tree_of_the_tar() -> None:
    """All but content digests; names that are not UTF-8, too."""
    members = [*MEMBERS, file(b"\xff\xfe", b"1")]
    layer = plain_layer(members)
    told = index_of_ztoc(
        ztoc(members, len(layer.blob)), MemoryBlob("l", layer.blob), DEFAULT_LIMITS
    )
    assert_same_tree(told, read(layer.blob))
    assert told.digests is None


@pytest.mark.parametrize("named", [False, True])
def test_the_explorer_shows_the_tree_before_a_layer_is_fetched(
    registry: Registry, named: bool
) -> None:
    """The index is found by what refers to the image, or by what its manifest says."""
    tables = {
        digest(layer.blob): ztoc(members, len(layer.blob))
        for layer, members in zip(LAYERS, LISTED, strict=True)
    }
    subject = pushed(registry, LAYERS)
    repository = registry.repository()
    index = push_soci(repository, subject, tables)
    if named:
        kind, data = repository.manifests[subject]
        manifest = json.dumps({**json.loads(data), "annotations": {"com.amazon.soci.index-digest": index}}).encode()  # fmt: skip
        repository.manifests["latest"] = repository.manifests[digest(manifest)] = (kind, manifest)
        repository.referrers.clear()
    asked = explored(registry)
    assert asked is not None
    # manifest, config, referrers, index, two tables
    assert len(asked) == (5 if named else 6)
    assert not any(digest(layer.blob) in line for layer in LAYERS for line in asked)
    assert len(registry.asked) == len(asked) + 2


def test_whatever_is_wrong_with_it_the_layers_are_read(registry: Registry) -> None:
    """A table of another layer, one that is not there, an index that is none."""
    subject = pushed(registry, LAYERS)
    repository = registry.repository()
    for table in (b"", b"\0" * 100, ztoc(LISTED[0], 7), random.Random(1).randbytes(5000)):
        repository.referrers.clear()
        push_soci(repository, subject, {digest(layer.blob): table for layer in LAYERS})
        assert explored(registry) is None
    repository.blobs.pop(digest(table))
    assert explored(registry) is None
    for answer in (b"[]", b"{}", b"{", b'{"layers": [1, {"annotations": []}, {"annotations": {"com.amazon.soci.image-layer-digest": 1}}]}'):  # fmt: skip
        index = repository.referrers[subject][0]
        repository.manifests[index["digest"]] = ("application/json", answer)
        assert explored(registry) is None
    repository.referrers[subject] = [{"artifactType": 1}, {}]
    assert explored(registry) is None


TABLE = ztoc(MEMBERS, 1000)


@given(st.integers(0, len(TABLE) - 1), st.binary(min_size=1, max_size=8))
def test_any_bytes_may_be_wrong(place: int, wrong: bytes) -> None:
    """It is a table, or an error."""
    data = TABLE[:place] + wrong + TABLE[place + len(wrong) :]
    for one in (data, TABLE[:place]):
        with suppress(TocError, LimitExceededError):
            index_of_ztoc(one, MemoryBlob("l", bytes(1000)), DEFAULT_LIMITS)
