"""skopeo's `dir:` folders: a registry manifest and its blobs by bare digest (containers/image, directory transport)."""

from __future__ import annotations

from typing import Any

from layerscope.errors import CorruptImageError
from layerscope.image.digest import is_digest
from layerscope.image.documents import decode_object
from layerscope.layers.blob import Blob
from layerscope.limits import Limits
from layerscope.sources.base import Candidate, ImageParts, LayerPart
from layerscope.sources.docker_archive import MANIFEST, read_document
from layerscope.sources.members import Members
from layerscope.sources.oci_layout import CONFIG_TYPES

VERSION = "version"


def is_containers_dir(members: Members) -> bool:
    """Whether a directory is one: by the file that says its version."""
    version = members.find(VERSION)
    return version is not None and version.pread(64, 0).startswith(b"Directory Transport Version:")


def candidates(members: Members, limits: Limits) -> list[Candidate]:
    """The one image of such a folder."""

    def load() -> ImageParts:
        return _load(members, limits)

    return [Candidate([], None, load)]


def _load(members: Members, limits: Limits) -> ImageParts:
    blob = members.find(MANIFEST)
    if blob is None:
        raise CorruptImageError(f"{MANIFEST} is missing")
    manifest = decode_object(read_document(blob, limits), MANIFEST, limits)
    if isinstance(manifest.get("manifests"), list):
        manifest = _instance(members, manifest, limits)
    config, layers = manifest.get("config"), manifest.get("layers")
    if not isinstance(config, dict) or not isinstance(layers, list):
        raise CorruptImageError(f"{MANIFEST} names no config and layers")
    parts = []
    for number, layer in enumerate(layers):
        fields: dict[str, Any] = layer if isinstance(layer, dict) else {}
        parts.append(
            LayerPart(
                _blob(members, fields, f"layer {number}"), fields["digest"], fields.get("mediaType")
            )
        )
    media_type = config.get("mediaType")
    artifact = None if media_type in (None, *CONFIG_TYPES) else str(media_type)
    return ImageParts(
        parts,
        read_document(_blob(members, config, "the config"), limits),
        None,
        config["digest"],
        artifact,
    )


def _instance(members: Members, index: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The first manifest of a list that is there."""
    for descriptor in index["manifests"]:
        digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
        if isinstance(digest, str) and is_digest(digest):
            blob = members.find(f"{digest.partition(':')[2]}.manifest.json")
            if blob is not None:
                return decode_object(read_document(blob, limits), blob.name, limits)
    raise CorruptImageError("the manifest list names no manifest that is there")


def _blob(members: Members, descriptor: dict[str, Any], role: str) -> Blob:
    digest = descriptor.get("digest")
    if not is_digest(digest):
        raise CorruptImageError(f"{role} has no digest in {MANIFEST}")
    blob = members.find(str(digest).partition(":")[2])
    if blob is None:
        raise CorruptImageError(
            f"{role} ({str(digest)[:19]}…) is not in the directory",
            hint="the copy is incomplete: copy the image again",
        )
    return blob
