"""Images whose layers end with tables of contents: what is said early, what is warned of, and that the tar decides."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from layerscope.filesystem import tables_of_contents
from layerscope.filesystem.model import Filesystem
from layerscope.layers import reading
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.store import Store
from layerscope.layers.toc.reading import has_toc
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.opening import Listener, Opened, Options, analyse
from layerscope.report.schema import warnings_document
from layerscope.sources import Request, open_source
from tests.images import Member, digest, directory, file, hardlink, image_config, symlink, whiteout
from tests.sources.places import codes, open_path, said, unpack
from tests.strategies import wild_layers
from tests.toc_images import (
    CHUNKED,
    STARGZ_DIGEST,
    TYPES,
    Entry,
    TocLayer,
    entries_of,
    estargz,
    external_footer,
    plain_layer,
    toc_json,
    write_image,
    zstd_chunked,
)

Make = Callable[..., TocLayer]
both_formats = pytest.mark.parametrize("make", [estargz, zstd_chunked])

BASE = [
    directory("etc"),
    file("etc/passwd", b"root\n", mode=0o600, xattrs={b"user.a": b"1"}),
    file("gone", b"x" * 600),
    symlink("link", "etc/passwd"),
    hardlink("same", "etc/passwd"),
]
TOP = [whiteout("gone"), file("new", b"content", uid=5)]


class Early(Listener):
    """Keeps what is told, in order."""

    foresees = True

    def __init__(self) -> None:
        self.told: list[str] = []
        self.filesystems: list[Filesystem] = []

    def foreseen(self, filesystem: Filesystem) -> None:
        self.told.append("foreseen")
        self.filesystems.append(filesystem)

    def layer_indexed(self, number: int, index: LayerIndex) -> None:  # noqa: ARG002
        self.told.append(f"layer {number}")

    def stacked(self, opened: Opened) -> None:
        self.told.append("stacked")
        self.filesystems.append(opened.filesystem)


@pytest.fixture(autouse=True)
def small_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of tests are small."""
    monkeypatch.setattr(tables_of_contents, "WORTHWHILE", 1)


def listen(
    path: Path, limits: Limits = DEFAULT_LIMITS, *, wait: bool = True, **options: Any
) -> Early:
    """What somebody hears who cannot wait. Layers with a table are not read before their tree was shown, if `wait`."""
    early = Early()
    shown = threading.Event()

    def slowly(blob: Blob, *args: Any, **how: Any) -> LayerIndex:
        if has_toc(blob):
            assert shown.wait(10)
        return index_layer(blob, *args, **how)

    def foreseen(filesystem: Filesystem) -> None:
        Early.foreseen(early, filesystem)
        shown.set()

    request = Request(str(path), limits=limits)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(early, "foreseen", foreseen)
        if wait:
            patched.setattr(reading, "index_layer", slowly)
        analyse(request, open_source(request), Options(**options), early)
    return early


def tree(filesystem: Filesystem) -> list[tuple[object, ...]]:
    """All versions of all paths, with what a table tells of them."""
    columns = filesystem.inodes.columns
    return [
        (
            filesystem.table.full(int(path)),
            int(filesystem.kinds[row]),
            int(filesystem.stored[row]),
            int(filesystem.born[row]),
            int(filesystem.died[row]),
            int(columns.modes[filesystem.inode_of[row]]),
            filesystem.inodes.xattrs[int(columns.xattrs[filesystem.inode_of[row]])],
        )
        for row, path in enumerate(filesystem.paths)
    ]


# --- early ----------------------------------------------------------------------------------------


@both_formats
def test_the_tree_is_there_before_the_layers_are_read(tmp_path: Path, make: Make) -> None:
    """It is what the layers turn out to hold, and nothing is warned of."""
    path = write_image(tmp_path, [make(BASE), make(TOP)])
    early = listen(path)
    assert early.told == ["foreseen", "layer 0", "layer 1", "stacked"]
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])
    assert codes(open_path(path)) == []


