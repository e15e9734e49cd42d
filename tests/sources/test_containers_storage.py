"""containers-storage, as Podman and Buildah keep it (containers/storage)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import CorruptImageError, ImageNotFoundError, UnreachableError
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request, storage_conf
from layerscope.sources.containers_storage import file_name
from layerscope.sources.storage_conf import places
from tests.images import digest, image_config, write
from tests.sources.image_files import BASE, LAYERS, NAMES, dump, layers_of
from tests.sources.stores import podman_store


def open_stored(root: Path, reference: str = "demo", options: Options | None = None) -> Opened:
    """Open an image of a store by its scheme."""
    return open_image(Request(f"containers-storage://{reference}", store_root=root), options)


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Change a document in a store."""
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(dump(value))


@pytest.mark.parametrize("driver", ["overlay", "vfs"])
@pytest.mark.parametrize(
    "reference", ["demo", "demo:latest", "localhost/demo", "ID", "sha256:ID", "DIGEST"]
)
def test_an_image_opens_by_its_names(tmp_path: Path, driver: str, reference: str) -> None:
    """By short and full name, ID and manifest digest."""
    image_id = podman_store(tmp_path, LAYERS, driver=driver)
    listed = json.loads((tmp_path / f"{driver}-images/images.json").read_bytes())
    reference = reference.replace("DIGEST", f"demo@{listed[0]['digest']}").replace("ID", image_id)
    opened = open_stored(tmp_path, reference)
    assert layers_of(opened) == NAMES
    assert opened.image.id == f"sha256:{image_id}"
    assert opened.image.source_kind == "containers-storage"
    assert opened.image.location == str(tmp_path)
    assert [opened.verified(number) for number in range(2)] == [True, True]
    assert opened.damage is None
    assert not opened.damages()


def test_contents_are_read_from_the_files(tmp_path: Path) -> None:
    """They are in the layer's own folder, by the entry's name."""
    podman_store(tmp_path, LAYERS)
    opened = open_stored(tmp_path, options=Options(verify_small=False))
    assert [opened.verified(number) for number in range(2)] == [None, None]
    assert b"".join(opened.contents[1].chunks(1)) == b"4444"


def test_volatile_layers_are_read(tmp_path: Path) -> None:
    """Transient stores list their layers there."""
    podman_store(tmp_path, LAYERS)
    listed = tmp_path / "overlay-layers"
    (listed / "layers.json").rename(listed / "volatile-layers.json")
    assert layers_of(open_stored(tmp_path)) == NAMES


def test_layers_are_complete_without_readable_files(tmp_path: Path) -> None:
    """Headers list the entries; a warning says that contents are not compared."""
    podman_store(tmp_path, LAYERS)
    shutil.rmtree(tmp_path / "overlay")
    opened = open_stored(tmp_path)
    assert layers_of(opened) == NAMES
    assert not opened.damages()
    assert [warning.code for warning in opened.warnings] == ["contents-unreadable"] * 2


def test_files_of_composefs_are_read(tmp_path: Path) -> None:
    """Files are stored by digest, and the layer's table of contents maps names to digests."""
    podman_store(tmp_path, LAYERS, composefs=True)
    opened = open_stored(tmp_path)
    assert layers_of(opened) == NAMES
    assert [opened.verified(number) for number in range(2)] == [True, True]
    assert b"".join(opened.contents[1].chunks(1)) == b"4444"
    assert not opened.warnings


def _point_elsewhere(digest: str) -> Callable[[dict[str, Any]], object]:
    def change(table: dict[str, Any]) -> None:
        for entry in table["entries"]:
            entry["digest"] = digest

    return change


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


TABLES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "no JSON": lambda path: path.write_bytes(b"{"),
    "no object": lambda path: path.write_bytes(b"[]"),
    "no text": lambda path: path.write_bytes(b'{"entries": [{"name": "\xff"}]}'),
    "deep": lambda path: path.write_bytes(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "empty": lambda path: path.write_bytes(b'{"entries": []}'),
    "other type": lambda path: path.write_bytes(b'{"entries": [{"name": 5}]}'),
    "folder": _replace_by_folder,
    "elsewhere": lambda path: edit_json(path, _point_elsewhere("sha256:../../../secret")),
    "not there": lambda path: edit_json(path, _point_elsewhere("sha256:" + "0" * 64)),
}


@pytest.mark.parametrize("damage", TABLES)
def test_a_damaged_table_of_composefs_leaves_the_layers_whole(tmp_path: Path, damage: str) -> None:
    """Contents are unreadable, and nothing outside of the layer is read."""
    podman_store(tmp_path, LAYERS, composefs=True)
    secret = write(tmp_path / "overlay" / "secret", b"4444")
    for table in (tmp_path / "overlay-layers").rglob(file_name("zstd-chunked-manifest")):
        TABLES[damage](table)
    opened = open_stored(tmp_path, options=Options(verify_small=False))
    assert layers_of(opened) == NAMES
    with pytest.raises(OSError, match=r"table of contents|No such file|Is a directory"):
        b"".join(opened.contents[1].chunks(1))
    assert secret.exists()


