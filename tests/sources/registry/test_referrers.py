"""Attestations, signatures and SBOMs of images in registries."""

from __future__ import annotations

import base64
import io
import json
import random
import threading
from typing import Any

import pytest

from layerscope.opening.open import Opened, Options, analyse, open_image
from layerscope.report import text as text_report
from layerscope.report.options import ReportOptions
from layerscope.sources import Request, open_source
from layerscope.sources.registry.layer import EDGE
from layerscope.tui.screens.main import MainScreen
from tests.analysis.packages.programs import go_data, program
from tests.image.test_provenance import statement
from tests.images import digest, file, layer_tar, oci_files
from tests.sources.registry.server import INDEX, MANIFEST, Handler, Registry, Repository
from tests.tui.explorer import exploring, loaded, screen_text, settled

LAYERS = [
    layer_tar([file("usr/bin/app", b"1" * 9000), file("opt/a.jar", b"2" * 500)]),
    layer_tar([file("own", b"3" * 70)]),
]
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "packages": [
        {
            "SPDXID": "SPDXRef-lib", "name": "golang.org/x/net", "versionInfo": "v0.1.0",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:golang/golang.org/x/net@v0.1.0"}],
        },
        {
            "SPDXID": "SPDXRef-app", "name": "example.com/team/app", "versionInfo": "v1.2.3",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:golang/example.com/team/app@v1.2.3"}],
        },
        {
            "SPDXID": "SPDXRef-deb", "name": "libc6", "versionInfo": "2",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:deb/debian/libc6@2"}],
        },
    ],
    "files": [{"SPDXID": "SPDXRef-file", "fileName": "/usr/bin/app"}, {"SPDXID": "SPDXRef-own", "fileName": "own"}],
    "relationships": [
        {"spdxElementId": name, "relatedSpdxElement": "SPDXRef-file", "relationshipType": "OTHER", "comment": "evident-by: x"}
        for name in ("SPDXRef-lib", "SPDXRef-app")
    ] + [{"spdxElementId": "SPDXRef-deb", "relatedSpdxElement": "SPDXRef-own", "relationshipType": "CONTAINS"}],
}  # fmt: skip
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "components": [
        {
            "group": "org.example", "name": "a", "version": "2.0", "purl": "pkg:maven/org.example/a@2.0",
            "properties": [{"name": "syft:location:0:path", "value": "/opt/a.jar:META-INF/inner.jar"}],
        }
    ],
}  # fmt: skip


def store(repository: Repository, data: bytes) -> str:
    """Store a blob."""
    repository.blobs[digest(data)] = data
    return digest(data)


def manifest_with(
    repository: Repository, data: bytes, media_type: str, **more: Any
) -> dict[str, Any]:
    """Store a manifest of one document; returns its descriptor."""
    empty = store(repository, b"{}")
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [{"mediaType": media_type, "digest": store(repository, data), "size": len(data), **more}],
    }  # fmt: skip
    encoded = json.dumps(document).encode()
    repository.manifests[digest(encoded)] = (MANIFEST, encoded)
    return {"mediaType": MANIFEST, "digest": digest(encoded), "size": len(encoded)}


def opened(registry: Registry, reference: str = "app") -> Opened:
    """The image with its packages."""
    return open_image(Request(registry.reference(reference)), Options(rules={}))


def packages(image: Opened) -> list[tuple[str, str, str, int]]:
    """Kind, name, version and bytes of each package."""
    assert image.findings is not None
    return [(one.kind, one.name, one.version, one.bytes) for one in image.findings.packages]


