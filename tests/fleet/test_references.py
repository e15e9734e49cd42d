"""The references of a fleet: folders, stores, repositories, and images that are named twice."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from layerscope import cli
from layerscope.errors import ImageNotFoundError, UnreachableError, UsageError
from layerscope.fleet.references import TagSelection, expand
from layerscope.fleet.tables import ImageRow
from layerscope.sources.base import Request
from tests.fleet.running import fleet_of, setup_of
from tests.images import (
    docker_archive,
    file,
    layer_tar,
    oci_archive,
    oci_directory,
    oci_files,
    write,
)
from tests.sources.registry.server import Registry
from tests.sources.stores import docker_store

A, B = layer_tar([file("a", b"a" * 10)]), layer_tar([file("b", b"b" * 20)])
NONE = TagSelection()


def expanded(*named: object, tags: TagSelection = NONE, **more: object) -> list[str]:
    """The expanded references."""
    return expand([str(one) for one in named], Request("", **more), tags)  # type: ignore[arg-type]


def test_folders(tmp_path: Path) -> None:
    """Images in name order, including subfolders; an image folder is one image, and links are not followed."""
    write(tmp_path / "b.tar", docker_archive([A]))
    write(tmp_path / "a.txt", b"text" * 1000)
    write(tmp_path / "below" / "deep" / "c.tar", oci_archive([B]))
    oci_directory(tmp_path / "layout", [A, B])
    (tmp_path / "below" / "loop").symlink_to(tmp_path)
    assert expanded(tmp_path) == [
        str(tmp_path / name) for name in ("b.tar", "layout", "below/deep/c.tar")
    ]
    assert expanded(tmp_path / "layout") == [str(tmp_path / "layout")]
    (tmp_path / "empty").mkdir()
    assert expanded(tmp_path / "empty") == [str(tmp_path / "empty")]


def test_damaged_files_in_folders(tmp_path: Path) -> None:
    """Damaged files that start like an image are rows with an error; other files are ignored."""
    whole = docker_archive([A, layer_tar([file("noise", random.Random(1).randbytes(9000))])])
    folder = tmp_path / "folder"
    cut = {
        "header": whole[:512], "early": whole[:700], "late": whole[: len(whole) * 2 // 3],
        "first": whole[:20] + b"\xff" + whole[21:],
        "gz": gzip.compress(whole)[:300], "gz-late": gzip.compress(whole)[:-500], "gz-start": gzip.compress(whole)[:20],
    }  # fmt: skip
    write(tmp_path / "whole.tar", whole)
    saved = tmp_path / "whole.saved"
    assert cli.run(["save", str(tmp_path / "whole.tar"), "-o", str(saved)]) == 0
    cut["saved"] = saved.read_bytes()[:-100]
    cut["saved-start"] = saved.read_bytes()[:40]
    for name, data in cut.items():
        write(folder / "damaged" / name, data)
    layout = oci_directory(folder / "damaged" / "layout", [A])
    (layout / "index.json").write_bytes((layout / "index.json").read_bytes()[:50])
    bare = oci_directory(folder / "damaged" / "without-index", [A])
    (bare / "index.json").unlink()
    source = layer_tar([file(f"src/{number}", b"x" * 700) for number in range(3000)])
    others = {
        "text": b"text" * 1000, "text.gz": gzip.compress(b"text" * 9000)[:-10], "empty": b"", "source.tar": source,
        "source.tar.gz": gzip.compress(source), "source-cut-late.tar.gz": gzip.compress(source)[:-10],
        "zeros": bytes(10240), "small.gz": gzip.compress(b"text"),
    }  # fmt: skip
    for name, data in others.items():
        write(folder / "others" / name, data)
    (folder / "others" / "web").mkdir()
    write(folder / "others" / "web" / "manifest.json", b'{"name": "web"')
    write(folder / "others" / "web" / "index.json", b"{")
    named = expanded(folder)
    assert named == sorted(str(one) for one in (folder / "damaged").iterdir())
    results = fleet_of(tmp_path, named).results
    assert all(row.error for row in results.rows(ImageRow))


def test_an_image_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written."""
    path = write(tmp_path / "a.tar", docker_archive([A]))
    monkeypatch.chdir(tmp_path)
    assert expanded(path, "a.tar", "./a.tar", f"docker-archive://{path}", tmp_path)[:1] == [
        str(path)
    ]
    assert expanded("app", "app:latest", "docker.io/library/app", "docker://app") == [
        "app",
        "docker://app",
    ]
    assert expanded("registry://host.io/app", "registry://host.io/app:latest") == [
        "registry://host.io/app"
    ]


def test_stores(tmp_path: Path) -> None:
    """All images of a store, each once; an empty store and a missing one are errors."""
    docker_store(tmp_path / "store", [A, B], names=["one:1", "two:2"])
    root = tmp_path / "store"
    (reference,) = expanded("docker-store://", store_root=root)
    fleet = fleet_of(tmp_path, [reference], setup=setup_of(tmp_path, store_root=str(root)))
    (row,) = fleet.results.rows(ImageRow)
    assert (row.error, row.stored_bytes, row.tags) == (None, 30, ("one:1", "two:2"))
    (tmp_path / "empty/image/overlay2/imagedb/content/sha256").mkdir(parents=True)
    with pytest.raises((ImageNotFoundError, UnreachableError)):
        expanded("docker-store://", store_root=tmp_path / "empty")
    with pytest.raises(UnreachableError):
        expanded("docker-store://", store_root=tmp_path / "none")
    for scheme in ("registry", "oci", "nothing"):
        with pytest.raises(UsageError, match="does not name images"):
            expanded(f"{scheme}://")


def test_tags_of_a_repository() -> None:
    """By glob, or the newest ones, without `latest`."""
    with Registry() as registry:
        for tag in ("1.9", "1.10", "2.0", "latest", "2.0-slim"):
            registry.repository().push(oci_files([A]), tag)
        name = f"registry://{registry.host}/app"
        assert expanded(name) == [name]
        assert expanded(name, tags=TagSelection("1.*")) == [f"{name}:1.9", f"{name}:1.10"]
        assert expanded(name, tags=TagSelection(last=2)) == [f"{name}:2.0", f"{name}:2.0-slim"]
        assert expanded(f"{name}:1.9", name, tags=TagSelection(last=1)) == [
            f"{name}:1.9",
            f"{name}:2.0-slim",
        ]
        for tags in (TagSelection(last=1), TagSelection("1.*")):
            with pytest.raises(UsageError, match="no repository is named"):
                expanded(f"{name}:2.0", "folder", tags=tags)
        with pytest.raises(ImageNotFoundError, match=r"none of 5 tags matches"):
            expanded(name, tags=TagSelection("3.*"))


def test_each_blob_of_a_registry_is_fetched_once(tmp_path: Path) -> None:
    """Even if several repositories have it."""
    base = layer_tar([file("base", b"b" * 5000)])
    with Registry() as registry:
        names = []
        for number in range(3):
            own = layer_tar([file("own", b"%d" % number)])
            registry.repository(f"app{number}").push(oci_files([base, own]), "1")
            names.append(registry.reference(f"app{number}:1"))
        fleet = fleet_of(tmp_path, names)
        assert not fleet.failures
        digests = [path.rpartition("/")[2] for path in registry.asked if "/blobs/" in path]
    assert len(digests) == len(set(digests)) == 1 + 3 + 3  # layers and configs
    assert fleet.answers.totals.distinct_layers == 4
