"""The tree of layers without an embedded table, from zTOCs of the image."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import MemoryBlob
from layerscope.layers.toc.document import TocError
from layerscope.layers.toc.ztoc import index_of_ztoc, places_of_ztoc
from layerscope.limits import DEFAULT_LIMITS
from tests.checkpoints import Checkpoint
from tests.images import Member, digest, directory, file, layer_tar, whiteout
from tests.layers.toc.tables import MEMBERS, assert_same_tree, read
from tests.sources.registry.server import Registry, Repository
from tests.sources.registry.test_tables import Pair, explored, files, large, pair
from tests.toc_images import TocLayer, plain_layer, toc_files
from tests.ztoc import push_soci, ztoc

__all__ = ["pair"]

LISTED: list[list[Member]] = [large(3), [*large(4), file("etc/passwd", b"1", mtime=6)]]
LAYERS = [plain_layer(members) for members in LISTED]


def pushed(registry: Registry, layers: list[TocLayer]) -> str:
    """An image of these layers; returns the digest of its manifest."""
    return registry.repository().push(toc_files(layers))


def name_index(repository: Repository, index: str) -> None:
    """Name a SOCI index in the manifest of the image, and remove the referrers."""
    kind, data = repository.manifests["latest"]
    manifest = json.dumps({**json.loads(data), "annotations": {"com.amazon.soci.index-digest": index}}).encode()  # fmt: skip
    repository.manifests["latest"] = repository.manifests[digest(manifest)] = (kind, manifest)
    repository.referrers.clear()


def test_a_ztoc_gives_the_tree_of_the_tar() -> None:
    """With everything but content digests, and with names that are not UTF-8."""
    members = [*MEMBERS, file(b"\xff\xfe", b"1")]
    layer = plain_layer(members)
    index = index_of_ztoc(ztoc(members, layer), MemoryBlob("l", layer.blob), DEFAULT_LIMITS)
    assert_same_tree(index, read(layer.blob))
    assert index.digests is None


@pytest.mark.parametrize("named", [False, True])
def test_the_explorer_shows_the_tree_before_a_layer_is_fetched(
    registry: Registry, named: bool
) -> None:
    """The index is found as a referrer, or named by the manifest."""
    tables = {
        digest(layer.blob): ztoc(members, layer)
        for layer, members in zip(LAYERS, LISTED, strict=True)
    }
    subject = pushed(registry, LAYERS)
    repository = registry.repository()
    index = push_soci(repository, subject, tables)
    if named:
        name_index(repository, index)
    asked = explored(registry)
    assert asked is not None
    # manifest, config, referrers, index, two tables
    assert len(asked) == (5 if named else 6)
    assert not any(digest(layer.blob) in line for layer in LAYERS for line in asked)
    assert len(registry.asked) == len(asked) + 2


def test_layers_are_read_if_ztocs_are_unusable(registry: Registry) -> None:
    """A zTOC of another layer, a missing one, or an invalid index."""
    subject = pushed(registry, LAYERS)
    repository = registry.repository()
    for table in (
        b"",
        b"\0" * 100,
        ztoc(LISTED[0], LAYERS[0], size=7),
        random.Random(1).randbytes(5000),
    ):
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


def packable(number: int, count: int) -> bytes:
    """Bytes that compress to about a third, like most layers."""
    return random.Random(number).randbytes(count).translate(bytes(range(5)) * 51 + b"\0")


TEXTS = [file(f"f{number}", packable(number, 110_000), mtime=number) for number in range(99)]
SMALL = [file(f"s{number}", packable(number, 1000)) for number in range(9)]
LARGE = [
    directory("d"),
    *TEXTS[:40],
    *SMALL,
    *TEXTS[40:],
    file("wide", packable(100, 2_500_000)),
    file("last", b"end\n"),
]
SAME = file("f7", TEXTS[7].data, mode=0o4711)
TOP = [SAME, file("last", b"new\n"), whiteout("f9")]
SPAN = (4 << 20) // 20
"""SOCI's 4 MiB, reduced like the layer from 100 MB."""


@cache
def large_layer() -> TocLayer:
    """The layer with the files of `LARGE`."""
    tar = layer_tar(LARGE)
    return TocLayer(tar, gzip.compress(tar, 1, mtime=0))


@cache
def large_table() -> bytes:
    """The zTOC of `large_layer`."""
    return ztoc(LARGE, large_layer(), span=SPAN)


@pytest.fixture
def soci(pair: Pair) -> Callable[..., bytes]:
    """Pushes an image of a large layer with a zTOC, and a small one; returns the zTOC."""

    def push(*, named: bool = False, table: bytes | None = None) -> bytes:
        pair.push(large_layer(), plain_layer(TOP))
        repository = pair.registry.repository()
        repository.referrers.clear()
        table = large_table() if table is None else table
        subject = digest(repository.manifests["latest"][1])
        index = push_soci(repository, subject, {digest(large_layer().blob): table})
        if named:
            name_index(repository, index)
        return table

    return push


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ("ls", "-R"),
        ("cat", "f1"),
        ("cat", "wide"),
        ("cat", "f7", "f8", "last"),
        ("cat", "f7", "--layer", "0"),
        ("cat", "f1?", "f3", "f2?"),
        ("log", "f7", "last", "f9", "--format", "json"),
    ],
)
def test_files_come_from_their_spans(
    pair: Pair, soci: Callable[..., bytes], command: tuple[str, ...], named: bool
) -> None:
    """The output equals that for the archive, and the layer is not fetched."""
    soci(named=named)
    from_registry, from_archive = pair.both(*command)
    assert from_registry == from_archive
    assert pair.whole_layers() == 0


