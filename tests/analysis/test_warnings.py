"""Tables of contents that contradict the tar or the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from layerscope.report.schema import warnings_document
from tests.expected_tree import BASE, TOP, listen
from tests.images import digest, image_config
from tests.sources.image_files import codes, open_path, unpack, warning_message
from tests.toc_images import (
    CHUNKED,
    STARGZ_DIGEST,
    Entry,
    TocLayer,
    changed,
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


# --- what differs ---------------------------------------------------------------------------------


_NEW = {"type": "reg", "name": "etc/shadow", "size": 3, "digest": "sha256:" + "0" * 64}
MISMATCHES: dict[str, tuple[list[Entry], str]] = {
    "size": (changed(BASE, "gone", size=601), "1 path: gone has another size"),
    "mode": (changed(BASE, "gone", mode=0o4755), "1 path: gone has another mode"),
    "owner": (changed(BASE, "gone", gid=7), "1 path: gone has another owner"),
    "content": (
        changed(BASE, "gone", digest="sha256:" + "0" * 64),
        "1 path: gone has another content",
    ),
    "link target": (
        changed(BASE, "link", linkName="etc/shadow"),
        "1 path: link has another link target",
    ),
    "hard link": (changed(BASE, "same", linkName="gone"), "1 path: same has another link target"),
    "type": (changed(BASE, "gone", type="fifo"), "1 path: gone has another type"),
    "xattrs": (
        changed(BASE, "etc/passwd", xattrs={"user.a": "Mg=="}),
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
def test_a_wrong_table_is_reported(
    tmp_path: Path, make: Make, entries: list[Entry], words: str
) -> None:
    """The warning names the layer, a path and the difference; figures come from the tar."""
    layer = make(BASE, toc=toc_json(entries))
    opened = open_path(write_image(tmp_path, [make(TOP), layer]))
    assert codes(opened) == ["toc-mismatch"]
    assert [warning.layer for warning in opened.warnings] == [1]
    message = warning_message(opened, "toc-mismatch")
    assert "disagrees with the tar" in message
    assert message.endswith(words)
    own = len(toc_json(entries)) if make is estargz else 0
    assert opened.accounting.layers[1].stored == 5 + 600 + own
    assert opened.damages() == []


@both_formats
@pytest.mark.parametrize(
    "entries",
    [
        entries_of(BASE)[::-1],
        [*changed(BASE, "gone", size=7), entries_of(BASE)[2]],
        changed(BASE, "gone", modtime="2020-01-01T00:00:00Z"),
        changed(BASE, "same", linkName="./etc//passwd"),
        changed(BASE, "gone", mode=0o100644),
        changed(BASE, "gone", name="./gone"),
    ],
    ids=["order", "replaced", "time", "spelling of a target", "type in mode", "spelling"],
)
def test_irrelevant_differences_are_no_mismatch(
    tmp_path: Path, make: Make, entries: list[Entry]
) -> None:
    """These are the order, rounded times, replaced entries, and spellings."""
    layer = make(BASE, toc=toc_json(entries))
    assert codes(open_path(write_image(tmp_path, [layer]))) == []


# --- what is claimed ------------------------------------------------------------------------------


@both_formats
def test_a_table_with_another_digest_is_not_used(tmp_path: Path, make: Make) -> None:
    """Engines check the digest, so the table is not used, and the layer is read normally."""
    layer = make(BASE)
    for key in [key for key in layer.annotations if "position" not in key]:
        layer.annotations[key] = "sha256:" + "0" * 64
    path = write_image(tmp_path, [layer])
    assert "expected" not in listen(path, wait=False).heard
    opened = open_path(path)
    assert codes(opened) == ["toc-unusable"]
    assert warning_message(opened, "toc-unusable").endswith("not match its digest in the manifest")
    assert opened.verified(0) is True


def test_both_digests_of_a_table_are_checked(tmp_path: Path) -> None:
    """stargz-snapshotter also gives zstd:chunked layers the digest of the JSON."""
    layer = zstd_chunked(BASE)
    right = estargz(BASE).annotations[STARGZ_DIGEST]
    layer.annotations[STARGZ_DIGEST] = right
    assert codes(open_path(write_image(tmp_path, [layer]))) == []
    layer.annotations[STARGZ_DIGEST] = right[:-1] + ("0" if right[-1] != "0" else "1")
    assert codes(open_path(write_image(tmp_path, [layer]))) == ["toc-unusable"]


def test_a_missing_table_is_reported_if_the_manifest_claims_it(tmp_path: Path) -> None:
    """The layer was compressed again, or its footer was cut off."""
    for annotation in (STARGZ_DIGEST, CHUNKED + "manifest-checksum"):
        layer = plain_layer(BASE)
        layer.annotations[annotation] = "sha256:" + "0" * 64
        opened = open_path(write_image(tmp_path, [layer]))
        assert codes(opened) == ["toc-unusable"]
        assert "does not end with one" in warning_message(opened, "toc-unusable")


def test_a_table_in_another_image_is_no_fault(tmp_path: Path) -> None:
    """Its digest is in the manifest, and the table is stored elsewhere."""
    layer = plain_layer(BASE)
    layer.blob += external_footer()
    layer.annotations[STARGZ_DIGEST] = "sha256:" + "0" * 64
    path = write_image(tmp_path, [layer])
    assert codes(open_path(path)) == []
    assert "expected" not in listen(path, wait=False).heard


@both_formats
def test_a_table_without_annotations_is_used(tmp_path: Path, make: Make) -> None:
    """Copying drops annotations; the blob identifies itself."""
    path = write_image(tmp_path, [make(BASE, toc=toc_json([]))], annotated=False)
    assert "expected" in listen(path).heard
    assert codes(open_path(path)) == ["toc-mismatch"]


@both_formats
def test_an_unusable_table_is_reported_and_the_layer_read(tmp_path: Path, make: Make) -> None:
    """The report is that of the tar, with one warning."""
    path = write_image(tmp_path, [make(BASE, toc=b"[]")])
    opened = open_path(path)
    assert codes(opened) == ["toc-unusable"]
    warnings = warnings_document(opened)
    assert [(warning["code"], warning["layer"]) for warning in warnings] == [("toc-unusable", 0)]
    assert listen(path, wait=False).heard == ["layer 0", "stacked"]


def test_directories_of_skopeo_have_the_digests_too(tmp_path: Path) -> None:
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
    """Digests of layers of other kinds are not checked either."""
    layer = estargz(BASE)
    layer.annotations[STARGZ_DIGEST] = "sha512:" + "0" * 128
    assert codes(open_path(write_image(tmp_path, [layer]))) == []
