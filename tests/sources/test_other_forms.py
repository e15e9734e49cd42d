"""skopeo's `dir:` folders, archives of Docker before 1.10, and plain root filesystems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerscope.limits import Limits
from tests.images import archive, compressed, digest, image_config, layer_tar
from tests.images import directory as folder_entry
from tests.sources.image_files import (
    BASE,
    CONFIG,
    LAYER,
    LAYERS,
    NAMES,
    TOP,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    runs_on,
    save,
    unpack,
    unreadable,
    warning_message,
)

VERSION = b"Directory Transport Version: 1.1\n"


# --- dir: -----------------------------------------------------------------------------------------


def _blob(files: dict[str, bytes], media_type: str, data: bytes) -> dict[str, Any]:
    files[digest(data)[7:]] = data
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def _containers_dir(layers: tuple[bytes, ...] = LAYERS) -> dict[str, bytes]:
    files = {"version": VERSION}
    manifest = {
        "schemaVersion": 2,
        "config": _blob(files, CONFIG, image_config(layers)),
        # skopeo says gzip of layers that are plain.
        "layers": [_blob(files, LAYER + "+gzip", layer) for layer in layers],
    }
    return files | {"manifest.json": dump(manifest)}


def test_a_dir_folder_opens(tmp_path: Path) -> None:
    """It has a registry's manifest, and blobs by bare digest; it opens as an archive, too."""
    files = _containers_dir()
    for path in (unpack(tmp_path / "image", files), save(tmp_path, archive(files))):
        opened = open_path(path)
        assert (layers_of(opened), opened.image.source_kind) == (NAMES, "dir")
        assert (codes(opened), opened.damages()) == ([], [])
        assert [opened.verified(number) for number in range(2)] == [True, True]


def test_a_dir_folder_of_several_platforms_opens(tmp_path: Path) -> None:
    """It has a manifest list, and a manifest for each platform that was copied."""
    arm, amd = _containers_dir((TOP,)), _containers_dir()
    files = {**arm, **amd}
    listed = []
    for manifest, platform in (
        (arm["manifest.json"], "linux/arm64"),
        (amd["manifest.json"], "linux/amd64"),
    ):
        files[f"{digest(manifest)[7:]}.manifest.json"] = manifest
        listed.append({"digest": digest(manifest), "size": len(manifest), **runs_on(platform)})
    listed.append({"digest": digest(b"not copied"), "size": 1, **runs_on("linux/s390x")})
    files["manifest.json"] = dump({"schemaVersion": 2, "manifests": listed})
    path = unpack(tmp_path / "image", files)
    assert layers_of(open_path(path, platform="linux/arm64")) == [NAMES[1]]
    assert layers_of(open_path(path, platform="linux/amd64")) == NAMES
    assert "no image for platform linux/s390x" in str(refuse(path, platform="linux/s390x"))
    files["manifest.json"] = dump({"schemaVersion": 2, "manifests": listed[2:]})
    assert "none of the manifests" in str(refuse(unpack(path, files)))


def test_missing_parts_of_a_dir_folder_are_reported(tmp_path: Path) -> None:
    """A blob, an invalid digest, or an incomplete manifest."""
    files = _containers_dir()
    path = tmp_path / "image"
    (unpack(path, files) / digest(TOP)[7:]).unlink()
    assert f"its blob ({digest(TOP)[:19]}…) is not in the directory" in unreadable(path)
    for manifest, words in (
        ({"layers": []}, "has no config"),
        ({"config": {"digest": "sha256:../x"}, "layers": []}, "has no config"),
        (json.loads(files["manifest.json"]) | {"layers": [{"digest": "../x"}]}, "layer 0 has no"),
        (json.loads(files["manifest.json"]) | {"layers": [7]}, "layer 0 has no"),
    ):
        assert words in str(refuse(unpack(path, files | {"manifest.json": dump(manifest)})))