def test_one_file_of_a_large_layer_costs_a_fiftieth_of_it(
    pair: Pair, soci: Callable[..., bytes]
) -> None:
    """In addition to its zTOC; layer and spans have a twentieth of the size for 100 MB."""
    table, layer = soci(), large_layer()
    assert 0.95 < 20 * len(layer.blob) / 100e6 < 1.05
    for path in ("s0", "s3", "s7"):
        pair.alone("cat", path)
        others = len(table) + len(plain_layer(TOP).blob)
        assert pair.registry.sent - others <= 0.02 * len(layer.blob)
    # manifest, config, referrers, index, zTOC, a span, the other layer
    assert len(pair.registry.asked) == 7


def test_files_are_extracted_from_their_spans(
    pair: Pair, soci: Callable[..., bytes], tmp_path: Path
) -> None:
    """Adjacent files in one request; for all files, the layer is fetched."""
    soci()
    for number, paths in enumerate((("/f1", "/f2", "/f70"), ("/",))):
        folders = [tmp_path / f"{side}{number}" for side in ("here", "there")]
        pair.alone("extract", *paths, "-o", str(folders[0]))
        assert number or pair.whole_layers() == 0
        assert len(pair.registry.asked) <= 8
        assert pair.run("extract", pair.archive, *paths, "-o", str(folders[1])).code == 0
        assert files(folders[0]) == files(folders[1])
        assert len(files(folders[0])) >= 3


def test_referrers_are_trusted_like_a_tag(pair: Pair, soci: Callable[..., bytes]) -> None:
    """For an image named by its digest, only an index named by its manifest replaces the layer."""
    for named in (False, True):
        soci(named=named)
        pinned = digest(pair.registry.repository().manifests["latest"][1])
        pair.registry.asked.clear()
        pair.registry.headers.clear()
        ran = pair.run("cat", pair.registry.reference(f"app@{pinned}"), "f3", "--no-cache")
        assert ran.out.encode("latin-1") == TEXTS[3].data
        assert pair.whole_layers() == (0 if named else 1)


def shifted(checkpoints: list[Checkpoint]) -> None:
    """Move checkpoints away from the starts of blocks."""
    checkpoints[:] = [replace(one, bits=(one.bits + 3) % 8) for one in checkpoints]


WRONG = {
    "spans": lambda: ztoc(LARGE, large_layer(), span=SPAN, change=shifted),
    "no spans": lambda: ztoc(LARGE, large_layer(), span=SPAN, change=list.clear),
    "paths": lambda: ztoc([*LARGE[:40], *LARGE[41:], LARGE[40]], large_layer(), span=SPAN, change=shifted),
    "other layer": lambda: ztoc(LARGE, large_layer(), size=7),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_the_layer_is_fetched_if_spans_are_wrong(
    pair: Pair, soci: Callable[..., bytes], wrong: Callable[[], bytes]
) -> None:
    """The content is correct."""
    soci(table=wrong())
    from_registry, from_archive = pair.both("cat", "f3", "last")
    assert from_registry == from_archive
    assert from_registry.code == 0
    assert pair.whole_layers()


def test_a_file_that_is_not_where_a_ztoc_lists_it_is_an_error(
    pair: Pair, soci: Callable[..., bytes]
) -> None:
    """Nothing is printed instead."""
    members = [*LARGE[:5], *LARGE[6:], LARGE[5]]
    soci(table=ztoc(members, large_layer(), span=SPAN, change=shifted))
    ran = pair.alone("cat", "f20")
    assert ran.code == 3
    assert ran.out == ""
    assert "/f20: the table of contents of its layer is wrong" in ran.err


def test_a_sparse_file_is_read_from_its_layer(pair: Pair, soci: Callable[..., bytes]) -> None:
    """Its zTOC does not list the places of its data."""
    sparse = file("sparse", b"1", pax={b"GNU.sparse.major": b"1"})
    soci(table=ztoc([*LARGE, sparse], large_layer(), span=SPAN))
    assert pair.alone("cat", "f3").out.encode("latin-1") == TEXTS[3].data
    assert pair.whole_layers()


def test_max_download_counts_fetched_bytes_only(pair: Pair, soci: Callable[..., bytes]) -> None:
    """The zTOC and the spans, not the layer."""
    table = soci()
    most = str(len(table) + 300_000)
    assert pair.alone("cat", "f3", "--max-download", most).code == 0
    assert pair.alone("cat", "f3", "--max-download", "100000").code == 3


def test_headers_only_does_not_use_ztocs(pair: Pair, soci: Callable[..., bytes]) -> None:
    """They have no digests, so a replaced file of the same size would not be detected."""
    soci()
    ran = pair.alone("ls", "--headers-only")
    assert "unknown layers: 0, 1" in ran.err
    assert pair.registry.sent < 5000


def test_ztocs_are_not_requested_for_small_layers(pair: Pair) -> None:
    """Only manifest, config and layer are."""
    pair.push(plain_layer(LARGE[:9]))
    assert pair.alone("ls").code == 0
    assert len(pair.registry.asked) == 3


WHOLE = plain_layer(MEMBERS)
TABLE = ztoc(MEMBERS, WHOLE)


@given(st.integers(0, len(TABLE) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_ztocs_are_errors_or_have_valid_places(place: int, wrong: bytes) -> None:
    blob = MemoryBlob("l", WHOLE.blob)
    data = TABLE[:place] + wrong + TABLE[place + len(wrong) :]
    for one in (data, TABLE[:place]):
        with suppress(TocError, LimitExceededError):
            index = index_of_ztoc(one, blob, DEFAULT_LIMITS)
            places = places_of_ztoc(one, index, blob, DEFAULT_LIMITS)
            for entry in range(len(index)):
                for part in places.of(entry):
                    assert 0 <= part.offset < part.end <= blob.size
                    assert part.size > 0
