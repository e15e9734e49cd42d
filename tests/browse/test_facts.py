"""Facts about a version of a path, and reading its content in parts."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from msgspec.structs import replace

from layerscope.browse.capabilities import capabilities
from layerscope.browse.facts import FileFacts, other_names, replaced_version
from layerscope.errors import CancelledError
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.blob import BlobRange
from layerscope.opening.open import Opened, Options, open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request
from tests.images import (
    BLOCK,
    Compression,
    Member,
    device,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    symlink,
    whiteout,
    write,
)

NET_RAW = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NET_RAW, "cap_net_raw+ep"),
        (struct.pack("<5I", 0x02000000, 1 << 13, 1 << 13, 0, 0), "cap_net_raw+ip"),
        (struct.pack("<5I", 0x02000001, 3, 0, 1 << 7, 0), "cap_chown,cap_dac_override,cap_bpf+ep"),
        (struct.pack("<6I", 0x03000001, 1 << 10, 0, 0, 0, 1000), "cap_net_bind_service+ep [rootid=1000]"),
        (struct.pack("<3I", 0x01000001, 1 << 21, 0), "cap_sys_admin+ep"),
        (struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0x1FF, 0), "all+ep"),
        (struct.pack("<5I", 0x02000000, 0, 0, 1 << 31, 0), "cap_63+p"),
        (struct.pack("<5I", 0x02000001, 0, 0, 0, 0), "none"),
        (b"", None),
        (NET_RAW[:-1], None),
        (b"\xff" * 24, None),
    ],
)  # fmt: skip
def test_capabilities_are_decoded(value: bytes, expected: str | None) -> None:
    """All revisions of the kernel's format are decoded; malformed values are not."""
    assert capabilities(value) == expected


def opened(folder: Path, layers: list[bytes], compress: Compression | None = None) -> Opened:
    """An image of these layers."""
    path = write(folder / "image.tar", docker_archive(layers, compress=compress))
    return open_image(Request(str(path)), Options(duplicates=False))


def row_of(image: Opened, path: str, version: int = -1) -> int:
    """The row of a version of a path, by default the last one."""
    number = image.filesystem.table.find(path.encode())
    assert number is not None
    rows = image.filesystem.rows_of(number)
    return range(rows.start, rows.stop)[version]


def facts(image: Opened, path: str, version: int = -1) -> FileFacts:
    """The facts of a version."""
    return FileFacts.of(image.filesystem, row_of(image, path, version))


def test_facts_have_texts(tmp_path: Path) -> None:
    image = opened(
        tmp_path,
        [
            layer_tar(
                [
                    file("bin/ping", b"ping", mode=0o755, xattrs={b"security.capability": NET_RAW, b"user.\x1b": b"\x00\x07"}),
                    symlink("link", "to/\x1b[2J"),
                    device("null", 1, 3),
                    hardlink("lost", "nowhere"),
                ]
            )
        ],
    )  # fmt: skip
    ping = facts(image, "bin/ping")
    assert (ping.mode_words(), ping.owner_words(), ping.kind_words()) == (
        "-rwxr-xr-x", "0:0", "a file",
    )  # fmt: skip
    assert ping.xattr_words() == [
        ("security.capability", "cap_net_raw+ep"),
        ("user.\\e", "\\x00\\x07"),
    ]
    assert facts(image, "bin").mode_words() == "d?????????"
    assert facts(image, "link").kind_words() == "a symlink to to/\\e[2J"
    assert facts(image, "null").kind_words() == "a character device 1:3"
    assert facts(image, "lost").kind_words() == "a hard link without a target: nowhere"


def test_the_replaced_version_is_found(tmp_path: Path) -> None:
    """A version that was deleted before, or replaced at another time, does not count."""
    image = opened(
        tmp_path,
        [
            layer_tar([file("a", b"1")]),
            layer_tar([file("a", b"2")]),
            layer_tar([whiteout("a")]),
            layer_tar([file("a", b"3")]),
        ],
    )
    before = replaced_version(image.filesystem, row_of(image, "a", 1))
    assert before == row_of(image, "a", 0)
    assert replaced_version(image.filesystem, before) is None
    assert replaced_version(image.filesystem, row_of(image, "a", 2)) is None


def test_hard_links_are_listed_as_other_names(tmp_path: Path) -> None:
    image = opened(tmp_path, [layer_tar([file("a", b"1"), hardlink("b", "a"), file("c", b"1")])])
    assert other_names(image.filesystem, facts(image, "b")) == [facts(image, "a").path]
    assert other_names(image.filesystem, facts(image, "c")) == []


class Impatient(NullProgress):
    """Progress that cancels once."""

    asked = False

    def cancelled(self) -> bool:
        asked, self.asked = self.asked, True
        return not asked


@pytest.mark.parametrize("compress", [None, "gzip", "zstd"])
def test_a_content_is_read_in_parts(tmp_path: Path, compress: Compression | None) -> None:
    """Each part continues after the last one, even if one was cancelled."""
    data = bytes(range(256)) * 5000
    image = opened(tmp_path, [layer_tar([file("pad", b"p" * 900), file("a", data)])], compress)
    reader = ContentReader(image.filesystem.inodes, image.contents, facts(image, "a").inode)
    assert reader.size == len(data)
    assert reader.read(1000, NullProgress()) == data[:1000]
    again = ContentReader(image.filesystem.inodes, image.contents, facts(image, "a").inode)
    with pytest.raises(CancelledError):
        again.read(len(data), Impatient())
    assert again.read(7, NullProgress()) == data[:7]
    assert reader.read(len(data), NullProgress()) == data[1000:]
    assert reader.read(1, NullProgress()) == b""
    assert reader.problem is None


def test_holes_are_read_as_zeros(tmp_path: Path) -> None:
    """Only as many bytes as requested are returned."""
    sparse = Member(
        b"sparse",
        data=b"AB",
        pax={
            b"GNU.sparse.major": b"0",
            b"GNU.sparse.minor": b"1",
            b"GNU.sparse.size": b"%d" % (1 << 50),
            b"GNU.sparse.map": b"2,1,5,1",
            b"GNU.sparse.numblocks": b"2",
        },
    )
    image = opened(tmp_path, [layer_tar([sparse])], "gzip")
    reader = ContentReader(image.filesystem.inodes, image.contents, facts(image, "sparse").inode)
    assert (reader.size, facts(image, "sparse").stored) == (1 << 50, 2)
    assert reader.read(8, NullProgress()) == b"\0\0A\0\0B\0\0"


def test_truncated_content_is_read_up_to_the_end(tmp_path: Path) -> None:
    tar = layer_tar([file("a", b"a" * 2000)])
    image = opened(tmp_path, [tar])
    contents = image.contents[0]
    cut = replace(contents, blob=BlobRange(contents.blob, "cut", 0, BLOCK + 600))
    reader = ContentReader(image.filesystem.inodes, [cut], facts(image, "a").inode)
    assert reader.read(5000, NullProgress()) == b"a" * 600
    assert reader.problem == "its layer is cut short"
