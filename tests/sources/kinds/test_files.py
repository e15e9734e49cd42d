"""Files that are not images: the error names the kind, also inside a compressed stream, and the hint says what to do."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from pathlib import Path

import pytest

from layerscope.errors import NotAnImageError
from layerscope.sources.kinds import OPENS
from layerscope.sources.kinds.files import BINARY, DESCRIBED, TEXT, describe
from tests.images import docker_archive
from tests.sources.image_files import LAYERS, refuse, save

IMAGE = docker_archive(LAYERS)


def at(offset: int, magic: bytes) -> bytes:
    """Bytes that are not zero, and a magic number among them."""
    return b"\x01" * offset + magic + b"\x01" * 600


BINARIES: dict[str, tuple[bytes, ...]] = {
    "an lz4 stream": (b"\x04\x22\x4d\x18\x64\x40\xa7", b"\x02\x21\x4c\x18"),
    "an lzip stream": (b"LZIP\x01\x0c",),
    "an lzop stream": (b"\x89LZO\0\r\n\x1a\n\x10",),
    "an lrzip stream": (b"LRZI\x00\x06",),
    "an LZMA stream": (lzma.compress(IMAGE, lzma.FORMAT_ALONE), b"\x5d\0\0\x80\0\x10\x27\0\0\0\0\0\0\0"),
    "a stream of compress(1)": (b"\x1f\x9d\x90ab",),
    "a pack(1) file": (b"\x1f\x1e\0\0",),
    "a snappy stream": (b"\xff\x06\0\0sNaPpY",),
    "a zip archive": (b"PK\x03\x04\x14", b"PK\x05\x06" + bytes(18)),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1c\0\x04",),
    "a RAR archive": (b"Rar!\x1a\x07\0", b"Rar!\x1a\x07\x01\0"),
    "an ARJ archive": (b"\x60\xea\x2e\0\x22\x0b\x01\x02\x10",),
    "a cabinet file": (b"MSCF\0\0\0\0\x01",),
    "a xar archive": (b"xar!\0\x1c\0\x01",),
    "a Windows image (WIM)": (b"MSWIM\0\0\0",),
    "a cpio archive": (b"070701" + b"0" * 104, b"0707070000001", b"\xc7\x71" + bytes(30)),
    "a Debian package": (b"!<arch>\ndebian-binary   1700000000",),
    "an ar archive": (b"!<arch>\nlib.o/ ", b"!<thin>\n"),
    "an RPM package": (b"\xed\xab\xee\xdb\x03\0",),
    "a Singularity image (SIF)": (b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\x0001\0",),
    "a squashfs filesystem": (b"hsqs\x10", b"sqsh\x10"),
    "an EROFS filesystem": (at(1024, b"\xe2\xe1\xf5\xe0"),),
    "a cramfs filesystem": (b"\x45\x3d\xcd\x28",),
    "a romfs filesystem": (b"-rom1fs-",),
    "an ext2, ext3 or ext4 filesystem": (bytes(1080) + b"\x53\xef\x01\0" + bytes(900),),
    "an XFS filesystem": (b"XFSB\0\0\x10\0",),
    "a btrfs filesystem": (bytes(65600) + b"_BHRfS_M" + bytes(900),),
    "a btrfs send stream": (b"btrfs-stream\0\x01",),
    "an F2FS filesystem": (bytes(1024) + b"\x10\x20\xf5\xf2" + bytes(900),),
    "a LUKS encrypted disk": (b"LUKS\xba\xbe\0\x02",),
    "an ISO 9660 image": (bytes(32768) + b"\x01CD001\x01" + bytes(900),),
    "a qcow2 disk image": (b"QFI\xfb\0\0\0\x03",),
    "a VMDK disk image": (b"KDMV\x01", b"# Disk DescriptorFile\nversion=1\n"),
    "a VHDX disk image": (b"vhdxfileM\0",),
    "a VHD disk image": (b"conectix\0",),
    "a VDI disk image": (b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe",),
    "a partitioned disk image": (at(512, b"EFI PART"), b"\xeb" * 446 + b"\x80" + b"\x01" * 63 + b"\x55\xaa"),
    "an ELF program or library": (b"\x7fELF\x02\x01\x01",),
    "a WebAssembly module": (b"\0asm\x01\0\0\0",),
    "a Mach-O program": (b"\xcf\xfa\xed\xfe\x07",),
    "a Java class or Mach-O program": (b"\xca\xfe\xba\xbe\0\0\0\x41",),
    "a Windows program": (b"MZ\x90\0" + b"\x01" * 60,),
    "a PDF document": (b"%PDF-1.7\n",),
    "a picture": (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x01\x02\x03\x04WEBP"),
    "an SQLite database": (b"SQLite format 3\0\x10",),
    "a bolt database": (b"\0" * 16 + b"\xed\xda\x0c\xed\x02",),
    "a GGUF model": (b"GGUF\x03\0\0\0",),
    "a Git bundle": (b"# v2 git bundle\n",),
    "a Git pack": (b"PACK\0\0\0\x02",),
    "a file encrypted with age": (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----\n"),
    "a PGP message": (b"-----BEGIN PGP MESSAGE-----\n",),
    "a file encrypted with openssl": (b"Salted__abcdefgh",),
    "a file encrypted with Ansible Vault": (b"$ANSIBLE_VAULT;1.1;AES256\n",),
    "an archive damaged by a conversion to text": (gzip.compress(IMAGE).decode(errors="replace").encode(),),
    "UTF-16 text, as > in PowerShell writes it": ("manifest.json\0\0".encode("utf-16"),),
}  # fmt: skip

TEXTS: dict[str, tuple[bytes, ...]] = {
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n",),
    "a git-annex pointer": (b"/annex/objects/SHA256E-s1--4d.tar\n", b"../.git/annex/objects/8k/Kq/SHA256E-s1--4d\n"),
    "a DVC pointer": (b"outs:\n- md5: 4d\n  path: image.tar\n", b"md5: 4d\nouts:\n  - md5: 4d\n"),
    "a Git worktree file": (b"gitdir: ../.git/modules/images\n",),
    "an HTML page": (
        b"<!DOCTYPE html><html><body>404</body></html>", b"\n\n<HTML>", b"\xef\xbb\xbf<!doctype HTML>", b"<!-- a --><!-- b -->\n<head>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html>',
    ),
    "an XML error": (b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>', b"<ErrorResponse xmlns='x'>", b"<soap:Fault>"),
    "an SVG picture": (b"<svg xmlns='http://www.w3.org/2000/svg'/>",),
    "an XML document": (b'<?xml version="1.0"?><project/>',),
    "an HTTP response with its headers": (b"HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n" + IMAGE, b"HTTP/2 404\r\n"),
    "an error message": (b"Error response from daemon: No such image: x\n", b"Error: x: image not known\n", b"404 page not found\n", b"404: Not Found", b"Not Found\n", b"fatal: x\n", b"FATA[0000] x\n", b"unauthorized: x\n", b'time="2026-01-01T00:00:00Z" level=fatal msg="x"\n'),
    "a shell script": (b"#!/bin/sh\nset -e\n", b"#!/usr/bin/env bash\n"),
    "a script": (b"#!/usr/bin/env python3\n",),
    "an image ID": (b"sha256:" + b"4d" * 32, b"sha256:" + b"4d" * 32 + b"\n", b"docker.io/library/a@sha256:" + b"4d" * 32 + b"\n"),
    "a list of checksums": (b"4d" * 32 + b"  image.tar\n", b"SHA256 (image.tar) = 4d\n"),
    "a gzip stream in base64": (b"H4sIAAAAAAAAA+3BMQEAAADCoPVP\n",),
    "a signature or key in PEM": (b"-----BEGIN CERTIFICATE-----\n",),
    "a Dockerfile": (b"FROM alpine\nRUN x\n", b"# syntax=docker/dockerfile:1\n\n# a\nARG V=1\nFROM a:$V\n", b"# a\r\n\r\nfrom a\r\n"),
    "a Compose file": (b"services:\n  web:\n", b"# a\nversion: '3'\nservices:\n"),
    "a Kubernetes manifest": (b"---\napiVersion: v1\nkind: Pod\n",),
    "an SPDX document": (b"SPDXVersion: SPDX-2.3\n",),
}  # fmt: skip
EXAMPLES = [(name, data) for table in (BINARIES, TEXTS) for name, all_ in table.items() for data in all_]  # fmt: skip


def test_every_kind_has_an_example() -> None:
    assert {kind.name for kind in BINARY} == set(BINARIES)
    assert {kind.name for kind in TEXT} == set(TEXTS)


@pytest.mark.parametrize(("name", "data"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_a_file_is_called_by_its_kind(tmp_path: Path, name: str, data: bytes) -> None:
    """As a plain file, or as the content of a compressed stream."""
    for packed, where in ((data, "the file is"), (gzip.compress(data), "the gzip stream holds")):
        error = refuse(save(tmp_path, packed))
        assert isinstance(error, NotAnImageError)
        assert f"{where} {name}, not an image" in str(error)
        assert error.hint


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html><head><title>\n Sign in &middot; GitLab\x1b[2J </title>", ": Sign in · GitLab\\e[2J"),
        (b"<Error><Code>NoSuchKey</Code><Message>No such &lt;key&gt;</Message></Error>", ": No such <key>"),
        (b"Error response from daemon: No such image: x\n", ": Error response from daemon: No such image: x"),
        (b"HTTP/1.1 404 Not Found\r\nServer: x\r\n", ": HTTP/1.1 404 Not Found"),
        (b"hello,\x09world\nmore", "text, not an image: hello, world"),
        (b"x" * 5000, "x…"),
        ("é\u202e".encode() * 5000, "é\\u202e"),
    ],
    ids=range(7),
)  # fmt: skip
def test_texts_are_quoted_shortened_and_escaped(tmp_path: Path, data: bytes, words: str) -> None:
    message = str(refuse(save(tmp_path, data)))
    assert words in message
    assert len(message) < 700


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (bytes(512), "an empty tar"),
        (bytes(7), "an empty tar"),
        (bytes(1 << 20), "it begins with zeros"),
        (gzip.compress(b""), "the gzip stream holds nothing"),
        (gzip.compress(bytes(1024)), "the gzip stream holds an empty tar"),
        (b"\x1f\x8b\x08", "truncated"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff", "is damaged"),
        (random.Random(1).randbytes(2000), "data in an unknown format (it starts with f5 b1 65 22 4a 58 b7 91)"),
        (gzip.compress(gzip.compress(IMAGE)), "the gzip stream holds a second compressed stream (gzip)"),
        (lzma.compress(bz2.compress(IMAGE)), "the xz stream holds a second compressed stream (bzip2)"),
        (b"x" + IMAGE[1:], "the file is a damaged tar archive: bad checksum in the first header"),
    ],
    ids=range(12),
)  # fmt: skip
def test_unknown_kinds_are_reported_too(tmp_path: Path, data: bytes, words: str) -> None:
    """Nothing, zeros, noise, an archive compressed twice."""
    assert words in str(refuse(save(tmp_path, data)))


def test_hostile_texts_take_linear_time() -> None:
    """No pattern backtracks over what it has read."""
    pieces = (
        b"<!-- a -->",
        b"<!--",
        b"<title>",
        b"# a\n",
        b" ",
        b"x:\n",
        b"../",
        b"<?xml ",
        b"\t\n#",
    )
    for piece in pieces:
        data = (b"<?xml " if piece != b" " else b"") + piece * (DESCRIBED // len(piece))
        what, hint = describe(data, whole=False, inside=None)
        assert what
        assert hint == OPENS or hint
