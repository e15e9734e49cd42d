"""Provenance: the Dockerfile of a build, and the line that created each layer."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from layerscope.analysis.listing import Line, list_instructions
from layerscope.image.model import Image
from layerscope.image.provenance import read_provenance
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from tests.images import archive, digest, file, layer_tar, oci_files, write

TEXT = b"FROM base\nRUN first\n# why\nRUN second $X\nCMD x\n"
HISTORY: list[dict[str, object]] = [
    {"created_by": "ADD rootfs"},
    {"created_by": "RUN /bin/sh -c nothing like it # buildkit"},
    {"created_by": "RUN /bin/sh -c second 1 # buildkit"},
    {"created_by": "CMD x", "empty_layer": True},
]
V1, V02 = "v1", "v0.2"


def statement(version: str, layers: list[str]) -> dict[str, Any]:
    """A statement as BuildKit writes it with mode=max, for an image with a base and two steps."""
    chains = {f"step{n}:0": [[{"digest": d} for d in layers[: n + 1]]] for n in range(len(layers))}
    places: dict[str, Any] = {
        f"step{n}": {"locations": [{"ranges": [{"start": {"line": line}, "end": {"line": line}}]}]}
        for n, line in enumerate((1, 2, 4))
    }
    places["step9"] = {}
    infos = [{"filename": "Dockerfile", "data": base64.b64encode(TEXT).decode()}]
    metadata = {"source": {"infos": infos, "locations": places}, "layers": chains}
    if version == V1:
        predicate: dict[str, Any] = {"runDetails": {"metadata": {"buildkit_metadata": metadata}}}
    else:
        key = "https://mobyproject.org/buildkit@v1#metadata"
        predicate = {"metadata": {key: metadata}}
    return {"predicateType": f"https://slsa.dev/provenance/{version}", "predicate": predicate}


def attested(
    path: Path, replacement: bytes | None, version: str, *, subject: str | None = None
) -> Image:
    """An image in a layout whose index has an attestation: the matching statement, or `replacement`."""
    layers = [layer_tar([file(f"f{number}", b"x" * number)]) for number in range(1, 4)]
    files = oci_files(layers, history=HISTORY)
    index = json.loads(files["index.json"])
    image = index["manifests"][0]["digest"]
    manifest = json.loads(files["blobs/" + image.replace(":", "/")])
    digests = [layer["digest"] for layer in manifest["layers"]]
    data = json.dumps(statement(version, digests)).encode() if replacement is None else replacement
    layer = {
        "mediaType": "application/vnd.in-toto+json",
        "digest": digest(data),
        "size": len(data),
        "annotations": {"in-toto.io/predicate-type": f"https://slsa.dev/provenance/{version}"},
    }
    attestation = json.dumps({"schemaVersion": 2, "config": {}, "layers": [layer]}).encode()
    index["manifests"].append(
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(attestation),
            "size": len(attestation),
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": subject or image,
            },
        }
    )
    for blob in (data, attestation):
        files["blobs/" + digest(blob).replace(":", "/")] = blob
    files["index.json"] = json.dumps(index).encode()
    write(path, archive(files))
    return open_image(Request(str(path)), Options(duplicates=False)).image


@pytest.mark.parametrize("version", [V1, V02])
def test_steps_are_mapped_to_lines(tmp_path: Path, version: str) -> None:
    """The Dockerfile in the statement is listed; its map finds steps whose text does not match."""
    listing = list_instructions(attested(tmp_path / "image.tar", None, version))
    assert listing.source == "Dockerfile"
    assert [(line.kind, line.text, list(line.steps)) for line in listing.lines] == [
        (Line.BASE, "FROM base", [0]),
        (Line.STEP, "RUN first", [1]),
        (Line.REMARK, "# why", []),
        (Line.STEP, "RUN second $X", [2]),
        (Line.STEP, "CMD x", [3]),
    ]


@pytest.mark.parametrize(
    "replacement",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"predicate": {"runDetails": []}}',
        b'{"predicate": {"metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"source": {"infos": 1}}}}}',
        json.dumps(statement(V1, [])).replace(base64.b64encode(TEXT).decode(), "!!").encode(),
        json.dumps(statement(V1, [])).replace('"line": 1', '"line": -99999999999').encode(),
    ],
    ids=["empty", "list", "object", "deep", "types", "infos", "base64", "lines"],
)
def test_invalid_statements_are_ignored(tmp_path: Path, replacement: bytes) -> None:
    """The history is listed, or the Dockerfile without its map."""
    listing = list_instructions(attested(tmp_path / "image.tar", replacement, V1))
    assert listing.lines


def test_an_attestation_about_another_image_is_ignored(tmp_path: Path) -> None:
    image = attested(tmp_path / "image.tar", None, V1, subject="sha256:" + "0" * 64)
    assert image.beside.provenance is None
    assert list_instructions(image).source is None


def test_large_provenance_is_not_read() -> None:
    """The limit on JSON documents applies."""
    data = json.dumps(statement(V1, [])).encode()
    assert read_provenance(data, DEFAULT_LIMITS) is not None
    assert read_provenance(data, Limits(json_bytes=100)) is None