def test_a_foreign_layer_of_a_dir_folder_may_be_missing(tmp_path: Path) -> None:
    """The layer is unreadable, the rest is shown."""
    files = _containers_dir()
    manifest = json.loads(files["manifest.json"])
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar"
    files["manifest.json"] = dump(manifest)
    del files[digest(BASE)[7:]]
    opened = open_path(unpack(tmp_path / "image", files))
    assert layers_of(opened) == [[], NAMES[1]]
    assert "foreign layer" in opened.damages()[0]


def test_a_folder_with_only_a_manifest_is_not_a_dir_folder(tmp_path: Path) -> None:
    """A web page has a manifest.json, too."""
    for files in ({"manifest.json": b"{}"}, {"manifest.json": b"{}", "version": b"1.0"}):
        assert "no image" in str(refuse(unpack(tmp_path / "image", files)))


# --- Docker before 1.10 ---------------------------------------------------------------------------

IDS = ("a" * 64, "b" * 64)


def _legacy(*, tags: bool = True, **top: Any) -> dict[str, bytes]:
    """A chain of two layers; `top` replaces fields of the upper one."""
    files: dict[str, bytes] = {}
    commands = ("ADD file:1 in /", "RUN make")
    for layer_id, parent, layer, command in zip(IDS, (None, IDS[0]), LAYERS, commands, strict=True):
        document = {
            "id": layer_id,
            "created": "2015-01-01T00:00:00Z",
            "container_config": {"Cmd": ["/bin/sh", "-c", f"#(nop) {command}"]},
            "config": {"Env": ["A=1"]},
            "architecture": "amd64",
            "os": "linux",
        } | ({"parent": parent} if parent else {})
        if layer_id == IDS[1]:
            document |= top
        files[f"{layer_id}/VERSION"] = b"1.0"
        files[f"{layer_id}/json"] = dump(document)
        files[f"{layer_id}/layer.tar"] = layer
    if tags:
        files["repositories"] = dump({"demo": {"1": IDS[1], "2": IDS[1]}})
    return files


@pytest.mark.parametrize("tags", [True, False])
def test_an_archive_of_old_docker_opens(tmp_path: Path, tags: bool) -> None:
    """Layers are chained by their parents, and named by `repositories` unless saved by ID."""
    files = _legacy(tags=tags)
    for path in (save(tmp_path, archive(files)), unpack(tmp_path / "image", files)):
        opened = open_path(path)
        assert layers_of(opened) == NAMES
        assert opened.image.tags == (("demo:1", "demo:2") if tags else ())
        assert opened.image.id == IDS[1]
        assert str(opened.image.platform) == "linux/amd64"
        assert opened.image.config.env == ("A=1",)
        assert [step.instruction for step in opened.image.steps] == ["ADD", "RUN"]
        assert [opened.verified(number) for number in range(2)] == [None, None]
        assert (codes(opened), opened.damages()) == ([], [])


def test_several_images_of_old_docker_are_several(tmp_path: Path) -> None:
    """Tags of different layers; without tags, layers without children."""
    files = _legacy() | {"repositories": dump({"demo": {"1": IDS[1]}, "base": {"1": IDS[0]}})}
    path = save(tmp_path, archive(files))
    assert layers_of(open_path(path, image="base:1")) == [NAMES[0]]
    assert codes(open_path(path)) == ["several-images"]
    apart = _legacy(tags=False, parent=None)
    assert codes(open_path(save(tmp_path, archive(apart)))) == ["several-images"]


def test_missing_parents_are_reported(tmp_path: Path) -> None:
    """A missing layer, a loop, a path."""
    for parent, words in (
        ("c" * 64, "layer cccccccccccc is missing from the archive"),
        (IDS[1], "form a loop or are missing"),
        ("../x", "form a loop or are missing"),
    ):
        assert words in str(refuse(save(tmp_path, archive(_legacy(parent=parent)))))
    files = _legacy()
    files[f"{IDS[0]}/json"] = b"{"
    assert "not valid JSON" in str(refuse(save(tmp_path, archive(files))))
    del files[f"{IDS[0]}/json"]
    assert "has no json file" in str(refuse(save(tmp_path, archive(files))))