@pytest.mark.parametrize("tagged", [False, True])
def test_referrers_are_named_and_sboms_own_files(registry: Registry, tagged: bool) -> None:
    """Referrers come from the API or from the tag that replaces it; a binary belongs to the module with its name."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    spdx = manifest_with(repository, json.dumps(SPDX).encode(), "application/spdx+json")
    cyclone = manifest_with(
        repository, json.dumps({"predicate": CYCLONEDX}).encode(), "application/vnd.cyclonedx+json"
    )
    listed = [
        spdx | {"artifactType": "application/spdx+json"},
        cyclone | {"artifactType": "application/vnd.cyclonedx+json"},
        {"mediaType": MANIFEST, "digest": digest(b"s"), "size": 1, "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"},
        {"mediaType": MANIFEST, "digest": digest(b"u"), "size": 1, "artifactType": "application/x-\x1b[2J"},
    ]  # fmt: skip
    if tagged:
        data = json.dumps({"schemaVersion": 2, "manifests": listed}).encode()
        repository.manifests[subject.replace(":", "-")] = (INDEX, data)
    else:
        repository.referrers[subject] = listed
    image = opened(registry)
    assert packages(image) == [
        ("go", "example.com/team/app", "v1.2.3", 9000),
        ("java", "org.example:a", "2.0", 500),
        ("go", "golang.org/x/net", "v0.1.0", 0),
    ]
    names = [one.name for one in image.image.beside.referrers]
    assert names[:3] == ["an SPDX SBOM", "a CycloneDX SBOM", "a cosign signature or attestation"]
    stream = io.BytesIO()
    text_report.write(image, stream, ReportOptions())
    shown = stream.getvalue().decode()
    assert "in the registry: an SPDX SBOM, a CycloneDX SBOM, a cosign signature" in shown
    assert "\x1b" not in shown


def test_referrers_are_fetched_while_layers_are(registry: Registry) -> None:
    registry.repository().push(oci_files(LAYERS))
    config = json.loads(registry.repository().manifests["latest"][1])["config"]["digest"]
    both = threading.Barrier(3, timeout=20)  # two layers at once

    def meet(handler: Handler) -> bool:
        if "/referrers/" in handler.path or ("/blobs/" in handler.path and config not in handler.path):  # fmt: skip
            both.wait()
        return False

    registry.misbehave = meet
    assert opened(registry).verified(0)
    assert not both.broken


async def test_the_explorer_shows_files_before_attestations_arrive(
    registry: Registry,
) -> None:
    """The Dockerfile comes from the provenance once that has arrived."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    layers = json.loads(repository.manifests[subject][1])["layers"]
    claimed = statement("v1", ["sha256:" + "0" * 64, *(layer["digest"] for layer in layers)])
    attest(repository, subject, claimed, "latest")
    arrived = threading.Event()

    def wait(handler: Handler) -> bool:
        if "/referrers/" in handler.path:
            arrived.wait(60)
        return False

    registry.misbehave = wait
    app = exploring(Request(registry.reference()), Options(rules={}))
    async with app.run_test(size=(160, 48)) as pilot:
        while app.session.opened is None:  # its loader is not done before the answer
            await pilot.pause(0.05)
        screen = next(one for one in pilot.app.screen_stack if isinstance(one, MainScreen))
        await screen.show_view("dockerfile")
        await pilot.pause(0.2)
        assert "reconstructed from the image history" in "\n".join(screen_text(app))
        assert app.session.findings is None
        arrived.set()
        await loaded(pilot)
        await settled(pilot)
        assert "Dockerfile from the build provenance" in "\n".join(screen_text(app))
        assert app.session.findings is not None


def attest(repository: Repository, subject: str, statement: dict[str, Any], tag: str) -> None:
    """Store an index of an image and a statement about it, as BuildKit does."""
    attestation = manifest_with(
        repository, json.dumps(statement).encode(), "application/vnd.in-toto+json",
        annotations={"in-toto.io/predicate-type": statement["predicateType"]},
    ) | {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject,
        },
    }  # fmt: skip
    data = repository.manifests[subject][1]
    image = {"mediaType": MANIFEST, "digest": subject, "size": len(data), "platform": {"os": "linux", "architecture": "amd64"}}  # fmt: skip
    repository.push_index([image, attestation], tag)


