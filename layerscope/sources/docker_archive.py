"""docker-archive: `manifest.json` with its configs and layers, as `docker save` and many other tools write it.

Source: moby's image spec 1.2; keys are matched case-insensitively, as in Go (Jib before 2.3 wrote them in lower case).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.config import parse_config
from layerscope.image.digest import digest_in_name, is_digest, sha256
from layerscope.image.documents import decode, lowercase_keys
from layerscope.image.platform import Platform
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.limits import Limits
from layerscope.sources.base import Candidate, ImageParts, LayerPart
from layerscope.sources.descriptions import Description
from layerscope.sources.members import Members

KIND = "docker-archive"
MANIFEST = "manifest.json"


def read_manifest(members: Members, limits: Limits) -> Any:
    """The value of `manifest.json`; None if missing. Raises `DocumentError`, `LimitExceededError`."""
    blob = members.find(MANIFEST)
    return None if blob is None else decode(read_document(blob, limits), MANIFEST, limits)[0]


def read_document(blob: Blob, limits: Limits) -> bytes:
    """All bytes of a document, within the limit on documents."""
    if blob.size > limits.json_bytes:
        raise limits.exceeded("json_bytes", blob.name, blob.size)
    data = blob.read()
    if len(data) < blob.size:
        raise CorruptImageError(f"{blob.name} is truncated: {len(data):,} of {blob.size:,} bytes")
    return data


def items_of(manifest: Any) -> list[dict[str, Any]]:
    """The items of a docker manifest that name a config and layers, with keys in lower case."""
    if not isinstance(manifest, list):
        return []
    items = [lowercase_keys(item) for item in manifest if isinstance(item, dict)]
    return [
        item
        for item in items
        if isinstance(item.get("config"), str) and isinstance(item.get("layers") or [], list)
    ]


def descriptions(
    members: Members,
    items: list[dict[str, Any]],
    limits: Limits,
    *,
    first_group: int = 0,
    other_configs: Collection[str] = (),
) -> list[Description]:
    """One description per item, each in its own group, numbered from `first_group`.

    Items with a config of `other_configs`, or without an image config, are left out if there is an image.
    """
    images: list[Description] = []
    others: list[Description] = []
    configs: dict[str, _Config] = {}
    for number, item in enumerate(items):
        name = item["config"]
        if name not in configs:
            configs[name] = _read_config(members, name, limits)
        config = configs[name]
        if config.digest not in other_configs:
            plain = candidate(members, item, limits, first_group + number)
            described = _description(members, item, plain, config)
            (images if config.is_image else others).append(described)
    return images or others


class _Config(Struct, frozen=True):
    """A config that `manifest.json` lists."""

    digest: str | None
    """Digest of its bytes, or from its name if it is missing."""
    is_stored: bool
    is_image: bool = True
    """False if it is readable and not an image config."""
    platform: Platform | None = None
    diff_ids: Sequence[str | None] = ()


def _read_config(members: Members, name: str, limits: Limits) -> _Config:
    """A config as far as it can be read: errors are raised when the image is opened."""
    digest = digest_in_name(name)
    try:
        blob = _find(members, name)
        if blob is None:
            return _Config(digest, is_stored=False)
        data = read_document(blob, limits)
        digest = sha256(data)
        parsed = parse_config(data, name, limits)
    except LayerscopeError:
        return _Config(digest, is_stored=True)
    platform = parsed.platform if parsed.platform.architecture else None
    return _Config(digest, True, parsed.is_image, platform, parsed.diff_ids)


def _description(
    members: Members, item: dict[str, Any], plain: Candidate, config: _Config
) -> Description:
    """The description of an item, from its config."""
    names = [name if isinstance(name, str) else "" for name in item.get("layers") or []]
    known = [] if config.digest is None else [config.digest]
    digests = list(dict.fromkeys((*known, *plain.digests)))
    return Description(
        replace(plain, platform=config.platform, is_image=config.is_image, digests=digests),
        config.digest,
        config.is_stored,
        list(map(digest_in_name, names)),
        [_is_stored(members, name) for name in names],
        lambda: config.diff_ids,
    )


def candidate(members: Members, item: dict[str, Any], limits: Limits, group: int = 0) -> Candidate:
    """The image of an item; nothing is read yet."""
    tags = item.get("repotags")
    digest = digest_in_name(item["config"])
    return Candidate(
        [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
        None,
        lambda: _load(members, item, limits),
        [] if digest is None else [digest],
        (group,),
        kind=KIND,
    )


def _load(members: Members, item: dict[str, Any], limits: Limits) -> ImageParts:
    config = _find(members, item["config"])
    if config is None:
        raise CorruptImageError(
            f"the config ({item['config']!r}) is missing from the archive",
            hint="the archive is incomplete; save the image again",
        )
    claims = _claimed_digests(item)
    layers = []
    for number, name in enumerate(item.get("layers") or []):
        if not isinstance(name, str):
            raise CorruptImageError(f"{MANIFEST} lists no file for layer {number}")
        blob = _find(members, name)
        if blob is None:
            blob = MissingBlob(name, f"its file ({name!r}) is missing from the archive")
        digest, media_type = claims.get(blob.name, (None, None))
        layers.append(LayerPart(blob, digest, media_type))
    return ImageParts(
        layers, read_document(config, limits), config_digest=digest_in_name(item["config"])
    )


def _claimed_digests(item: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Digest and media type of the blobs by member name, from `LayerSources`."""
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


def _is_stored(members: Members, name: str) -> bool:
    try:
        return _find(members, name) is not None
    except LayerscopeError:
        return True  # stored but not readable: opening it raises the error


def _find(members: Members, name: str) -> Blob | None:
    """The member with that name. Names that point outside the archive match nothing."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if name.startswith("/") or ".." in parts else members.find("/".join(parts))
