"""Limits against hostile images: each is met with an error that names it and says how to raise it, and raising it helps."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from layerscope.errors import LimitExceededError, UsageError
from layerscope.limits import DEFAULT_LIMITS, Limits, parse_limits
from tests.images import (
    archive,
    directory,
    docker_archive,
    docker_files,
    file,
    image_config,
    layer_tar,
)
from tests.layers.reading import END, header, pax
from tests.sources.image_files import codes, layers_of, open_path, save, warning_message
from tests.toc_images import toc_image, zstd_chunked

LONG = pax((b"path", b"n" * 300)) + header(b"x") + END
MANY = layer_tar([file(f"f{number}") for number in range(30)])
HISTORY = [{"created_by": "RUN true", "empty_layer": True}] * 30
ZEROS = gzip.compress(layer_tar([file("zeros", bytes(1 << 20))]), mtime=0)

# An image that meets each limit, the value that it meets, and one that it does not meet.
CASES: dict[str, tuple[Callable[[], bytes], int, int]] = {
    "json_bytes": (lambda: docker_archive([MANY]), 300, 3000),
    "json_values": (lambda: docker_archive([MANY]), 20, 100),
    "toc_bytes": (lambda: toc_image([zstd_chunked([file("a", b"1")])]), 20, 1000),
    "layers": (lambda: docker_archive([MANY]), 0, 1),
    "history_entries": (lambda: docker_archive([MANY], history=HISTORY), 29, 30),
    "header_bytes": (lambda: docker_archive([LONG]), 256, 512),
    "path_bytes": (lambda: docker_archive([LONG]), 299, 300),
    "metadata_bytes": (lambda: docker_archive([LONG]), 299, 300),
    "entries": (lambda: docker_archive([MANY]), 29, 60),
    "layer_bytes": (lambda: docker_archive([MANY], compress="gzip"), len(MANY) - 1, len(MANY)),
    "zstd_window_bytes": (lambda: docker_archive([MANY], compress="zstd"), 1023, 1 << 27),
    "xz_memory_bytes": (lambda: lzma.compress(docker_archive([MANY])), 1000, 1 << 28),
    "listing_bytes": (lambda: docker_archive([MANY]), 0, 0),
    "ratio": (lambda: archive(docker_files([MANY]) | {"manifest.json": b"[]"}), 1, 1),
}
ELSEWHERE = {
    "answer_seconds": "sources/test_answers.py",
    "silence_seconds": "sources/test_answers.py",
    "zstd_window_bytes": "layers/test_compression.py",
    "xz_memory_bytes": "layers/test_compression.py",
    "listing_bytes": "cli/test_formats.py",
    "packages": "analysis/packages/test_inventory.py",
}
"""Limits that have tests of their own, and where."""


def test_every_limit_has_a_case() -> None:
    assert set(Limits.__struct_fields__) == CASES.keys() | ELSEWHERE.keys()


NOT_OF_OPENING = ("ratio", "listing_bytes")
"""The first only warns; the second applies to lists of files."""


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_OF_OPENING])
def test_a_limit_is_named_and_can_be_raised(tmp_path: Path, name: str) -> None:
    """Whether it refuses the image or damages a layer, the message says how to raise it."""
    make, low, enough = CASES[name]
    path = save(tmp_path, make())
    limits = replace(DEFAULT_LIMITS, **{name: low})
    if name == "header_bytes":
        (words,) = open_path(path, limits=limits).damages()
        assert f"more than {low:,}" in words
    elif name == "toc_bytes":
        words = warning_message(open_path(path, limits=limits), "toc-unusable")
        assert f"more than {low:,}" in words
    else:
        with pytest.raises(
            LimitExceededError, match=rf"image\.tar.*: limit {name} exceeded: .*{low:,}"
        ) as caught:
            open_path(path, limits=limits)
        words = str(caught.value.hint)
    assert f"--limit {name}=NUMBER" in words
    opened = open_path(path, limits=replace(limits, **{name: enough}))
    assert opened.damages() == []
    assert "toc-unusable" not in codes(opened)
    assert len(layers_of(opened)) == 1


def test_the_limit_on_entries_holds_for_archives_too(tmp_path: Path) -> None:
    """An archive with fifty million members fills memory like a layer does."""
    tar = archive(docker_files([layer_tar([])]))[:-1024]
    tar += layer_tar([directory(f"d{number}") for number in range(50)])
    path = save(tmp_path, tar)
    with pytest.raises(
        LimitExceededError, match=r"image\.tar: limit entries exceeded: more than 40"
    ):
        open_path(path, limits=Limits(entries=40))
    assert layers_of(open_path(path, limits=Limits(entries=60))) == [[]]


def test_a_layer_compressed_a_thousandfold_gives_a_warning(tmp_path: Path) -> None:
    """The layer is shown; the ratio can be changed."""
    tar = layer_tar([file("zeros", bytes(1 << 20))])
    files = docker_files([tar], compress="gzip")
    name = next(name for name in files if name.endswith("layer.tar"))
    assert files[name] == ZEROS
    path = save(tmp_path, archive(files))
    ratio = len(tar) // len(ZEROS)
    assert codes(open_path(path)) == []
    opened = open_path(path, limits=Limits(ratio=ratio - 1))
    assert codes(opened) == ["compression-ratio"]
    assert f"{len(ZEROS):,} bytes decompress to {len(tar):,}" in opened.warnings[0].message
    assert codes(open_path(path, limits=Limits(ratio=ratio + 1))) == []


def test_a_document_of_an_archive_is_not_read_beyond_the_limit(tmp_path: Path) -> None:
    """Its size is known before it is read."""
    config = image_config([MANY], config={"x": "y" * 5000})
    files = docker_files([MANY])
    name = next(name for name in files if name.endswith(".json") and name != "manifest.json")
    for changed in (files | {name: config}, files | {"manifest.json": b" " * 5000}):
        with pytest.raises(LimitExceededError, match=r"limit json_bytes exceeded: .*4,000"):
            open_path(save(tmp_path, archive(changed)), limits=Limits(json_bytes=4000))


def test_limits_are_written_as_assignments() -> None:
    """In the command line and in the environment."""
    assert parse_limits(("entries=5", " path-bytes = 7 ")) == Limits(entries=5, path_bytes=7)
    assert parse_limits(()) == DEFAULT_LIMITS
    for text in (
        "entries",
        "entries=",
        "entries=-1",
        "entries=1e3",
        "no=1",
        "=1",
        "entries=" + "9" * 5000,
        "entries=²",
    ):
        with pytest.raises(UsageError) as caught:
            parse_limits((text,))
        assert "metadata_bytes" in str(caught.value.hint)
