"""Whether a manifest describes an image or an artifact, by its media types (OCI image-spec manifest.md, guidelines for artifacts).

Registries and stores keep signatures, charts and models in the same manifests as images. This module alone decides what
is listed, counted or opened as an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from msgspec import Struct

from layerscope.errors import NotAnImageError
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform
from layerscope.sources.oci_descriptor import REFERENCE_TYPE, SUBJECT, Descriptor

TYPES: tuple[tuple[str, str], ...] = (
    ("application/vnd.dev.cosign.simplesigning.*", "a cosign signature"),
    ("application/vnd.dev.cosign.*", "a cosign signature or attestation"),
    ("application/vnd.dev.sigstore.*", "a Sigstore signature or attestation"),
    ("application/vnd.cncf.notary.*", "a Notation signature"),
    ("application/jose*", "a Notation signature"),
    ("application/cose*", "a Notation signature"),
    ("application/pgp-signature", "a signature"),
    ("application/vnd.amazon.soci.*", "a SOCI index"),
    ("application/vnd.docker.attestation.*", "a build attestation"),
    ("application/vnd.in-toto*", "an in-toto attestation"),
    ("application/vnd.dsse.envelope*", "an attestation"),
    ("application/spdx*", "an SPDX SBOM"),
    ("text/spdx*", "an SPDX SBOM"),
    ("application/vnd.cyclonedx*", "a CycloneDX SBOM"),
    ("application/vnd.syft*", "a Syft SBOM"),
    ("application/*sbom*", "an SBOM"),
    ("application/sarif*", "a SARIF report"),
    ("application/*openvex*", "a VEX document"),
    ("application/vex*", "a VEX document"),
    ("application/vnd.cncf.helm.*", "a Helm chart"),
    ("application/*wasm*", "a WebAssembly module"),
    ("application/vnd.fermyon.spin.*", "a Spin application (WebAssembly)"),
    ("application/vnd.docker.ai.*", "a model for Docker Model Runner"),
    ("application/vnd.ollama.*", "an Ollama model"),
    ("application/vnd.cncf.model.*", "a ModelPack model"),
    ("application/vnd.cnai.model.*", "a ModelPack model"),
    ("application/vnd.kitops.modelkit.*", "a KitOps ModelKit"),
    ("application/*gguf*", "a model"),
    ("application/*safetensors*", "a model"),
    ("application/vnd.buildkit.cacheconfig.*", "a BuildKit cache"),
    ("application/vnd.oci.image.layer.nydus.*", "a Nydus image"),
    ("application/vnd.erofs.*", "an EROFS image"),
    ("application/vnd.cncf.flux.*", "a Flux artifact"),
    ("application/vnd.cncf.openpolicyagent.*", "an Open Policy Agent bundle"),
    ("application/vnd.cncf.falco.*", "a Falco artifact"),
    ("application/vnd.aquasec.trivy.*", "a Trivy database"),
    ("application/vnd.sylabs.sif.*", "a Singularity image"),
    ("application/vnd.docker.plugin.*", "a Docker plugin"),
    ("application/vnd.docker.compose.*", "a Compose project"),
    ("application/vnd.docker.scout.*", "a Docker Scout artifact"),
    ("application/vnd.devcontainers*", "a dev container feature or template"),
    ("application/vnd.cnab.*", "a CNAB bundle"),
    ("application/vnd.opentofu.*", "an OpenTofu module or provider"),
    ("application/vnd.hashicorp.terraform.*", "a Terraform module or provider"),
    ("application/vnd.zarf.*", "a Zarf package"),
)
"""Artifacts by pattern of `artifactType`, config media type or layer media type; the first match counts."""

CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"
_VAGUE_CONFIGS = ("application/octet-stream", "application/json", "text/html")
"""Config types that registries recorded for images pushed by Docker before 1.10 (moby, distribution/pull_v2.go)."""
_LAYER_TYPES = (
    "application/vnd.oci.image.layer.*",
    "application/vnd.docker.image.rootfs.*",
    "application/vnd.docker.container.image.rootfs.*",
    "application/octet-stream",
    "application/tar*",
    "application/x-tar*",
    "application/gzip",
    "application/x-gzip",
    "application/zstd",
)
_EMPTY = ("application/vnd.oci.empty.v1+json", "application/vnd.unknown.config.v1+json")
"""Config types that images and artifacts share."""
_NYDUS_BLOB = "containerd.io/snapshot/nydus-blob"
"""Annotation of Nydus layers that older converters declare as tar."""
_LONGEST = 255
"""Maximum length of a media type (RFC 6838, 4.2)."""


class ArtifactError(NotAnImageError):
    """The requested item is an intact artifact, not an image."""


class Artifact(Struct, frozen=True):
    """A manifest that does not describe an image."""

    media_type: str
    """The media type that identifies it."""
    name: str | None = None
    """Its name with an article; None for an unknown type."""

    def __str__(self) -> str:
        shown = self.media_type or "unknown"
        return f"an artifact of type {shown}" if self.name is None else f"{self.name} ({shown})"

    def error(self) -> ArtifactError:
        """The error for opening it as an image."""
        return not_an_image([self])


def artifact_of_type(media_type: str) -> Artifact:
    """The artifact of a media type, known or not."""
    return Artifact(_plain(media_type), _name_of(media_type))


def not_an_image(artifacts: Iterable[Artifact], where: str = "it contains") -> ArtifactError:
    """The error for a location with artifacts only."""
    named = list(dict.fromkeys(map(str, artifacts)))
    shown = named if len(named) <= 5 else [*named[:5], f"and {len(named) - 5} more kinds"]
    return ArtifactError(
        f"{where} {', '.join(shown)}, not a container image",
        hint="layerscope opens only container images",
    )


def artifact_of_descriptor(descriptor: Descriptor) -> Artifact | None:
    """The artifact of a descriptor in an index; None if it may be an image."""
    for media_type in (descriptor.artifact_type, descriptor.media_type):
        if (name := _name_of(media_type)) is not None:
            return Artifact(_plain(media_type), name)
    if descriptor.annotations.get(REFERENCE_TYPE) or is_pseudo_platform(descriptor.platform):
        kind = descriptor.annotations.get(REFERENCE_TYPE)
        return Artifact(str(kind or descriptor.artifact_type or "unknown"), "an attestation")
    if descriptor.annotations.get(SUBJECT):
        return Artifact(
            descriptor.artifact_type or descriptor.media_type, "a referrer of another manifest"
        )
    return None


def artifact_of_inspected(inspected: Lenient) -> Artifact | None:
    """The artifact among the images of an engine with containerd's store (moby, api/swagger.yaml); None if it may be an image."""
    descriptor = Descriptor.read(inspected.mapping("Descriptor"))
    if descriptor is not None and (artifact := artifact_of_descriptor(descriptor)) is not None:
        return artifact
    kinds = [Lenient(value, "manifest").text("Kind") for value in inspected.items("Manifests")]
    if kinds and "image" not in kinds:
        return Artifact(descriptor.artifact_type or "unknown" if descriptor else "unknown")
    if (inspected.text("Os") or "").lower() == "unknown":
        return Artifact("unknown", "an attestation")
    return None