def test_a_long_chain_of_parents_meets_the_limit(tmp_path: Path) -> None:
    """The error names the limit, and raising it helps."""
    path = save(tmp_path, archive(_legacy()))
    error = refuse(path, limits=Limits(history_entries=1))
    assert "--limit history_entries=" in str(error.hint)
    assert layers_of(open_path(path, limits=Limits(history_entries=2))) == NAMES


def test_numbers_of_any_size_in_old_documents_are_fine(tmp_path: Path) -> None:
    """They are passed through unparsed."""
    files = _legacy(config={"ExportCache": 10**30, "Env": ["B=2"]}, created=10**30)
    assert open_path(save(tmp_path, archive(files))).image.config.env == ("B=2",)


# --- Root filesystems -----------------------------------------------------------------------------


def test_a_tar_without_an_image_is_a_root_filesystem(tmp_path: Path) -> None:
    """As written by `docker export`, or a single layer: one layer, no config, and a warning."""
    for how in (None, "gzip", "zstd"):
        opened = open_path(save(tmp_path, compressed(BASE, how)))
        assert (layers_of(opened), opened.image.source_kind) == ([NAMES[0]], "rootfs")
        assert (codes(opened), opened.image.id) == (["rootfs-only"], None)
        assert opened.image.recorded_steps == 0


@pytest.mark.parametrize(
    ("name", "program"),
    [(".dockerenv", "docker"), ("run/.containerenv", "podman"), ("srv/.dockerenv", None)],
)
def test_an_exported_container_is_recognised(
    tmp_path: Path, name: str, program: str | None
) -> None:
    """The warning says that saving the image would keep its layers."""
    message = warning_message(
        open_path(save(tmp_path, archive({name: b"", "etc/x": b"x"}))), "rootfs-only"
    )
    assert message.endswith(
        f"{program} save keeps layers and history)" if program else "no config, no history"
    )


def test_a_buildkit_cache_without_its_index_is_reported(tmp_path: Path) -> None:
    error = refuse(save(tmp_path, archive({"blobs/sha256/x": b"x", "ingest/y": b"x"})))
    assert "BuildKit cache" in str(error.hint)


def test_a_root_filesystem_may_hold_web_pages(tmp_path: Path) -> None:
    """Files named like parts of an image, but not at the top."""
    names = (
        "srv/manifest.json",
        "srv/index.json",
        "srv/blobs/sha256/x",
        "version",
        "srv/oci-layout",
    )
    files = dict.fromkeys(names, b"{}")
    assert codes(open_path(save(tmp_path, archive(files)))) == ["rootfs-only"]


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "index.json", "oci-layout", "repositories", "blobs/x", "abc/layer.tar"],
)
def test_a_partial_image_is_not_a_root_filesystem(tmp_path: Path, name: str) -> None:
    """The error names the parts that were found."""
    error = refuse(save(tmp_path, archive({name: b"{}", "etc/passwd": b"x"})))
    found = "*/layer.tar" if name.endswith("layer.tar") else name.partition("/")[0]
    assert found in str(error)


def test_a_root_filesystem_must_be_complete(tmp_path: Path) -> None:
    """A truncated tar may be the start of an image."""
    for cut in range(1, len(BASE) - 1023, 100):
        refuse(save(tmp_path, BASE[:cut]))
    assert "end marker" in str(refuse(save(tmp_path, BASE[:1024])))
    assert codes(open_path(save(tmp_path, BASE[:-512]))) == ["rootfs-only"]


def test_an_empty_tar_is_not_a_root_filesystem(tmp_path: Path) -> None:
    for data in (bytes(1024), bytes(10240), compressed(bytes(10240), "gzip")):
        assert "empty tar" in str(refuse(save(tmp_path, data)))
    opened = open_path(save(tmp_path, layer_tar([folder_entry(".")])))
    assert codes(opened) == ["rootfs-only"]