def test_attestations_of_an_index(registry: Registry) -> None:
    """BuildKit's SBOM is read."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    claimed = {"predicateType": "https://spdx.dev/Document", "predicate": SPDX}
    attest(repository, subject, claimed, "index")
    found = opened(registry, "app:index")
    assert packages(found)[0] == ("go", "example.com/team/app", "v1.2.3", 9000)
    assert found.image.layers
    assert not found.image.alternatives


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"manifests": 3}', b'{"manifests": [3, {}, {"digest": "x"}]}', b"<html>", b"{" * 100_000],
)  # fmt: skip
def test_invalid_lists_of_referrers_are_ignored(registry: Registry, body: bytes) -> None:
    registry.repository().push(oci_files(LAYERS))

    def misbehave(handler: Any) -> bool:
        if "/referrers/" in handler.path:
            handler.reply(200, body)
        return "/referrers/" in handler.path

    registry.misbehave = misbehave
    assert not opened(registry).image.beside.referrers


@pytest.mark.parametrize(
    "spoil", [b"", b"[]", b'{"packages": 3}', b'{"components": [{"components": 5}]}', b"\xff"]
)
def test_unreadable_sboms_own_no_files(registry: Registry, spoil: bytes) -> None:
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    found = manifest_with(repository, spoil, "application/spdx+json")
    repository.referrers[subject] = [found | {"artifactType": "application/spdx+json"}]
    image = opened(registry)
    assert packages(image) == []
    assert [one.name for one in image.image.beside.referrers] == ["an SPDX SBOM"]


def test_an_inventory_fetches_each_layer_once_and_lists_each_package_once(
    registry: Registry,
) -> None:
    """Build information in a program takes precedence over an SBOM; packages only in the SBOM are added."""
    data = program(go_data("path\tx\nmod\texample.com/team/app\tv1.2.3\n"))
    data += random.Random(1).randbytes(4 * EDGE)
    repository = registry.repository()
    layers = [layer_tar([file("usr/bin/app", data, mode=0o755)]), LAYERS[1]]
    subject = repository.push(oci_files(layers))
    beside = manifest_with(repository, json.dumps(SPDX).encode(), "application/spdx+json")
    repository.referrers[subject] = [beside | {"artifactType": "application/spdx+json"}]
    options = Options(rules={}, duplicates=False, inventory=True)
    found = open_image(Request(registry.reference("app")), options)
    assert found.inventory is not None
    assert [(one.name, one.bytes) for one in found.inventory.packages] == [
        ("example.com/team/app", len(data)),
        ("golang.org/x/net", 0),
        ("stdlib", 0),
    ]
    for layer in found.image.layers:
        assert sum(str(layer.digest) in asked for asked in registry.asked) == 1


# --- Tags of older versions of cosign -------------------------------------------------------------

SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"


def enveloped(statement: dict[str, Any]) -> bytes:
    """A statement as `cosign attest` stores it."""
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}).encode()  # fmt: skip


def tag(repository: Repository, subject: str, suffix: str, data: bytes, media_type: str, **more: Any) -> None:  # fmt: skip
    """Store a document under a tag, as older versions of cosign do."""
    descriptor = manifest_with(repository, data, media_type, **more)
    repository.manifests[subject.replace(":", "-") + suffix] = repository.manifests[
        descriptor["digest"]
    ]


def cosigned(repository: Repository, subject: str) -> None:
    """Store a signature and an SBOM attestation of an image, as cosign does."""
    claimed = {"predicateType": "https://spdx.dev/Document", "predicate": SPDX}
    tag(repository, subject, ".sig", b"signed", SIGNATURE)
    tag(repository, subject, ".att", enveloped(claimed), ENVELOPE, annotations={"predicateType": claimed["predicateType"]})  # fmt: skip


@pytest.mark.parametrize("api", [False, True])
def test_tags_of_cosign_are_named_and_read(registry: Registry, api: bool) -> None:
    """Whether or not the registry has the referrers API."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    cosigned(repository, subject)
    tag(repository, subject, ".sbom", json.dumps(CYCLONEDX).encode(), "application/vnd.cyclonedx+json")  # fmt: skip
    if api:
        repository.referrers["sha256:" + "0" * 64] = []
    image = opened(registry)
    assert packages(image) == [
        ("go", "example.com/team/app", "v1.2.3", 9000),
        ("java", "org.example:a", "2.0", 500),
        ("go", "golang.org/x/net", "v0.1.0", 0),
    ]
    names = [one.name for one in image.image.beside.referrers]
    assert names == ["an attestation", "a CycloneDX SBOM", "a cosign signature"]
    assert not image.warnings
    # manifest, config, layers, referrers, the tag in place of them, three of cosign, their two documents
    assert len(registry.asked) == 2 + len(LAYERS) + (1 if api else 2) + 3 + 2


