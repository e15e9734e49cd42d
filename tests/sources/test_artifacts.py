"""Artifacts: manifests that do not describe an image are named by type, and never listed as images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import NotAnImageError
from layerscope.sources import Request, containerd, engine_listing
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine import find_at
from layerscope.sources.folder import saved_images
from tests.images import archive, digest, image_config
from tests.sources.fake_engine import serving
from tests.sources.image_files import (
    BASE,
    CONFIG,
    INDEX,
    LAYER,
    LAYERS,
    MANIFEST,
    NAMES,
    TOP,
    Layout,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    save,
    tagged,
    unpack,
)
from tests.sources.test_containerd import NAME, open_stored, store

EMPTY = "application/vnd.oci.empty.v1+json"
DATA = b"\0asm\x01\0\0\0" + b"w" * 600
WASM = b'{"created":"2024-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":[]}'

ARTIFACTS = {
    # name: (words, artifactType, config type, layer types)
    "cosign signature": (
        "cosign signature", None, CONFIG, ["application/vnd.dev.cosign.simplesigning.v1+json"],
    ),
    "cosign attestation": ("attestation", None, CONFIG, ["application/vnd.dsse.envelope.v1+json"]),
    "cosign SBOM": ("SPDX", None, CONFIG, ["text/spdx+json"]),
    "sigstore bundle": (
        "Sigstore", "application/vnd.dev.sigstore.bundle.v0.3+json", EMPTY,
        ["application/vnd.dev.sigstore.bundle.v0.3+json"],
    ),
    "notation": ("Notation signature", None, "application/vnd.cncf.notary.signature", ["application/jose+json"]),
    "soci 1": ("SOCI index", "application/vnd.amazon.soci.index.v1+json", EMPTY, ["application/octet-stream"]),
    "soci 2": ("SOCI index", "application/vnd.amazon.soci.index.v2+json", EMPTY, ["application/octet-stream"]),
    "soci 1 of ORAS": ("SOCI index", None, "application/vnd.amazon.soci.index.v1+json", ["application/octet-stream"]),
    "build attestation": (
        "build attestation", "application/vnd.docker.attestation.manifest.v1+json", EMPTY, ["application/vnd.in-toto+json"],
    ),
    "old build attestation": ("in-toto attestation", None, CONFIG, ["application/vnd.in-toto+json"]),
    "CycloneDX": ("CycloneDX", "application/vnd.cyclonedx+json", EMPTY, ["application/vnd.cyclonedx+json"]),
    "SPDX": ("SPDX", "application/spdx+json", EMPTY, ["application/spdx+json"]),
    "chart": (
        "Helm chart", None, "application/vnd.cncf.helm.config.v1+json",
        ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"],
    ),
    "wasm": ("WebAssembly", None, "application/vnd.wasm.config.v0+json", ["application/wasm"]),
    "wasm of image config": ("WebAssembly", None, CONFIG, ["application/vnd.bytecodealliance.wasm.component.layer.v0+wasm"]),
    "docker model": (
        "Docker Model Runner", None, "application/vnd.docker.ai.model.config.v0.1+json", ["application/vnd.docker.ai.gguf.v3"],
    ),
    "ollama": (
        "Ollama", None, "application/vnd.docker.container.image.v1+json", ["application/vnd.ollama.image.model"],
    ),
    "modelpack": (
        "ModelPack", None, "application/vnd.cncf.model.config.v1+json", ["application/vnd.cncf.model.weight.v1.tar"],
    ),
    "build cache": ("BuildKit cache", None, "application/vnd.buildkit.cacheconfig.v0", [LAYER, LAYER]),
    "nydus": ("Nydus", None, CONFIG, ["application/vnd.oci.image.layer.nydus.blob.v1", LAYER + "+gzip"]),
    "plugin": ("Docker plugin", None, "application/vnd.docker.plugin.v1+json", ["application/vnd.docker.image.rootfs.diff.tar"]),
    "SIF": ("Singularity", None, "application/vnd.sylabs.sif.config.v1+json", ["application/vnd.sylabs.sif.layer.v1.sif"]),
    "parameters": ("Helm chart", None, "Application/vnd.cncf.helm.config.v1+JSON; charset=utf-8", [LAYER]),
    "unknown": ("artifact of type application/x-mine", "application/x-mine", EMPTY, ["text/plain"]),
    "unknown of ORAS": ("artifact of type text/mine", None, EMPTY, ["text/mine"]),
    "unknown layers": ("artifact of type text/mine", None, CONFIG, ["text/mine"]),
}  # fmt: skip
KINDS = pytest.mark.parametrize("kind", list(ARTIFACTS))


def manifest(layout: Layout, kind: str, **more: Any) -> dict[str, Any]:
    """The descriptor of an artifact of that kind. Artifacts of known types may contain tars and are still not images."""
    words, artifact_type, config_type, layer_types = ARTIFACTS[kind]
    data = DATA if words.startswith("artifact of") else TOP
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.blob(config_type, WASM),
        "layers": [layout.blob(layer_type, data) for layer_type in layer_types],
    }
    if artifact_type is not None:
        document["artifactType"] = artifact_type
    return layout.blob(MANIFEST, dump(document), **more)


@KINDS
def test_an_artifact_alone_is_named_by_its_type(tmp_path: Path, kind: str) -> None:
    """The error never calls it damaged; an entry in manifest.json does not make it an image."""
    layout = Layout()
    files = layout.finished_files([manifest(layout, kind)])
    config, layer = (f"blobs/{digest(data).replace(':', '/')}" for data in (WASM, TOP))
    listed = {"manifest.json": dump([{"Config": config, "RepoTags": None, "Layers": [layer]}])}
    for path in (
        save(tmp_path, archive(files)),
        unpack(tmp_path / "layout", files),
        save(tmp_path, archive(files | listed), "hybrid.tar"),
    ):
        error = refuse(path)
        assert isinstance(error, NotAnImageError)
        assert ARTIFACTS[kind][0] in str(error)
        assert "not a container image" in str(error)
        assert "damaged" not in f"{error} {error.hint}"
    error = refuse(f"docker-archive://{tmp_path / 'hybrid.tar'}")
    assert ARTIFACTS[kind][0] in str(error) or "not docker-archive" in str(error)


@KINDS
@pytest.mark.parametrize("place", ["top", "first", "nested", "named"])
def test_an_artifact_beside_an_image_is_not_offered(tmp_path: Path, kind: str, place: str) -> None:
    """Wherever it is listed, it is no alternative, causes no warning and is not counted; selecting it by name is an error with its type."""
    layout = Layout()
    image = layout.manifest(LAYERS, **tagged("demo:1"))
    artifact = manifest(layout, kind, **(tagged("other:1") if place == "named" else {}))
    tops = {
        "top": [image, artifact],
        "first": [artifact, image],
        "nested": [layout.index([artifact, layout.manifest(LAYERS)], **tagged("demo:1"))],
        "named": [artifact, image],
    }
    path = save(tmp_path, layout.tar(tops[place]))
    opened = open_path(path)
    assert (layers_of(opened), opened.image.alternatives, codes(opened)) == (NAMES, (), [])
    for asked in ["other:1"] * (place == "named") + [str(artifact["digest"])]:
        error = refuse(path, image=asked)
        assert ARTIFACTS[kind][0] in str(error)


def test_a_descriptor_may_declare_an_artifact(tmp_path: Path) -> None:
    """The manifest need not be stored."""
    layout = Layout()
    soci = "application/vnd.amazon.soci.index.v1+json"
    gone = layout.blob(MANIFEST, b"gone", stored=False, artifactType=soci)
    opened = open_path(save(tmp_path, layout.tar([gone, layout.manifest(LAYERS)])))
    assert (layers_of(opened), opened.image.alternatives, codes(opened)) == (NAMES, (), [])
    assert "SOCI index" in str(refuse(save(tmp_path, layout.tar([gone]))))


@pytest.mark.parametrize("stated", [INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"])  # fmt: skip
def test_a_build_cache_is_an_index_of_layers(tmp_path: Path, stated: str) -> None:
    """BuildKit lists layers where others list manifests (cache/remotecache/export.go)."""
    layout = Layout()
    children = [
        layout.blob(LAYER + "+gzip", TOP),
        layout.blob("application/vnd.buildkit.cacheconfig.v0", b'{"layers":[]}'),
    ]
    cache = layout.blob(stated, dump({"mediaType": stated, "manifests": children}))
    assert "a BuildKit cache" in str(refuse(save(tmp_path, layout.tar([cache]))))
    opened = open_path(save(tmp_path, layout.tar([cache, layout.manifest(LAYERS)])))
    assert (layers_of(opened), opened.image.alternatives, codes(opened)) == (NAMES, (), [])


def test_other_entries_of_an_index_are_named(tmp_path: Path) -> None:
    """A blob is named by its media type, an OCI artifact manifest by its artifact type."""
    layout = Layout()
    blob = layout.blob("application/vnd.example.blob", DATA)
    assert "application/vnd.example.blob" in str(refuse(save(tmp_path, layout.tar([blob]))))
    old = layout.blob(
        "application/vnd.oci.artifact.manifest.v1+json",
        dump({"artifactType": "application/x", "blobs": []}),
    )
    assert "type application/x" in str(refuse(save(tmp_path, layout.tar([old]))))


@pytest.mark.parametrize(
    "config_type",
    ["", CONFIG, CONFIG + "; charset=utf-8", "application/octet-stream", "application/json", "text/html"],
)  # fmt: skip
def test_old_types_of_an_image_are_those_of_an_image(tmp_path: Path, config_type: str) -> None:
    """Registries once changed the config type. Neither a subject nor a vague layer type makes an artifact."""
    layout = Layout()
    document = {
        "config": layout.blob(config_type, image_config(LAYERS)),
        "layers": [layout.blob("", BASE), layout.blob("application/octet-stream", TOP)],
        "subject": layout.blob(MANIFEST, b"{}", stored=False),
    }
    opened = open_path(save(tmp_path, layout.tar([layout.blob(MANIFEST, dump(document))])))
    assert (layers_of(opened), codes(opened)) == (NAMES, [])


@pytest.mark.parametrize("config", [b"{}", b"[]", b"no JSON", image_config(LAYERS)])
def test_tars_of_an_unknown_type_open_where_there_is_no_image(
    tmp_path: Path, config: bytes
) -> None:
    """They open with a warning; beside an image they are not offered."""
    layout = Layout()
    document = {
        "config": layout.blob("application/vnd.example", config),
        "layers": [layout.blob(LAYER, layer) for layer in LAYERS],
    }
    other = layout.blob(MANIFEST, dump(document))
    path = save(tmp_path, layout.tar([other]))
    opened = open_path(path)
    assert layers_of(opened) == NAMES
    assert "config-type" in codes(opened)
    opened = open_path(save(tmp_path, layout.tar([other, layout.manifest([TOP])])))
    assert (layers_of(opened), opened.image.alternatives, codes(opened)) == ([NAMES[1]], (), [])


def _containers_dir(layout: Layout, artifact: dict[str, Any]) -> dict[str, bytes]:
    """The artifact as skopeo copies it to `dir:`."""
    blobs = {name.rpartition("/")[2]: data for name, data in layout.files.items()}
    document = blobs.pop(str(artifact["digest"])[7:])
    return blobs | {"manifest.json": document, "version": b"Directory Transport Version: 1.1\n"}


@KINDS
def test_an_artifact_in_a_dir_folder_is_named(tmp_path: Path, kind: str) -> None:
    layout = Layout()
    files = _containers_dir(layout, manifest(layout, kind))
    assert ARTIFACTS[kind][0] in str(refuse(unpack(tmp_path / "dir", files)))


@KINDS
def test_lists_leave_artifacts_out(tmp_path: Path, kind: str) -> None:
    """Neither containerd's store nor a folder of saved images lists artifacts."""
    layout = Layout()
    images = {NAME: layout.manifest(LAYERS), "docker.io/library/chart:1": manifest(layout, kind)}
    root = store(tmp_path / "store", layout, {"moby": images})
    listed = containerd.list_images(Request("", store_root=root))
    assert [image.tags for image in listed] == [[NAME]]
    with pytest.raises(NotAnImageError, match=ARTIFACTS[kind][0]):
        open_stored(root, "chart:1")
    folder = tmp_path / "folder"
    for name, make in _saved(kind).items():
        unpack(folder / f"{name}-layout", make(Layout()))
        save(folder, archive(make(Layout())), f"{name}.tar")
    assert {image.location for image in saved_images(folder)} == {"image.tar", "image-layout"}