def is_pseudo_platform(platform: Platform | None) -> bool:
    """Whether it is the platform `unknown/unknown` that BuildKit gives to attestations."""
    return platform is not None and platform.os == "unknown"


def may_be_manifest(media_type: str) -> bool:
    """Whether a descriptor of this type may name a manifest or an index."""
    return _plain(media_type) in ("", *MANIFEST_TYPES, *INDEX_TYPES) or media_type.startswith(
        SCHEMA_1
    )


def artifact_of_index(index: Mapping[str, Any], children: Sequence[Descriptor]) -> Artifact | None:
    """The artifact of an index: BuildKit's caches list layers and a config instead of manifests. Keys of `index` are lower case,
    here and below.
    """
    artifact_type = _text(index, "artifacttype")
    if (name := _name_of(artifact_type)) is not None:
        return Artifact(_plain(artifact_type), name)
    types = [child.media_type for child in children]
    if not types or any(map(may_be_manifest, types)):
        return None
    return _first_known(types) or Artifact(_plain(types[0]))


def artifact_of_manifest(manifest: Mapping[str, Any], descriptor: Descriptor | None = None) -> Artifact | None:  # fmt: skip
    """The artifact of a manifest; None for an image. An artifact of unknown type has no name and may still contain tar layers."""
    fields = Lenient(dict(manifest), "manifest")
    config = fields.child("config")
    layers = [Lenient(value, "layer") for value in fields.items("layers") or fields.items("blobs")]
    layer_types = list(dict.fromkeys(layer.text("mediaType") or "" for layer in layers))
    artifact_type = _text(manifest, "artifacttype") or (
        descriptor.artifact_type if descriptor else ""
    )
    config_type = config.text("mediaType") or ""
    known = _first_known([artifact_type, config_type, *layer_types])
    if known is not None:
        return known
    if any(layer.mapping("annotations").get(_NYDUS_BLOB) for layer in layers):
        return Artifact(_NYDUS_BLOB, "a Nydus image")
    unknown_types = [media_type for media_type in layer_types if not _is_layer(media_type)]
    types = [] if _plain(artifact_type) in ("", *CONFIG_TYPES, *MANIFEST_TYPES) else [artifact_type]
    if _plain(config_type) not in ("", *CONFIG_TYPES, *_VAGUE_CONFIGS):
        types += (
            [*unknown_types, config_type]
            if _plain(config_type) in _EMPTY
            else [config_type, *unknown_types]
        )
    else:
        types += unknown_types
    return Artifact(_plain(types[0])) if types else None


def _first_known(media_types: Iterable[str]) -> Artifact | None:
    return next(
        (Artifact(_plain(media_type), name) for media_type in media_types
         if (name := _name_of(media_type)) is not None),
        None,
    )  # fmt: skip


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _plain(media_type: str) -> str:
    """A media type without parameters."""
    return media_type[:_LONGEST].partition(";")[0].strip().lower()


def _name_of(media_type: str) -> str | None:
    return _named(_plain(media_type))


@lru_cache(maxsize=1024)
def _named(plain: str) -> str | None:
    return next((name for pattern, name in TYPES if fnmatchcase(plain, pattern)), None)


def _is_layer(media_type: str) -> bool:
    plain = _plain(media_type)
    return not plain or any(fnmatchcase(plain, pattern) for pattern in _LAYER_TYPES)
