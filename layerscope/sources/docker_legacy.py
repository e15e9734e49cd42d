"""Archives of Docker before 1.10: `repositories`, and one directory per layer, whose `json` names its parent.

Source: moby's image spec 1.0 and 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from layerscope.errors import CorruptImageError
from layerscope.image.documents import DocumentError, decode_object
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.limits import Limits
from layerscope.sources.base import Candidate, ImageParts, LayerPart
from layerscope.sources.docker_archive import read_document
from layerscope.sources.members import Members

REPOSITORIES = "repositories"
_ID = re.compile(r"[0-9a-f]{64}")


def candidates(members: Members, limits: Limits) -> list[Candidate]:
    """One candidate per tagged image; without tags, one per layer without children. None for other archives."""
    tops = _tagged(members, limits) or dict.fromkeys(_top_layers(members, limits), ())
    images = []
    for number, (top, names) in enumerate(tops.items()):

        def load(top: str = top) -> ImageParts:
            return _load(members, top, limits)

        images.append(Candidate(names, None, load, [f"sha256:{top}"], (number,)))
    return images


def _tagged(members: Members, limits: Limits) -> dict[str, Sequence[str]]:
    """The top layer of each named image, and its names."""
    blob = members.find(REPOSITORIES)
    if blob is None:
        return {}
    try:
        repositories = decode_object(read_document(blob, limits), REPOSITORIES, limits)
    except DocumentError:
        return {}
    tops: dict[str, list[str]] = {}
    for repository, tags in repositories.items():
        for tag, top in (tags if isinstance(tags, dict) else {}).items():
            if isinstance(top, str) and members.find(f"{top}/json") is not None:
                tops.setdefault(top, []).append(f"{repository}:{tag}")
    return dict(tops)


def _top_layers(members: Members, limits: Limits) -> list[str]:
    """The layers without children: Docker writes no names when saving by image ID."""
    parents: dict[str, object] = {}
    for name in members.names():
        layer_id, _, rest = name.partition("/")
        if rest == "json" and _ID.fullmatch(layer_id) and members.find(f"{layer_id}/layer.tar"):
            parents[layer_id] = _description(members, layer_id, limits).get("parent")
    used = {parent for parent in parents.values() if isinstance(parent, str)}
    return sorted(parents.keys() - used)


def _load(members: Members, top: str, limits: Limits) -> ImageParts:
    """Follow the parents down and convert the result to a current config."""
    chain: list[dict[str, Any]] = []
    layers: list[LayerPart] = []
    seen: set[str] = set()
    layer_id: object = top
    while isinstance(layer_id, str) and layer_id:
        if not _ID.fullmatch(layer_id) or layer_id in seen:
            raise CorruptImageError(
                f"the parents of layer {layer_id[:12]!r} form a loop or are missing"
            )
        seen.add(layer_id)
        if len(seen) > limits.history_entries:
            raise limits.exceeded("history_entries", "the layers")
        tar: Blob | None = members.find(f"{layer_id}/layer.tar")
        if tar is None:
            name = f"{layer_id}/layer.tar"
            if members.find(f"{layer_id}/json") is None:
                raise CorruptImageError(
                    f"layer {layer_id[:12]} is missing from the archive",
                    hint="the archive is incomplete; save the image again",
                )
            tar = MissingBlob(name, f"its file ({name!r}) is missing from the archive")
        document = _description(members, layer_id, limits)
        chain.append(document)
        layers.append(LayerPart(tar))
        layer_id = document.get("parent")
    chain.reverse()
    newest = chain[-1]
    config = {
        "architecture": newest.get("architecture"),
        "os": newest.get("os"),
        "os.version": newest.get("os.version"),
        "created": newest.get("created"),
        "config": newest.get("config"),
        "rootfs": {"type": "layers", "diff_ids": [None] * len(layers)},
        "history": [_history_entry(document) for document in chain],
    }
    try:
        encoded = msgspec.json.encode(config)
    except RecursionError as error:
        raise DocumentError("the config is nested too deeply") from error
    return ImageParts(layers[::-1], encoded, image_id=top)


def _description(members: Members, layer_id: str, limits: Limits) -> dict[str, Any]:
    """The `json` document of a layer."""
    blob = members.find(f"{layer_id}/json")
    if blob is None:
        raise CorruptImageError(f"layer {layer_id[:12]} has no json file in the archive")
    return decode_object(read_document(blob, limits), f"{layer_id}/json", limits)


def _history_entry(document: dict[str, Any]) -> dict[str, Any]:
    """The history entry that Docker creates when converting such a layer."""
    container = document.get("container_config")
    command = container.get("Cmd") if isinstance(container, dict) else None
    words = [word for word in command if isinstance(word, str)] if isinstance(command, list) else []
    return {
        "created": document.get("created"),
        "created_by": " ".join(words),
        "author": document.get("author"),
        "comment": document.get("comment"),
    }
