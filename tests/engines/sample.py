"""The image loaded into real engines, and its report without what depends on the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layerscope.opening.open import Options, open_image
from layerscope.report.schema import document
from layerscope.sources import Request
from tests.images import (
    CREATED,
    directory,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    opaque,
    symlink,
    whiteout,
)

TAG = "layerscope-sample:1"
_XATTRS = {b"user.colour": b"blue"}
LAYERS = (
    layer_tar(
        [
            directory("etc"),
            file("etc/passwd", b"root:x:0:0\n", mtime=1_700_000_000),
            file("etc/shadow", b"root:*:\n", mode=0o600, uid=0, gid=42),
            directory("data"),
            file("data/one", b"1" * 10_000),
            file("data/two", b"2" * 700),
            hardlink("data/also-two", "data/two"),
            directory("data/deep"),
            file("data/deep/old", b"old"),
            file("labelled", b"x", xattrs=_XATTRS),
            symlink("link", "etc/passwd"),
            file("näme \x01", b"odd"),
        ]
    ),
    layer_tar(
        [
            directory("data"),
            whiteout("data/one"),
            directory("data/deep"),
            opaque("data/deep"),
            file("data/deep/new", b"new"),
            file("data/copy", b"2" * 700),
            directory("etc"),
            file("etc/passwd", b"root:x:0:0\n", mtime=1_700_000_000, mode=0o600),
        ]
    ),
    layer_tar([directory("etc"), file("etc/passwd", b"root:x:0:1\n", mtime=1_700_000_000)]),
)
_HISTORY: list[dict[str, object]] = [
    {"created": CREATED, "created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
    {"created": CREATED, "created_by": "ENV A=1", "empty_layer": True},
    {"created": CREATED, "created_by": "RUN /bin/sh -c rm data/one # buildkit"},
    {"created": CREATED, "created_by": "COPY passwd /etc/ # buildkit"},
    {"created": CREATED, "created_by": 'CMD ["sh"]', "empty_layer": True},
]
SAMPLE = docker_archive(LAYERS, tags=[TAG], history=_HISTORY)


def report_of(reference: str, store_root: Path | None = None) -> dict[str, Any]:
    """The report of an image, without fields that depend on its source."""
    opened = open_image(Request(reference, store_root=store_root), Options(rules={}))
    return without_source(document(opened, files=True))


def without_source(report: dict[str, Any]) -> dict[str, Any]:
    """A report without fields that depend on the image's source."""
    for key in ("reference", "source", "tags", "id", "manifestDigest"):
        report["image"].pop(key)
    report["totals"].pop("compressedBytes")
    for layer in report["layers"]:
        for key in ("digest", "mediaType", "compressedBytes"):
            layer.pop(key)
    return report