def _saved(kind: str) -> dict[str, Callable[[Layout], dict[str, bytes]]]:
    return {
        "image": lambda layout: layout.finished_files([layout.manifest(LAYERS)]),
        "artifact": lambda layout: layout.finished_files([manifest(layout, kind)]),
    }


ENGINE_WORDS: dict[str, dict[str, object]] = {
    "attestation": {"Os": "unknown", "Architecture": "unknown"},
    "chart": {"Descriptor": {"mediaType": MANIFEST, "digest": digest(b"x"), "artifactType": "application/vnd.cncf.helm.config.v1+json"}},
    "no image": {"Manifests": [{"ID": digest(b"x"), "Kind": "unknown", "Available": True}]},
}  # fmt: skip


@pytest.mark.parametrize("words", list(ENGINE_WORDS))
def test_artifacts_of_an_engine_are_recognised(tmp_path: Path, words: str) -> None:
    """Docker with containerd's store lists artifacts among its images; its fields tell them apart."""
    with serving(tmp_path / "engine.sock") as engine:
        engine.extra_fields = ENGINE_WORDS[words]
        endpoint = Endpoint(engine.url, "test")
        assert engine_listing.list_images("docker", lambda: [endpoint], Request("")) == []
        with pytest.raises(NotAnImageError, match="not a container image"):
            find_at("docker", endpoint, Request("demo"), "demo")
