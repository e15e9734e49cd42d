"""Random layers: the index equals the entries found by Python's tarfile, by offset and as a stream."""

from __future__ import annotations

import hashlib
import io
import tarfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind
from layerscope.layers.names import Role
from layerscope.limits import DEFAULT_LIMITS
from tests.images import Compression, compressed, layer_tar
from tests.layers.reading import read, read_both, rows
from tests.strategies import Layers, wild_layers

COMPONENT = st.text("ab.-é", min_size=1, max_size=4).filter(lambda text: text not in (".", ".."))
NAME = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join)
LONG_NAME = st.builds("{}/{}".format, NAME, st.integers(90, 300).map("n".__mul__))

HOW: tuple[Compression | None, ...] = (None, "gzip", "zstd")

TYPES = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.CONTTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
    tarfile.CHRTYPE: Kind.CHARACTER,
    tarfile.BLKTYPE: Kind.BLOCK,
    tarfile.FIFOTYPE: Kind.FIFO,
}


@st.composite
def infos(draw: st.DrawFn, form: int) -> tuple[tarfile.TarInfo, bytes]:
    """A member that Python's tarfile can write in one of its formats, and its data."""
    ustar = form == tarfile.USTAR_FORMAT
    info = tarfile.TarInfo(draw(NAME if ustar else NAME | LONG_NAME))
    info.type = draw(st.sampled_from(list(TYPES)))
    largest = 8**7 - 1 if ustar else 1 << 40
    info.uid, info.gid = draw(st.integers(0, largest)), draw(st.integers(0, largest))
    info.mode = draw(st.integers(0, 0o7777))
    info.mtime = draw(st.integers(0, 8**11 - 1) if ustar else st.integers(-(1 << 33), 1 << 40))
    if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = draw(NAME if ustar else NAME | LONG_NAME)
    data = draw(st.binary(max_size=1200)) if info.isreg() else b""
    info.size = len(data)
    if info.isdev() and not info.isfifo():
        info.devmajor, info.devminor = draw(st.integers(0, 4095)), draw(st.integers(0, 4095))
    return info, data


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_the_index_equals_the_result_of_tarfile(data: st.DataObject, form: int) -> None:
    """This compares names, types, sizes, modes, owners, times, links, devices, offsets and contents."""
    members = data.draw(st.lists(infos(form), max_size=6))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as writer:
        for info, content in members:
            writer.addfile(info, io.BytesIO(content))
    _compare(stream.getvalue())


def _compare(tar: bytes) -> None:
    index = read_both(tar)
    assert index.broken is None
    assert index.digests is not None
    with tarfile.open(fileobj=io.BytesIO(tar)) as reader:
        members = reader.getmembers()
        contents = [
            stream.read() if member.isreg() and (stream := reader.extractfile(member)) else b""
            for member in members
        ]
    assert len(members) == len(index)
    layer = LayerContents(MemoryBlob("layer", tar), index, DEFAULT_LIMITS)
    packed = LayerContents(
        MemoryBlob("layer", compressed(tar, "gzip")), read(compressed(tar, "gzip")), DEFAULT_LIMITS
    )
    for number, (row, member, content) in enumerate(
        zip(rows(index), members, contents, strict=True)
    ):
        assert row.kind == TYPES[member.type]
        assert row.name == member.name.encode(errors="surrogateescape").strip(b"/")
        assert row.stored == len(content)
        assert row.mode == member.mode & 0o7777
        assert (row.uid, row.gid, row.mtime) == (member.uid, member.gid, int(member.mtime))
        if member.issym() or member.islnk():
            assert row.link == member.linkname.encode(errors="surrogateescape")
        if member.ischr() or member.isblk():
            assert index.columns.devices[number] == member.devmajor << 32 | member.devminor
        if row.stored:
            assert row.offset == member.offset_data
        if row.kind == Kind.FILE:
            digest = hashlib.sha256(content).digest()
            assert index.digests[number].tobytes() == digest == layer.digest(number)
            assert b"".join(layer.chunks(number)) == content == b"".join(packed.chunks(number))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wild_layers(), st.sampled_from(HOW))
def test_plain_and_compressed_layers_have_the_same_index(
    layers: Layers, how: Compression | None
) -> None:
    """This includes markers, unknown types and repeated names."""
    for members in layers:
        tar = layer_tar(members)
        plain, packed = read_both(tar), read(compressed(tar, how), hash_all=True)
        assert rows(packed) == rows(plain)
        assert len(plain) == sum(member.type != b"g" for member in members)
        assert packed.roles.tolist() == plain.roles.tolist()
        assert (packed.diff_id, packed.tar_bytes) == (plain.diff_id, plain.tar_bytes)
        assert plain.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
        assert plain.digests is not None
        assert packed.digests is not None
        assert packed.digests.tobytes() == plain.digests.tobytes()
        linked = {*plain.link_contents.tolist()}  # AUFS files with the contents of hard links
        entries = enumerate(zip(rows(plain), plain.roles.tolist(), strict=True))
        assert all(
            row.stored == 0
            for number, (row, role) in entries
            if role != Role.ENTRY and number not in linked
        )
