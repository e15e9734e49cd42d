"""Images of a registry equal the same images in a folder; requests and bytes are counted."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import LayerscopeError
from layerscope.image.platform import Platform
from layerscope.layers.store import Store
from layerscope.opening.open import Opened, Options, open_image
from layerscope.report import json as json_report
from layerscope.report.options import ReportOptions
from layerscope.sources import Request, open_source
from tests.images import digest, directory, file, layer_tar, oci_directory, oci_files, whiteout
from tests.sources.registry.server import MANIFEST, Registry

BASE = [layer_tar([directory("a"), file("a/b", b"1" * 5000), file("c", b"2")])]
OWN = [*BASE, layer_tar([file("d", b"3" * 9000), whiteout("c")])]


def opened(registry: Registry, reference: str = "app", **more: Any) -> Opened:
    """The image of a reference."""
    cache = more.pop("cache", None)
    request = Request(registry.reference(reference), cache=cache, **more)
    return open_image(request, Options(cache=cache))


def report(image: Opened) -> Any:
    """The JSON report, without fields that depend on the source."""
    stream = io.BytesIO()
    json_report.write(image, stream, ReportOptions(files=True))
    document = json.loads(stream.getvalue())
    for key in ("reference", "tags", "source", "manifestDigest"):
        document["image"].pop(key)
    return document


def test_equals_the_same_image_in_a_folder(registry: Registry, tmp_path: Path) -> None:
    """It takes four requests: manifest, config, and each layer."""
    registry.repository().push(oci_files(OWN))
    found = opened(registry)
    assert report(found) == report(open_image(Request(str(oci_directory(tmp_path / "oci", OWN)))))
    assert found.image.source_kind == "registry"
    assert found.image.location == f"{registry.host}/app"
    assert found.image.tags == (f"{registry.host}/app:latest",)
    assert [line.split()[0] for line in registry.asked] == ["GET"] * 4
    assert all(found.verified(number) for number in range(2))


def test_opening_takes_two_requests_and_an_index_three(registry: Registry) -> None:
    """No layer is requested."""
    plain = registry.repository().push(oci_files(OWN))
    open_source(Request(registry.reference()))
    assert len(registry.asked) == 2
    registry.asked.clear()
    push_platforms(registry, {"amd64": OWN, "arm64": BASE})
    found = open_source(
        Request(registry.reference("multi"), platform=Platform.parse("linux/arm64"))
    )
    assert len(registry.asked) == 3
    assert found.image.platform.architecture == "arm64"
    assert [one.platform for one in found.image.alternatives] == [Platform.parse("linux/amd64")]
    assert plain in registry.repository().manifests


def push_platforms(
    registry: Registry, images: Mapping[str, Sequence[bytes]], name: str = "multi"
) -> None:
    """Push an index with an image for each architecture."""
    repository = registry.repository(name)
    listed = []
    for architecture, layers in images.items():
        files = oci_files(layers, config={"architecture": architecture})
        found = repository.push(files, architecture)
        data = repository.manifests[found][1]
        platform = {"os": "linux", "architecture": architecture}
        listed.append(
            {"mediaType": MANIFEST, "digest": found, "size": len(data), "platform": platform}
        )
    repository.push_index(listed)


def test_cached_documents_and_layers_are_not_fetched_again(
    registry: Registry, tmp_path: Path
) -> None:
    """A tag takes one request for its digest, a digest none; another image fetches only its new layer."""
    cache = Store(tmp_path / "cache")
    named = registry.repository().push(oci_files(BASE), "one")
    opened(registry, "app:one", cache=cache)
    registry.asked.clear()
    opened(registry, "app:one", cache=cache)
    assert registry.asked == ["HEAD /v2/app/manifests/one"]
    registry.asked.clear()
    opened(registry, f"app@{named}", cache=cache)
    assert registry.asked == []
    registry.repository().push(oci_files(OWN), "one")
    registry.sent = 0
    found = opened(registry, "app:one", cache=cache)
    assert len(found.image.layers) == 2
    layer, config = found.image.layers[1].digest, found.image.id
    assert layer is not None
    assert config is not None
    assert len(registry.asked) == 4  # HEAD, manifest, config, a layer
    assert registry.sent == sum(len(registry.repository().blobs[one]) for one in (layer, config))


def test_max_download_is_checked_before_anything_is_fetched(registry: Registry) -> None:
    """Cached layers do not count."""
    registry.repository().push(oci_files(OWN))
    with pytest.raises(LayerscopeError, match="would be fetched; --max-download allows") as caught:
        opened(registry, max_download=10)
    assert caught.value.exit_code == 3
    assert len(registry.asked) == 2
    opened(registry, max_download=100_000)


def test_a_layer_that_is_listed_twice_is_fetched_once(registry: Registry) -> None:
    registry.repository().push(oci_files([*BASE, *BASE]))
    opened(registry)
    layers = [line for line in registry.asked if "blobs" in line]
    assert len(layers) == 2  # config and layer


def test_large_layers_are_requested_first(registry: Registry) -> None:
    """Small ones are fetched beside the largest; results keep the order of the image."""
    noise = random.Random(5)
    sizes = (300, 90_000, 2_000_000, 500, 400_000)
    layers = [layer_tar([file(f"f{size}", noise.randbytes(size))]) for size in sizes]
    registry.repository().push(oci_files(layers, compress=None))
    registry.delay = 0.02
    opened = open_image(Request(registry.reference()))
    assert [len(index) for index in opened.indexes] == [1] * len(sizes)
    assert [int(index.columns.stored[0]) for index in opened.indexes] == list(sizes)
    places = {digest(layer): size for layer, size in zip(layers, sizes, strict=True)}
    requested = [line.rpartition("/")[2] for line in registry.asked]
    order = [places[name] for name in requested if name in places]
    assert sorted(order[:2]) == [300, 2_000_000]
    assert sorted(order[2:4]) == [500, 400_000]


def test_uncompressed_layers_are_read(registry: Registry, tmp_path: Path) -> None:
    registry.repository().push(oci_files(OWN, compress=None))
    folder = oci_directory(tmp_path / "oci", OWN, compress=None)
    assert report(opened(registry)) == report(open_image(Request(str(folder))))


def test_contents_come_from_a_copy_after_the_first_pass(registry: Registry) -> None:
    """Reading files fetches a layer at most once more."""
    noise = random.Random(1).randbytes(300_000)
    registry.repository().push(oci_files([layer_tar([file("noise", noise), file("b", b"1")])]))
    found = opened(registry)
    registry.asked.clear()
    contents = found.contents[0]
    for _ in range(3):
        for entry in range(len(contents.index)):
            b"".join(contents.chunks(entry))
    assert len(registry.asked) == 1


def test_nested_indexes_and_attestations(registry: Registry) -> None:
    """An index may contain an index; attestations are not offered."""
    push_platforms(registry, {"amd64": OWN})
    repository = registry.repository("multi")
    media_type, inner = repository.manifests["latest"]
    attestation = {
        "mediaType": MANIFEST, "digest": digest(b"{}"), "size": 2,
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }  # fmt: skip
    nested = {"mediaType": media_type, "digest": digest(inner), "size": len(inner)}
    repository.push_index([nested, attestation], "nested")
    found = opened(registry, "multi:nested")
    assert len(found.image.layers) == 2
    assert not found.image.alternatives


def test_artifacts_and_old_manifests_are_called_by_name(registry: Registry) -> None:
    """The error names the kind."""
    repository = registry.repository()
    old = json.dumps({"schemaVersion": 1, "name": "app", "fsLayers": []}).encode()
    repository.manifests["old"] = ("application/vnd.docker.distribution.manifest.v1+prettyjws", old)
    with pytest.raises(LayerscopeError, match="obsolete schema 1"):
        opened(registry, "app:old")
    chart = {
        "schemaVersion": 2,
        "config": {
            "mediaType": "application/vnd.cncf.helm.config.v1+json",
            "digest": digest(b""),
            "size": 0,
        },
        "layers": [],
    }
    repository.manifests["chart"] = (MANIFEST, json.dumps(chart).encode())
    with pytest.raises(LayerscopeError, match="a Helm chart"):
        opened(registry, "app:chart")


def test_missing_or_wrong_media_types_are_ignored(registry: Registry) -> None:
    """The content of a manifest decides, not Content-Type or descriptors."""
    repository = registry.repository()
    found = repository.push(oci_files(OWN))
    data = repository.manifests[found][1]
    document = json.loads(data)
    del document["mediaType"]
    bare = json.dumps(document).encode()
    repository.manifests["bare"] = ("text/plain", bare)
    repository.manifests[digest(bare)] = ("", bare)
    repository.push_index([{"digest": digest(bare), "size": len(bare)}], "index")
    for tag in ("bare", "index"):
        assert len(opened(registry, f"app:{tag}").image.layers) == 2


def test_max_download_counts_what_files_need(registry: Registry, tmp_path: Path) -> None:
    """A cached layer is fetched again for one of its files; if it is too large, it is refused before anything is sent."""
    noise = random.Random(3).randbytes(300_000)
    cache = Store(tmp_path / "cache")
    registry.repository().push(oci_files([layer_tar([file("noise", noise), file("b", b"1")])]))
    opened(registry, cache=cache)
    found = opened(registry, cache=cache, max_download=100_000)
    registry.asked.clear()
    with pytest.raises(
        LayerscopeError, match=r"300 kB would be fetched; --max-download allows 100 kB"
    ):
        b"".join(found.contents[0].chunks(1))
    assert registry.asked == []
