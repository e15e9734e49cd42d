"""`layerscope images`: images in stores, shared sizes, and unreachable sources."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import pytest

from layerscope import cli
from layerscope.errors import UnreachableError
from layerscope.report import images_schema, images_text
from layerscope.report.options import ReportOptions
from layerscope.sources.listing import SourceListing
from layerscope.sources.store_image import StoreImage, StoreLayer
from layerscope.text import cells
from tests.images import digest, file, layer_tar
from tests.sources.fake_engine import serving
from tests.sources.image_files import BASE, LAYERS, listing
from tests.sources.stores import docker_store, podman_store

NOW = datetime.datetime(2024, 6, 1, tzinfo=datetime.UTC)
OTHER = layer_tar([file("other", b"5")])
STORE = listing("containers-storage", lambda _: [], stored=True)
ENGINE = listing("docker", lambda _: [])


def image(name: str, *layers: tuple[str, int]) -> StoreImage:
    """An image of a store."""
    store_layers = [StoreLayer(digest(key.encode()), size) for key, size in layers]
    return StoreImage(
        f"x://{name}", digest(name.encode())[7:], "x", [name] if name else [],
        "2024-03-01T00:00:00Z", sum(size for _, size in layers), location="/store", layers=store_layers,
    )  # fmt: skip


def written(*answers: SourceListing, width: int = 100) -> list[str]:
    """The text, line by line."""
    stream = io.BytesIO()
    images_text.write(answers, stream, ReportOptions(width=width), NOW)
    return stream.getvalue().decode().splitlines()


def test_a_store_is_listed_with_reclaimable_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unique bytes count layers that no other image has; unreachable sources are listed on stderr."""
    docker_store(tmp_path, [BASE, OTHER], names=["other:1"])
    repositories = (tmp_path / "image/overlay2/repositories.json").read_bytes()
    docker_store(tmp_path, LAYERS, names=[])
    (tmp_path / "image/overlay2/repositories.json").write_bytes(repositories)
    assert cli.run(["images", "--store-root", str(tmp_path), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schemaVersion"] == "1.0"
    (source,) = (one for one in document["sources"] if one["reachable"])
    assert source["source"] == "docker-store"
    images = {tuple(one["tags"]): one for one in source["images"]}
    assert images["other:1",]["uniqueBytes"] == len(OTHER)
    assert images["other:1",]["sharedBytes"] == len(BASE)
    assert images[()]["dangling"]
    assert source["danglingBytes"] == len(LAYERS[1])
    assert source["storedBytes"] == sum(map(len, (*LAYERS, OTHER)))
    (shared,) = source["sharedLayers"]
    assert (shared["chainId"], shared["bytes"], shared["images"]) == (digest(BASE), len(BASE), 2)
    assert "layerscope: containerd: no containerd store found" in err
    assert cli.run(["images", "--store-root", str(tmp_path)]) == 0
    out, _ = capsys.readouterr()
    assert "other:1" in out
    assert "1 dangling image: " in out


def test_without_a_reachable_engine_the_exit_code_is_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """stdout is still a valid document."""
    assert cli.run(["images", "--store-root", str(tmp_path), "--format", "json"]) == 4
    out, err = capsys.readouterr()
    assert not any(source["reachable"] for source in json.loads(out)["sources"])
    assert "no engine or store found" in err


def test_engines_are_listed_beside_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its own section."""
    podman_store(tmp_path / "store", LAYERS)
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ngraphroot = "{tmp_path}/store"\nrootless_storage_path = "{tmp_path}/store"\n')  # fmt: skip
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    with serving(tmp_path / "engine.sock") as engine:
        engine.images[0]["Size"] = 77
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        assert cli.run(["images"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("docker  1 image")
    assert "containers-storage  1 image" in out
    assert "77 B" in out
    assert "podman: no engine is listening" in err


@pytest.mark.parametrize("width", [72, 80, 120])
def test_columns_align_and_keep_to_the_width(width: int) -> None:
    """Names may be long, wide or hostile."""
    names = ["a:1", "registry.example.com/" + "long/" * 30 + "name:1", "evil\x1b[2J\u202e:1", "日本語" * 20, ""]  # fmt: skip
    images = [
        image(name, ("base", 123_456_789), (str(number), 10**number))
        for number, name in enumerate(names)
    ]
    lines = written(SourceListing(STORE, images), width=width)
    table = lines[1 : 2 + len(images)]
    assert all(cells(line) <= width for line in lines)
    assert {cells(line) for line in table} == {width}
    assert not any("\x1b" in line or "\u202e" in line for line in lines)
    assert ("shared" in lines[1]) == (width >= 100)


def test_engines_have_no_shared_sizes() -> None:
    """Engines do not report the sizes of layers."""
    lines = written(SourceListing(ENGINE, [image("a:1", ("x", 5))]), SourceListing(STORE, refusal=UnreachableError("no")))  # fmt: skip
    assert len(lines) == 3
    assert "unique" not in lines[1]


def test_layers_of_unknown_content_have_no_chain_ids() -> None:
    """If the config of an image is damaged, the field is null, not a list of nulls."""
    answer = SourceListing(STORE, [image("a:1", ("x", 5), ("y", 6))])
    (listed_image,) = images_schema.document([answer])["sources"][0]["images"]
    assert listed_image["chainIds"] is None


def test_an_empty_store_has_a_heading_without_a_table() -> None:
    assert written(SourceListing(STORE)) == ["containers-storage  0 images"]


def test_layers_with_the_largest_savings_come_first() -> None:
    """The first few are listed with the images that have them."""
    images = [image(f"i{n}:1", *((f"l{m}", 1000 * m) for m in range(9))) for n in range(3)]
    lines = written(SourceListing(STORE, images))
    assert "8.0 kB in 3 images" in lines[7]
    assert "i0:1, i1:1, i2:1" in lines[7]
    assert lines[-1] == "  … and 3 more shared layers"
