"""The image builders: Python's and other libraries read back what they write."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from tests import images
from tests.images import (
    Compression,
    Member,
    device,
    directory,
    docker_archive,
    fifo,
    file,
    global_header,
    hardlink,
    layer_tar,
    oci_archive,
    oci_directory,
    opaque,
    symlink,
    unknown,
    whiteout,
)
from tests.strategies import random_layers

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def read(tar: bytes) -> dict[str, tarfile.TarInfo]:
    """The members that Python finds in a tar, by name."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {info.name: info for info in opened.getmembers()}


def contents(tar: bytes) -> dict[str, bytes]:
    """The data of the regular files in a tar."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        infos = [info for info in opened.getmembers() if info.isreg()]
        return {info.name: read_one(opened, info) for info in infos}


def read_one(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    """The data of a member."""
    opened = tar.extractfile(info)
    assert opened is not None
    return opened.read()


class TestLayers:
    """Readers find the members of a layer as given."""

    def test_names_and_types_are_read_back(self) -> None:
        members = [
            directory("d"),
            file("d/f", b"data"),
            symlink("s", "d/f"),
            hardlink("h", "d/f"),
            device("c", 1, 3),
            device("b", 8, 1, block=True),
            fifo("p"),
            unknown("u", b"?"),
            whiteout("d/gone"),
            opaque("d"),
            opaque(),
        ]
        found = read(layer_tar(members))
        assert {name: info.type for name, info in found.items()} == {
            "d": tarfile.DIRTYPE,
            "d/f": tarfile.REGTYPE,
            "s": tarfile.SYMTYPE,
            "h": tarfile.LNKTYPE,
            "c": tarfile.CHRTYPE,
            "b": tarfile.BLKTYPE,
            "p": tarfile.FIFOTYPE,
            "u": b"Z",
            "d/.wh.gone": tarfile.REGTYPE,
            "d/.wh..wh..opq": tarfile.REGTYPE,
            ".wh..wh..opq": tarfile.REGTYPE,
        }
        assert (found["s"].linkname, found["h"].linkname) == ("d/f", "d/f")
        assert (found["b"].devmajor, found["b"].devminor) == (8, 1)

    @pytest.mark.parametrize(
        "name",
        [
            b"plain",
            b"n" * 100,
            b"n" * 101,
            b"d/" * 200 + b"f",
            b"\xff\xfe",
            b"\xff" * 101,
            b"\xc3\xa9",
        ],
        ids=["plain", "just fits", "too long", "deep", "no UTF-8", "long, no UTF-8", "UTF-8"],
    )
    def test_names_keep_their_bytes(self, name: bytes) -> None:
        """Names and link targets are read back exactly, however long they are."""
        with tarfile.open(fileobj=io.BytesIO(layer_tar([symlink(name, name)]))) as tar:
            (info,) = tar.getmembers()
        assert info.name.encode("utf-8", "surrogateescape") == name
        assert info.linkname.encode("utf-8", "surrogateescape") == name

    @pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 5000])
    def test_data_is_read_back(self, size: int) -> None:
        """Data are complete and do not run into the next member."""
        data = bytes(index % 251 for index in range(size))
        assert contents(layer_tar([file("a", data), file("b", b"b")])) == {"a": data, "b": b"b"}

    @pytest.mark.parametrize(
        ("mtime", "record"),
        [
            (0, None),
            (1_700_000_000, None),
            (2.0, None),
            (1.5, "1.5"),
            (-1, "-1"),
            (-0.5, "-0.5"),
            (1e-7, "0.0000001"),
            (8**11, "8589934592"),
        ],
    )
    def test_times_are_read_back(self, mtime: float, record: str | None) -> None:
        """Only times that a plain header cannot hold are in PAX records."""
        info = read(layer_tar([file("f", mtime=mtime)]))["f"]
        assert info.mtime == mtime
        assert info.pax_headers.get("mtime") == record

    def test_owner_and_mode_are_read_back(self) -> None:
        """Owners may be of any size; the mode has its type bits."""
        info = read(layer_tar([file("f", mode=0o104755, uid=3_000_000, gid=7)]))["f"]
        assert (info.mode, info.uid, info.gid) == (0o104755, 3_000_000, 7)
        assert info.pax_headers == {"uid": "3000000"}

    def test_extended_attributes_are_read_back(self) -> None:
        """They keep all bytes, including NUL and newline."""
        value = b"\x01\x00\x00\x02=\n\xff"
        info = read(layer_tar([file("f", b"x", xattrs={b"security.capability": value})]))["f"]
        stored = info.pax_headers["SCHILY.xattr.security.capability"]
        assert stored.encode("utf-8", "surrogateescape") == value

    @pytest.mark.parametrize("length", range(80, 110))
    def test_the_length_of_a_record_counts_its_digits(self, length: int) -> None:
        """This includes lengths whose digits add another digit."""
        info = read(layer_tar([file("f", xattrs={b"a": b"v" * length})]))["f"]
        assert info.pax_headers == {"SCHILY.xattr.a": "v" * length}

    def test_custom_records_override_others(self) -> None:
        found = read(layer_tar([file("f", mtime=0.5, pax={b"mtime": b"7", b"path": b"g"})]))
        assert found["g"].mtime == 7

    def test_a_global_header_is_not_a_member(self) -> None:
        found = read(layer_tar([global_header(comment=b"of all"), file("f", b"x")]))
        assert list(found) == ["f"]
        assert found["f"].pax_headers == {"comment": "of all"}

    @pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
    def test_a_size_without_data_hides_no_member(self, kind: bytes) -> None:
        found = read(layer_tar([Member(b"m", kind, b"12345", link=b"f"), file("f", b"x")]))
        assert (found["m"].size, list(found)) == (5, ["m", "f"])

    def test_a_trailing_slash_makes_a_directory_in_old_tars(self) -> None:
        found = read(layer_tar([Member(b"d/", b"\0", b"12345"), file("f", b"x")]))
        assert (found["d"].type, list(found)) == (tarfile.DIRTYPE, ["d", "f"])

    def test_the_end_marker_can_be_left_out(self) -> None:
        """It is two blocks."""
        assert layer_tar([]) == bytes(1024)
        assert layer_tar([file("f", b"x")], end=False) + bytes(1024) == layer_tar([file("f", b"x")])
        # Every registry knows the diff ID of the layer that holds nothing.
        assert images.digest(layer_tar([])).startswith("sha256:5f70bf18a086007016e948b04aed3b82")

    @pytest.mark.parametrize("wild", [False, True], ids=["orderly", "wild"])
    def test_random_layers_are_read_back(self, wild: bool) -> None:
        for seed in range(50):
            members = [member for layer in random_layers(seed, wild) for member in layer]
            with tarfile.open(fileobj=io.BytesIO(layer_tar(members))) as tar:
                infos = tar.getmembers()
                data = [read_one(tar, info) if info.isreg() else b"" for info in infos]
            names = [info.name.encode("utf-8", "surrogateescape") for info in infos]
            # Python drops the slash after a directory.
            assert [name.rstrip(b"/") for name in names] == [
                member.name.rstrip(b"/") for member in members
            ]
            assert data == [
                member.data if member.has_payload and member.type != b"Z" else b""
                for member in members
            ]

    def test_a_number_that_is_too_large_is_rejected(self) -> None:
        """It is not truncated."""
        with pytest.raises(ValueError, match="does not fit"):
            layer_tar([device("c", 8**7, 0)])


FIRST = layer_tar([file("a", b"a")])
SECOND = layer_tar([file("b", b"b")])


class TestDockerArchive:
    """The layout of `docker save` up to Docker 24."""

    def test_layout(self) -> None:
        """The manifest names the config and the layers, bottom first."""
        files = contents(docker_archive([FIRST, SECOND]))
        (item,) = json.loads(files["manifest.json"])
        config = json.loads(files[item["Config"]])
        assert item["RepoTags"] == ["demo:latest"]
        assert [files[path] for path in item["Layers"]] == [FIRST, SECOND]
        assert all(path.endswith("/layer.tar") for path in item["Layers"])
        assert item["Config"] == hashlib.sha256(files[item["Config"]]).hexdigest() + ".json"
        assert config["rootfs"]["diff_ids"] == [images.digest(FIRST), images.digest(SECOND)]
        created_by = [step["created_by"] for step in config["history"]]
        assert created_by == ["COPY layer0 /", "COPY layer1 /"]

    def test_history_config_and_tags_can_be_given_or_absent(self) -> None:
        tar = docker_archive([FIRST], history=[], config={"os": "windows"}, tags=())
        files = contents(tar)
        (item,) = json.loads(files["manifest.json"])
        config = json.loads(files[item["Config"]])
        assert item["RepoTags"] is None
        assert "repositories" not in files
        assert "history" not in config
        assert (config["os"], config["architecture"]) == ("windows", "amd64")

    def test_a_repeated_layer_has_its_own_directory(self) -> None:
        """It may have a symlink instead of the tar."""
        whole = contents(docker_archive([FIRST, SECOND, FIRST]))
        (item,) = json.loads(whole["manifest.json"])
        first, _, again = item["Layers"]
        assert whole[again] == FIRST
        linked = read(docker_archive([FIRST, SECOND, FIRST], link_repeats=True))
        assert (linked[again].type, linked[again].linkname) == (tarfile.SYMTYPE, f"../{first}")

    def test_deterministic(self) -> None:
        """The same parts give the same bytes."""
        assert docker_archive([FIRST], compress="gzip") == docker_archive([FIRST], compress="gzip")


class TestOci:
    """OCI layouts, in a tar and in a directory."""

    @pytest.mark.parametrize("compress", ["gzip", "zstd", None])
    def test_layout(self, compress: Compression | None) -> None:
        """Index, manifest, config and layers lead to one another by digest."""
        files = contents(oci_archive([FIRST, SECOND], compress=compress))

        def blob(descriptor: dict[str, str | int]) -> bytes:
            """A blob, checked against its descriptor."""
            data = files["blobs/" + str(descriptor["digest"]).replace(":", "/")]
            assert (images.digest(data), len(data)) == (descriptor["digest"], descriptor["size"])
            return data

        assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
        (image,) = json.loads(files["index.json"])["manifests"]
        assert image["annotations"] == {
            "io.containerd.image.name": "docker.io/library/demo:latest",
            "org.opencontainers.image.ref.name": "latest",
        }
        manifest = json.loads(blob(image))
        config = json.loads(blob(manifest["config"]))
        assert config["rootfs"]["diff_ids"] == [images.digest(FIRST), images.digest(SECOND)]
        for layer, tar in zip(manifest["layers"], [FIRST, SECOND], strict=True):
            stored = blob(layer)
            media_type = layer["mediaType"].removeprefix("application/vnd.oci.image.layer.v1.")
            match compress:
                case "gzip":
                    assert (media_type, gzip.decompress(stored)) == ("tar+gzip", tar)
                case "zstd":
                    assert (media_type, zstd.decompress(stored)) == ("tar+zstd", tar)
                case None:
                    assert (media_type, stored) == ("tar", tar)

    def test_directory(self, tmp_path: Path) -> None:
        """A directory holds the same files as the archive."""
        path = oci_directory(tmp_path / "image", [FIRST])
        found = {
            child.relative_to(path).as_posix(): child.read_bytes()
            for child in path.rglob("*")
            if child.is_file()
        }
        assert found == contents(oci_archive([FIRST]))

    def test_deterministic(self) -> None:
        """The same parts give the same bytes."""
        assert oci_archive([FIRST]) == oci_archive([FIRST])


def test_archive_lists_directories_first() -> None:
    """A directory is listed once, before its contents."""
    tar = images.archive({"a/b/c": b"1", "a/d": b"2", "e": b"3"}, links={"e": "a/d"})
    assert list(read(tar)) == ["a", "a/b", "a/b/c", "a/d", "e"]
    assert read(tar)["e"].issym()


def test_write_creates_the_directory(tmp_path: Path) -> None:
    path = images.write(tmp_path / "new" / "image.tar", b"tar")
    assert path.read_bytes() == b"tar"