def test_layers_without_a_table_are_read_first(tmp_path: Path) -> None:
    """Then all is known, or promised."""
    path = write_image(tmp_path, [zstd_chunked(BASE), plain_layer(TOP), estargz(TOP)])
    early = listen(path)
    assert early.told[0] == "foreseen"
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])
    path = write_image(tmp_path, [plain_layer(BASE), estargz(TOP)])
    early = listen(path)
    assert early.told == ["layer 0", "foreseen", "layer 1", "stacked"]
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])


def test_a_blob_that_is_listed_twice_is_promised_twice(tmp_path: Path) -> None:
    """As it is read once and stands at both places."""
    early = listen(write_image(tmp_path, [estargz(TOP), estargz(BASE), estargz(TOP)]))
    assert early.told == ["foreseen", "layer 0", "layer 1", "layer 2", "stacked"]
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])


def test_nothing_is_promised_without_tables(tmp_path: Path) -> None:
    """Nor where nobody asks."""
    assert "foreseen" not in listen(write_image(tmp_path, [plain_layer(BASE)])).told
    early = Early()
    early.foresees = False
    request = Request(str(write_image(tmp_path, [estargz(BASE)])))
    analyse(request, open_source(request), Options(), early)
    assert early.told == ["layer 0", "stacked"]