def test_lost_headers_are_damage(tmp_path: Path) -> None:
    """The other layers are still shown."""
    podman_store(tmp_path, LAYERS)
    layers = json.loads((tmp_path / "overlay-layers/layers.json").read_bytes())
    (tmp_path / "overlay-layers" / f"{layers[0]['id']}.tar-split.gz").write_bytes(b"\x1f\x8b junk")
    opened = open_stored(tmp_path)
    assert layers_of(opened) == [[], NAMES[1]]
    assert "layer 0 is damaged" in opened.damages()[0]


def test_files_of_a_layer_are_never_reached_through_links(tmp_path: Path) -> None:
    """A store keeps links of the image as links: following them would show files of this machine."""
    podman_store(tmp_path, [BASE])
    layers = json.loads((tmp_path / "overlay-layers/layers.json").read_bytes())
    file = tmp_path / "overlay" / layers[0]["id"] / "diff" / "a"
    file.unlink()
    file.symlink_to(write(tmp_path / "secret", b"7"))
    assert "layer 0 is damaged" in open_stored(tmp_path).damages()[0]


def test_an_incomplete_layer_is_reported(tmp_path: Path) -> None:
    """The store marks layers that were still being written."""
    podman_store(tmp_path, LAYERS)
    edit_json(
        tmp_path / "overlay-layers/layers.json",
        lambda layers: layers[0].update(flags={"incomplete": True}),
    )
    with pytest.raises(CorruptImageError, match="never stored completely"):
        open_stored(tmp_path)


def test_a_loop_of_parent_layers_is_reported(tmp_path: Path) -> None:
    podman_store(tmp_path, LAYERS)
    edit_json(
        tmp_path / "overlay-layers/layers.json",
        lambda layers: layers[0].update(parent=layers[1]["id"]),
    )
    with pytest.raises(CorruptImageError, match="more than"):
        open_stored(tmp_path)


def test_a_store_that_changes_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer that is listed a moment later is found; one that never appears is an error that names it."""
    podman_store(tmp_path, LAYERS)
    listed = tmp_path / "overlay-layers/layers.json"
    whole = listed.read_bytes()
    listed.write_bytes(b"[]")
    with pytest.raises(Exception, match="is not in the store"):
        open_stored(tmp_path)
    monkeypatch.setattr("time.sleep", lambda _: listed.write_bytes(whole))
    assert layers_of(open_stored(tmp_path)) == NAMES


def test_a_document_replaced_while_it_is_opened_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engines replace their list of images with every commit."""
    podman_store(tmp_path, LAYERS)
    listed = tmp_path / "overlay-images/images.json"
    real_open = os.open

    def replaced_once(path: str, *rest: int) -> int:
        if Path(path) == listed:
            monkeypatch.setattr("os.open", real_open)
            copy = listed.with_suffix(".new")
            copy.write_bytes(listed.read_bytes())
            copy.replace(listed)
        return real_open(path, *rest)

    monkeypatch.setattr("os.open", replaced_once)
    assert layers_of(open_stored(tmp_path)) == NAMES
    assert os.open is real_open


def test_a_manifest_list_leads_to_the_stored_images(tmp_path: Path) -> None:
    """Each has the platform that the list states."""
    image_id = podman_store(tmp_path, LAYERS, names=[])
    images = tmp_path / "overlay-images/images.json"
    (image,) = json.loads(images.read_bytes())
    platform = {"os": "linux", "architecture": "amd64"}
    manifests = [
        {"digest": image["digest"], "platform": platform},
        {"digest": digest(b"absent"), "platform": platform | {"architecture": "arm64"}},
    ]
    listed = {"id": "f" * 64, "digest": digest(b"list"), "names": ["localhost/multi:1"]}
    write(tmp_path / "overlay-images" / ("f" * 64) / "manifest", dump({"manifests": manifests}))
    images.write_bytes(dump([listed, image]))
    opened = open_stored(tmp_path, "multi:1")
    assert opened.image.id == f"sha256:{image_id}"
    assert opened.image.tags == ("localhost/multi:1",)


def test_missing_and_unreachable_stores_are_distinguished(tmp_path: Path) -> None:
    """A store without the image suggests names; a missing store has another exit code."""
    podman_store(tmp_path, LAYERS, names=["localhost/flask:3"])
    with pytest.raises(ImageNotFoundError) as missing:
        open_stored(tmp_path, "flask:4")
    assert missing.value.hint == "did you mean localhost/flask:3?"
    with pytest.raises(UnreachableError) as absent:
        open_stored(tmp_path / "nothing")
    assert absent.value.exit_code == 4


def test_file_names_of_documents() -> None:
    """Plain keys are used as they are, others in base64 (makeBigDataBaseName)."""
    assert file_name("manifest") == "manifest"
    assert file_name("sha256:ab") == "=c2hhMjU2OmFi"