def test_signatures_of_the_index_are_named_too(registry: Registry) -> None:
    """cosign signs what a tag names; an SBOM of an index is not about one of its images."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    data = repository.manifests[subject][1]
    image = {"mediaType": MANIFEST, "digest": subject, "size": len(data), "platform": {"os": "linux", "architecture": "amd64"}}  # fmt: skip
    cosigned(repository, repository.push_index([image]))
    found = opened(registry)
    assert [one.name for one in found.image.beside.referrers] == ["an attestation", "a cosign signature"]  # fmt: skip
    assert packages(found) == []


def test_tags_of_cosign_are_not_always_requested(registry: Registry) -> None:
    """Neither for steps and layers only, nor if referrers include cosign's, nor if they are refused."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    source = open_source(Request(registry.reference()))
    assert len(registry.asked) == 2
    analyse(Request(registry.reference()), source, Options())
    assert len(registry.asked) == 2 + len(LAYERS)
    for kind in ("application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.dev.sigstore.bundle.v0.3+json"):  # fmt: skip
        repository.referrers[subject] = [{"mediaType": MANIFEST, "digest": digest(b"s"), "size": 1, "artifactType": kind}]  # fmt: skip
        registry.asked.clear()
        assert len(opened(registry).image.beside.referrers) == 1
        assert len(registry.asked) == 2 + len(LAYERS) + 1

    def refuse(handler: Handler) -> bool:
        if "/referrers/" in handler.path:
            handler.refuse(403, "DENIED", "no")
        return "/referrers/" in handler.path

    registry.misbehave = refuse
    registry.asked.clear()
    image = opened(registry)
    assert [warning.code for warning in image.warnings] == ["referrers-unknown"]
    assert len(registry.asked) == 2 + len(LAYERS) + 1


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"{" * 9999, b'{"payload": 3}', b'{"payload": "?"}', b'{"payload": "e30="}', b"\xff",
    ],
)  # fmt: skip
def test_invalid_attestations_of_cosign_own_no_files(registry: Registry, data: bytes) -> None:
    """They are still named."""
    repository = registry.repository()
    subject = repository.push(oci_files(LAYERS))
    about = {"annotations": {"predicateType": "https://cyclonedx.org/bom/v1.4"}}
    tag(repository, subject, ".att", data, ENVELOPE, **about)
    image = opened(registry)
    assert packages(image) == []
    assert [one.name for one in image.image.beside.referrers] == ["an attestation"]


@pytest.mark.parametrize("answer", [b"", b"[]", b"<html>", b'{"layers": 3}', b'{"manifests": []}'])
def test_tags_of_cosign_without_a_manifest_are_ignored(registry: Registry, answer: bytes) -> None:
    registry.repository().push(oci_files(LAYERS))

    def misbehave(handler: Handler) -> bool:
        if "/manifests/sha256-" in handler.path:
            handler.reply(200, answer, {"Content-Type": MANIFEST})
        return "/manifests/sha256-" in handler.path

    registry.misbehave = misbehave
    assert opened(registry).image.beside.referrers == ()