def test_small_layers_are_not_worth_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read before anybody looks."""
    monkeypatch.setattr(tables_of_contents, "WORTHWHILE", 1_000_000)
    assert "foreseen" not in listen(write_image(tmp_path, [estargz(BASE)]), wait=False).told


@both_formats
def test_what_the_cache_knows_needs_no_promise(tmp_path: Path, make: Make) -> None:
    """The second time all is there at once; the warnings are the same."""
    wrong = _changed(BASE, "etc/passwd", size=7)
    path = write_image(tmp_path, [make(BASE, toc=toc_json(wrong)), make(TOP)])
    first = open_path(path)
    time.sleep(0.03)  # a file that was written just now has no identity yet
    store = Store(tmp_path / "cache")
    assert "foreseen" in listen(path, cache=store).told
    assert "foreseen" not in listen(path, wait=False, cache=store).told
    again = open_path(path, options=Options(cache=store))
    assert again.indexes[0].toc == first.indexes[0].toc
    assert again.warnings == first.warnings
    assert codes(again) == ["toc-mismatch"]


def test_what_is_too_much_is_no_promise(tmp_path: Path) -> None:
    """A hostile table neither ends the work nor changes what comes of it."""
    entries = [{"type": "reg", "name": f"f{number}"} for number in range(298)]
    layers = [zstd_chunked(members, toc=toc_json(entries)) for members in (BASE, TOP)]
    path = write_image(tmp_path, layers)
    early = listen(path, Limits(entries=300), wait=False)
    assert early.told == ["layer 0", "layer 1", "stacked"]
    right = listen(write_image(tmp_path, [zstd_chunked(BASE), zstd_chunked(TOP)]))
    assert tree(early.filesystems[-1]) == tree(right.filesystems[-1])


@given(layers=wild_layers())
@settings(max_examples=40, deadline=None)
def test_any_image_is_promised_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, layers: Sequence[Sequence[Member]]
) -> None:
    """Repeated paths, markers, links across layers and names that are no text: the tables tell the same tree."""
    folder = tmp_path_factory.mktemp("image")
    stored = [
        (estargz, zstd_chunked)[number % 2]([member for member in members if member.type in TYPES])
        for number, members in enumerate(layers)
    ]
    path = write_image(folder, stored)
    early = listen(path)
    codes_found = codes(open_path(path))
    assert "toc-mismatch" not in codes_found
    assert "toc-unusable" not in codes_found
    if not any(b"\xff" in layer.tar for layer in stored):
        assert tree(early.filesystems[0]) == tree(early.filesystems[1])


# --- what differs ---------------------------------------------------------------------------------


def _changed(members: Sequence[Member], path: str, **keys: object) -> list[Entry]:
    """The table of these members with one entry changed."""
    return [entry | (keys if entry["name"] == path else {}) for entry in entries_of(members)]


_NEW = {"type": "reg", "name": "etc/shadow", "size": 3, "digest": "sha256:" + "0" * 64}
MISMATCHES: dict[str, tuple[list[Entry], str]] = {
    "size": (_changed(BASE, "gone", size=601), "1 path: gone has another size"),
    "mode": (_changed(BASE, "gone", mode=0o4755), "1 path: gone has another mode"),
    "owner": (_changed(BASE, "gone", gid=7), "1 path: gone has another owner"),
    "content": (
        _changed(BASE, "gone", digest="sha256:" + "0" * 64),
        "1 path: gone has another content",
    ),
    "link target": (
        _changed(BASE, "link", linkName="etc/shadow"),
        "1 path: link has another link target",
    ),
    "hard link": (_changed(BASE, "same", linkName="gone"), "1 path: same has another link target"),
    "type": (_changed(BASE, "gone", type="fifo"), "1 path: gone has another type"),
    "xattrs": (
        _changed(BASE, "etc/passwd", xattrs={"user.a": "Mg=="}),
        "1 path: etc/passwd has other extended attributes",
    ),
    "one more": ([*entries_of(BASE), _NEW], "1 path: etc/shadow is listed, and not in the tar"),
    "one less": (entries_of(BASE)[:-1], "1 path: same is not listed"),
    "nothing": ([], "5 paths: etc is not listed"),
    "last one": (
        [*entries_of(BASE), _NEW | {"name": "gone"}],
        "1 path: gone has another size",
    ),
    "terminal": (
        [*entries_of(BASE), _NEW | {"name": "\x1b[2J"}],
        "1 path: \\e[2J is listed, and not in the tar",
    ),
    "whiteout": (
        [*entries_of(BASE), _NEW | {"name": ".wh.etc"}],
        "1 path: the whiteout of etc is listed, and not in the tar",
    ),
}


@both_formats
@pytest.mark.parametrize(("entries", "words"), MISMATCHES.values(), ids=MISMATCHES)
def test_a_table_that_lies_is_warned_of(
    tmp_path: Path, make: Make, entries: list[Entry], words: str
) -> None:
    """The warning names the layer, a path and what of it; the figures are those of the tar."""
    layer = make(BASE, toc=toc_json(entries))
    opened = open_path(write_image(tmp_path, [make(TOP), layer]))
    assert codes(opened) == ["toc-mismatch"]
    assert [warning.layer for warning in opened.warnings] == [1]
    message = said(opened, "toc-mismatch")
    assert "the tar, which counts" in message
    assert message.endswith(words)
    own = len(toc_json(entries)) if make is estargz else 0
    assert opened.accounting.layers[1].stored == 5 + 600 + own
    assert opened.damages() == []


@both_formats
@pytest.mark.parametrize(
    "entries",
    [
        entries_of(BASE)[::-1],
        [*_changed(BASE, "gone", size=7), entries_of(BASE)[2]],
        _changed(BASE, "gone", modtime="2020-01-01T00:00:00Z"),
        _changed(BASE, "same", linkName="./etc//passwd"),
        _changed(BASE, "gone", mode=0o100644),
        _changed(BASE, "gone", name="./gone"),
    ],
    ids=["order", "replaced", "time", "spelling of a target", "type in mode", "spelling"],
)
def test_what_makes_no_difference_is_no_mismatch(
    tmp_path: Path, make: Make, entries: list[Entry]
) -> None:
    """Order, times that are rounded, entries that a later one replaces, and spellings."""
    layer = make(BASE, toc=toc_json(entries))
    assert codes(open_path(write_image(tmp_path, [layer]))) == []


# --- what is claimed ------------------------------------------------------------------------------


@both_formats
def test_a_table_with_another_digest_is_not_used(tmp_path: Path, make: Make) -> None:
    """Engines check it; so nothing is promised, and the layer is read as ever."""
    layer = make(BASE)
    for key in [key for key in layer.annotations if "position" not in key]:
        layer.annotations[key] = "sha256:" + "0" * 64
    path = write_image(tmp_path, [layer])
    assert "foreseen" not in listen(path, wait=False).told
    opened = open_path(path)
    assert codes(opened) == ["toc-unusable"]
    assert said(opened, "toc-unusable").endswith("not what its digest in the manifest says")
    assert opened.verified(0) is True


def test_both_digests_of_a_table_are_checked(tmp_path: Path) -> None:
    """stargz-snapshotter gives zstd:chunked layers that of the JSON, too."""
    layer = zstd_chunked(BASE)
    right = estargz(BASE).annotations[STARGZ_DIGEST]
    layer.annotations[STARGZ_DIGEST] = right
    assert codes(open_path(write_image(tmp_path, [layer]))) == []
    layer.annotations[STARGZ_DIGEST] = right[:-1] + ("0" if right[-1] != "0" else "1")
    assert codes(open_path(write_image(tmp_path, [layer]))) == ["toc-unusable"]


def test_a_table_that_is_promised_and_missing_is_said(tmp_path: Path) -> None:
    """A layer that was compressed again, or whose footer was cut off."""
    for annotation in (STARGZ_DIGEST, CHUNKED + "manifest-checksum"):
        layer = plain_layer(BASE)
        layer.annotations[annotation] = "sha256:" + "0" * 64
        opened = open_path(write_image(tmp_path, [layer]))
        assert codes(opened) == ["toc-unusable"]
        assert "does not end with one" in said(opened, "toc-unusable")


def test_a_table_in_another_image_is_no_fault(tmp_path: Path) -> None:
    """Its digest is in the manifest; the table is elsewhere."""
    layer = plain_layer(BASE)
    layer.blob += external_footer()
    layer.annotations[STARGZ_DIGEST] = "sha256:" + "0" * 64
    path = write_image(tmp_path, [layer])
    assert codes(open_path(path)) == []
    assert "foreseen" not in listen(path, wait=False).told


@both_formats
def test_a_table_that_nobody_announced_counts(tmp_path: Path, make: Make) -> None:
    """Copying drops annotations; the blob tells by itself."""
    path = write_image(tmp_path, [make(BASE, toc=toc_json([]))], annotated=False)
    assert "foreseen" in listen(path).told
    assert codes(open_path(path)) == ["toc-mismatch"]


@both_formats
def test_a_useless_table_is_said_and_the_layer_read(tmp_path: Path, make: Make) -> None:
    """The report is that of the tar, with one warning."""
    path = write_image(tmp_path, [make(BASE, toc=b"[]")])
    opened = open_path(path)
    assert codes(opened) == ["toc-unusable"]
    warnings = warnings_document(opened)
    assert [(warning["code"], warning["layer"]) for warning in warnings] == [("toc-unusable", 0)]
    assert listen(path, wait=False).told == ["layer 0", "stacked"]


def test_folders_of_skopeo_tell_the_digests_too(tmp_path: Path) -> None:
    """`dir:` keeps the manifest with its annotations."""
    layer = estargz(BASE)
    config = image_config([layer.tar])
    manifest = {
        "schemaVersion": 2,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": layer.media_type,
                "digest": digest(layer.blob),
                "size": len(layer.blob),
                "annotations": {STARGZ_DIGEST: "sha256:" + "0" * 64},
            }
        ],
    }
    folder = unpack(
        tmp_path / "folder",
        {
            "version": b"Directory Transport Version: 1.1\n",
            "manifest.json": json.dumps(manifest).encode(),
            digest(config).partition(":")[2]: config,
            digest(layer.blob).partition(":")[2]: layer.blob,
        },
    )
    assert codes(open_path(folder)) == ["toc-unusable"]


def test_digests_of_other_kinds_are_not_checked(tmp_path: Path) -> None:
    """As those of layers are not."""
    layer = estargz(BASE)
    layer.annotations[STARGZ_DIGEST] = "sha512:" + "0" * 128
    assert codes(open_path(write_image(tmp_path, [layer]))) == []