class TestPlaces:
    """storage.conf and the environment."""

    def test_the_environment_names_the_configuration(self, tmp_path: Path) -> None:
        """CONTAINERS_STORAGE_CONF replaces all other files; additional stores follow the first."""
        conf = write(
            tmp_path / "storage.conf",
            b'[storage]\ndriver = "vfs"\ngraphroot = "/graph"\nrootless_storage_path = "/graph"\n'
            b'[storage.options]\nadditionalimagestores = ["/more", 1]\n',
        )
        found = places(None, {"CONTAINERS_STORAGE_CONF": str(conf)})
        assert [(str(place.root), place.driver) for place in found] == [
            ("/graph", "vfs"), ("/graph", "overlay"), ("/more", "vfs"), ("/more", "overlay"),
        ]  # fmt: skip
        found = places(None, {"CONTAINERS_STORAGE_CONF": str(conf), "STORAGE_DRIVER": "overlay"})
        assert found[0].driver == "overlay"

    def test_a_rootless_store_is_in_the_home_directory(self, tmp_path: Path) -> None:
        """Also for root of a user namespace; the user's configuration overrides the system's."""
        environment = {
            "_CONTAINERS_ROOTLESS_UID": "1000",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "HOME": "/home/me",
        }
        assert places(None, environment)[0].root == tmp_path / "data/containers/storage"
        write(tmp_path / "config/containers/storage.conf", b'[storage]\ngraphroot = "$HOME/s-$UID"')
        assert str(places(None, environment)[0].root) == "/home/me/s-1000"

    @pytest.fixture
    def system(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Folders in place of the system's, and of root's home."""
        monkeypatch.setattr(storage_conf, "SYSTEM_FOLDERS", (tmp_path / "etc", tmp_path / "usr"))
        return tmp_path

    def first(self, system: Path, **environment: str) -> list[str]:
        """The roots of the stores, in order."""
        variables = {
            "XDG_CONFIG_HOME": str(system / "home"),
            "XDG_DATA_HOME": "/data",
            **environment,
        }
        return list(dict.fromkeys(str(place.root) for place in places(None, variables)))

    def test_drop_ins_are_read_as_podman_6_reads_them(self, system: Path) -> None:
        """They apply in name order across folders; of several with one name, the user's. The store of an older Podman comes after."""
        write(system / "usr/storage.conf", b'[storage]\ngraphroot = "/main"')
        assert self.first(system) == ["/main"]
        write(system / "etc/storage.conf.d/20-a.conf", b'[storage]\ngraphroot = "/a"')
        assert self.first(system) == ["/a", "/main"]
        write(system / "etc/storage.rootful.conf.d/10-b.conf", b'[storage]\ngraphroot = "/b"')
        write(system / "etc/storage.conf.d/99.toml", b'[storage]\ngraphroot = "/no"')
        assert self.first(system) == ["/a", "/main"]
        write(system / "home/containers/storage.conf.d/20-a.conf", b'[storage]\ndriver = "vfs"')
        assert self.first(system) == ["/b", "/main"]
        write(system / "home/containers/storage.conf.d/30-c.conf", b'[storage]\ngraphroot = "/c"')
        assert self.first(system) == ["/c", "/main"]

    def test_drop_ins_apply_to_rootless_users(self, system: Path) -> None:
        """Those for rootless users apply, too; those for root do not."""
        user = {"_CONTAINERS_ROOTLESS_UID": "1000"}
        usual = "/data/containers/storage"
        write(system / "etc/storage.rootful.conf.d/90.conf", b'[storage]\ngraphroot = "/root"')
        assert self.first(system, **user) == [usual]
        write(system / "etc/storage.rootless.conf.d/10.conf", b'[storage]\ngraphroot = "/s/$UID"')
        assert self.first(system, **user) == ["/s/1000", usual]
        write(
            system / "etc/storage.rootless.conf.d/1000/20.conf", b'[storage]\ngraphroot = "/mine"'
        )
        assert self.first(system, **user) == ["/mine", usual]

    def test_the_environment_replaces_drop_ins(self, system: Path) -> None:
        """CONTAINERS_STORAGE_CONF disables them; CONTAINERS_STORAGE_CONF_OVERRIDE comes last."""
        write(system / "etc/storage.conf.d/1.conf", b'[storage]\ngraphroot = "/dropped"')
        named = write(system / "named.conf", b'[storage]\ngraphroot = "/named"')
        over = write(system / "over.conf", b'[storage]\ngraphroot = "/over"')
        assert self.first(system, CONTAINERS_STORAGE_CONF=str(named)) == ["/named"]
        assert self.first(system, CONTAINERS_STORAGE_CONF_OVERRIDE=str(over))[0] == "/over"

    def test_a_broken_configuration_is_named(self, tmp_path: Path) -> None:
        """The place of the store is unknown then."""
        conf = write(tmp_path / "storage.conf", b"[storage")
        with pytest.raises(UnreachableError, match=r"storage\.conf"):
            places(None, {"CONTAINERS_STORAGE_CONF": str(conf)})


def test_an_image_without_layers_opens(tmp_path: Path) -> None:
    podman_store(tmp_path, [], config=image_config([]))
    assert layers_of(open_stored(tmp_path)) == []
