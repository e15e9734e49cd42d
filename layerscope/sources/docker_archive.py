"""docker-archive: `manifest.json` with its configs and layers, as `docker save` and its many imitators write it.

Source: moby's image spec 1.2; keys are matched in any case, as Go does (Jib before 2.3 wrote them in lower case).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layerscope.errors import CorruptImageError
from layerscope.image.digest import is_digest
from layerscope.image.documents import decode, insensitive
from layerscope.layers.blob import Blob
from layerscope.limits import Limits
from layerscope.sources.base import Candidate, ImageParts, LayerPart
from layerscope.sources.members import Members

MANIFEST = "manifest.json"


def read_manifest(members: Members, limits: Limits) -> Any:
    """The value of `manifest.json`, None where there is none. Raises `DocumentError`, `LimitExceededError`."""
    blob = members.find(MANIFEST)
    return None if blob is None else decode(read_document(blob, limits), MANIFEST, limits)[0]


def read_document(blob: Blob, limits: Limits) -> bytes:
    """All bytes of a document, within the limit on documents."""
    if blob.size > limits.json_bytes:
        raise limits.exceeded("json_bytes", blob.name, blob.size)
    data = blob.read()
    if len(data) < blob.size:
        raise CorruptImageError(
            f"{blob.name} is cut short: {len(data):,} of {blob.size:,} bytes are there"
        )
    return data


def items_of(manifest: Any) -> list[dict[str, Any]]:
    """The items of a docker manifest that name a config and layers, with keys in lower case."""
    if not isinstance(manifest, list):
        return []
    items = [insensitive(item) for item in manifest if isinstance(item, dict)]
    return [
        item
        for item in items
        if isinstance(item.get("config"), str) and isinstance(item.get("layers") or [], list)
    ]


def all_there(members: Members, items: list[dict[str, Any]]) -> bool:
    """Whether what the first item names is there: what tells a manifest of an image from a file of the same name."""
    return bool(items) and all(
        isinstance(name, str) and _find(members, name) is not None
        for name in (items[0]["config"], *(items[0].get("layers") or []))
    )


def has_sources(items: list[dict[str, Any]]) -> bool:
    """Whether Docker ≥ 25 wrote the manifest from its classic store: then it is the better half of a hybrid archive."""
    return any(item.get("layersources") for item in items)


def candidates(
    members: Members,
    items: list[dict[str, Any]],
    limits: Limits,
    manifest_digests: Mapping[str, str],
) -> list[Candidate]:
    """One candidate an item. `manifest_digests` knows the OCI manifest of a config's digest, in hybrid archives."""
    found = []
    for number, item in enumerate(items):
        tags = (
            [tag for tag in item.get("repotags") or [] if isinstance(tag, str)]
            if isinstance(item.get("repotags"), list)
            else []
        )

        def load(item: dict[str, Any] = item) -> ImageParts:
            return _load(members, item, limits, manifest_digests)

        hexadecimal = (
            item["config"].rpartition("/")[2].removesuffix(".json").removeprefix("sha256:")
        )
        digest = f"sha256:{hexadecimal}"
        found.append(Candidate(tags, None, load, [digest] if is_digest(digest) else [], (number,)))
    return found


def _load(
    members: Members, item: dict[str, Any], limits: Limits, manifest_digests: Mapping[str, str]
) -> ImageParts:
    config = _member(members, item["config"], "the config")
    claims = _claimed_digests(item)
    layers = []
    for number, name in enumerate(item.get("layers") or []):
        blob = _member(members, name, f"layer {number}")
        digest, media_type = claims.get(blob.name, (None, None))
        layers.append(LayerPart(blob, digest, media_type))
    data = read_document(config, limits)
    digest = "sha256:" + config.name.rpartition("/")[2]
    claimed = digest if config.name.startswith("blobs/sha256/") and is_digest(digest) else None
    return ImageParts(layers, data, manifest_digests.get(claimed or ""), claimed)


def _claimed_digests(item: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    """What `LayerSources` says of the blobs: digest and media type by member name."""
    sources = item.get("layersources")
    claims = {}
    for descriptor in sources.values() if isinstance(sources, dict) else ():
        if isinstance(descriptor, dict) and is_digest(descriptor.get("digest")):
            media_type = descriptor.get("mediaType")
            digest = descriptor["digest"]
            claims["blobs/" + digest.replace(":", "/")] = (
                digest,
                media_type if isinstance(media_type, str) else None,
            )
    return claims


def _member(members: Members, name: object, role: str) -> Blob:
    """The member that a manifest names."""
    if not isinstance(name, str):
        raise CorruptImageError(f"{MANIFEST} names no file for {role}")
    blob = _find(members, name)
    if blob is None:
        raise CorruptImageError(
            f"{role}, {name!r}, is not in the archive",
            hint="the archive is incomplete: save the image again",
        )
    return blob


def _find(members: Members, name: str) -> Blob | None:
    """The member that a manifest names. Names that lead out of the archive name nothing in it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if name.startswith("/") or ".." in parts else members.find("/".join(parts))
