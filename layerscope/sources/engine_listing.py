"""The images of running engines, from their own lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from layerscope.errors import LayerscopeError
from layerscope.image.digest import chain_ids
from layerscope.image.documents import Lenient
from layerscope.image.platform import platform_in_document
from layerscope.sources.artifacts import artifact_of_inspected
from layerscope.sources.base import Request
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine_client import Client, NoSuchImageError, clients
from layerscope.sources.store_image import StoreImage, StoreLayer

INSPECTED = 200
"""Maximum number of images whose platform is inspected one by one; more would take too long."""


def list_images(
    kind: str, endpoints: Callable[[], Sequence[Endpoint]], request: Request
) -> list[StoreImage]:
    """The images of all engines of this kind that answer, each once. Raises `UnreachableError`."""
    by_id: dict[str, StoreImage] = {}
    for endpoint, client in clients(kind, endpoints, request.limits):
        try:
            local = endpoint.url.startswith("unix://")
            for image in _images(client, kind, endpoint.url, INSPECTED if local else 0):
                by_id.setdefault(image.id, image)
        finally:
            client.close()
    return list(by_id.values())


def _images(client: Client, kind: str, url: str, inspected: int) -> list[StoreImage]:
    images = []
    for number, fields in enumerate(client.summaries()):
        identifier = fields.text("Id") or ""
        if not identifier:
            continue
        details = _inspect(client, identifier) if number < inspected else Lenient({}, "image")
        if artifact_of_inspected(details) is not None or artifact_of_inspected(fields) is not None:
            continue
        image_id = identifier.removeprefix("sha256:")
        images.append(
            StoreImage(
                f"{kind}://sha256:{image_id}", image_id, kind,
                [name for name in fields.texts("RepoTags") if name != "<none>:<none>"],
                details.text("Created") or _date(fields.number("Created")),
                fields.number("Size"), platform_in_document(details) or platform_in_document(fields), url, _layers(details),
            )
        )  # fmt: skip
    return images


def _inspect(client: Client, identifier: str) -> Lenient:
    """The engine's description of an image; empty if it was removed in between."""
    try:
        return Lenient(client.inspect(identifier, None), "image")
    except (NoSuchImageError, LayerscopeError):
        return Lenient({}, "image")


def _layers(details: Lenient) -> list[StoreLayer] | None:
    """The layers by chain ID; engines do not report their sizes."""
    diff_ids = details.child("RootFS").texts("Layers")
    if not diff_ids:
        return None
    pairs = zip(diff_ids, chain_ids(diff_ids), strict=True)
    return [StoreLayer(str(chain), None, diff_id, chain) for diff_id, chain in pairs]


def _date(seconds: int | None) -> str | None:
    """A time from an engine's list."""
    if not seconds or seconds < 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None
