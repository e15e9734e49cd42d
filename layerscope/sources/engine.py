"""Images of running engines, through Docker's API, which Podman implements, too (moby, api/docs; `docker save`).

The engine's description of an image is available at once; its layers come with the export, as one archive in a private
temporary file. From then on the archive is used: an engine's history does not record which steps made a layer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, platform_in_document
from layerscope.layers.blob import MissingBlob, OpenFile
from layerscope.sources.artifacts import artifact_of_inspected
from layerscope.sources.base import Candidate, FoundImages, ImageParts, LayerPart, Request
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine_client import (
    EXPORT_PLATFORM,
    INSPECT_PLATFORM,
    Client,
    NoSuchImageError,
)
from layerscope.sources.engine_platforms import (
    PlatformImage,
    platform_images,
    unlisted_platform_images,
)
from layerscope.sources.local import find_in_file
from layerscope.sources.missing_blobs import explain_missing_blobs, explaining_missing_blobs
from layerscope.sources.references import NotInStoreError, pick_image
from layerscope.sources.spool import spool

_PLACE = "the engine's export"
_UNPACKED = (
    "the engine has only the unpacked layer (docker save lacks it, too): "
    "remove the images that share it and pull them again"
)
_TAIL = 1 << 16
_ERROR = re.compile(rb'\{"(?:errorDetail|error|message|cause)":')
_METADATA = re.compile(
    r"(?:/bin/sh -c #\(nop\)\s+)?(?:ENV|CMD|ENTRYPOINT|LABEL|EXPOSE|USER|VOLUME|MAINTAINER|ARG|STOPSIGNAL|HEALTHCHECK|SHELL|ONBUILD)\b"
)


def find(
    kind: str,
    endpoints: Callable[[], Sequence[Endpoint]],
    request: Request,
    reference: str,
    kinds: Sequence[str] = (),  # noqa: ARG001  # same signature as other sources
) -> FoundImages:
    """The image of that name in the first engine that has it. Raises `UnreachableError`, `NotInStoreError`."""
    known = endpoints()
    if not known:
        raise UnreachableError("no engine socket found")
    refusals: list[LayerscopeError] = []
    for endpoint in known:
        try:
            return find_at(kind, endpoint, request, reference)
        except (UnreachableError, NotInStoreError) as error:
            refusals.append(error)
    answered = [error for error in refusals if isinstance(error, NotInStoreError)]
    if answered:
        names = [name for error in answered for name in error.names]
        raise NotInStoreError(answered[0].message, names)
    raise next((error for error in refusals if error.hint), refusals[0])


def find_at(kind: str, endpoint: Endpoint, request: Request, reference: str) -> FoundImages:
    """The image of that name in one engine, for the requested platform. Raises like `find`."""
    wanted, limits = request.platform, request.limits
    client = Client(endpoint, kind, limits)
    try:
        inspected = Lenient(_inspect(client, reference), "image")
        if (artifact := artifact_of_inspected(inspected)) is not None:
            raise artifact.error()
        image_id = inspected.text("Id") or reference
        history = client.history(image_id)
    except NoSuchImageError as error:  # removed between two requests
        raise NotInStoreError(error.message) from None
    finally:
        client.close()
    platform = platform_in_document(inspected)

    def candidate(stored: PlatformImage | None) -> Candidate:
        # Only the containerd store has several platforms of one image, and only it returns a descriptor.
        exported = platform if inspected.mapping("Descriptor") else None
        exported = exported if stored is None else stored.platform

        def load() -> ImageParts:
            if stored is None or stored.platform == platform:
                return _preliminary(inspected, history)
            return _preliminary_of(Client(endpoint, kind, limits), image_id, stored.platform)

        digests = [image_id, *(name.rpartition("@")[2] for name in inspected.texts("RepoDigests"))]
        if stored is not None:
            digests.insert(0, stored.digest)
        tags = [name for name in inspected.texts("RepoTags") if name != "<none>:<none>"]
        export = EngineExport(kind, endpoint, client.version, image_id, exported, not tags)
        shown = None if stored is None else stored.platform
        return Candidate(tags, shown, load, digests, export=export)

    stored_images = platform_images(inspected)
    if not stored_images and wanted is not None and client.version < EXPORT_PLATFORM:
        stored_images = unlisted_platform_images(inspected, platform, wanted)
    available = [candidate(image) for image in stored_images if image.available]
    absent = [image.platform for image in stored_images if not image.available]
    return FoundImages(kind, available or [candidate(None)], absent=absent, location=endpoint.url)


def _inspect(client: Client, reference: str) -> dict[str, Any]:
    """The engine's description of an image, by its exact name or else by a match of short names and IDs."""
    with suppress(NoSuchImageError):
        return client.inspect(reference)
    return client.inspect(f"sha256:{pick_image(reference, client.images()).id}")


def _preliminary_of(client: Client, image_id: str, platform: Platform) -> ImageParts:
    """The image before its export, for one of several platforms; without steps if the engine cannot inspect a single one."""
    try:
        if client.version >= INSPECT_PLATFORM:
            inspected = client.inspect(image_id, platform)
            return _preliminary(Lenient(inspected, "image"), client.history(image_id, platform))
    except NoSuchImageError as error:
        raise NotInStoreError(error.message) from None
    finally:
        client.close()
    return _preliminary(Lenient(platform.fields(), "image"), [])


def _preliminary(inspected: Lenient, history: Sequence[Any]) -> ImageParts:
    """The image before its export: steps, config and diff IDs."""
    diff_ids = inspected.child("RootFS").texts("Layers")
    config = {
        **Platform.in_document(inspected).fields(),
        "created": inspected.text("Created"),
        "config": inspected.mapping("Config"),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history_entries(history, len(diff_ids)),
    }
    waiting = "available after the export"
    return ImageParts(
        [LayerPart(MissingBlob(f"layer {number}", waiting)) for number in range(len(diff_ids))],
        json.dumps(config).encode(),
        image_id=inspected.text("Id"),
    )


def history_entries(history: Sequence[Any], layers: int) -> list[dict[str, Any]]:
    """An engine's history in the form of a config, oldest first; layers are matched by sizes and instructions."""
    steps = [Lenient(value, "history") for value in reversed(history)]
    by_size = [bool(step.number("Size")) for step in steps]
    by_text = [
        size or not _METADATA.match(step.text("CreatedBy") or "")
        for size, step in zip(by_size, steps, strict=True)
    ]
    filled = next((flags for flags in (by_size, by_text) if sum(flags) == layers), None)
    if filled is None:
        return []  # unknown until the export rather than wrong
    return [
        {
            "created": _date(step.number("Created")),
            "created_by": step.text("CreatedBy") or "",
            "comment": step.text("Comment") or "",
            "empty_layer": not makes_layer,
        }
        for step, makes_layer in zip(steps, filled, strict=True)
    ]


def _date(seconds: int | None) -> str | None:
    try:
        moment = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (OverflowError, OSError, ValueError):
        return None
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


class EngineExport(Struct, frozen=True):
    """An engine's export of an image: an archive in a private temporary file."""

    kind: str
    endpoint: Endpoint
    version: tuple[int, int]
    """Version of the engine's API."""
    image_id: str
    platform: Platform | None
    """The exported platform; None if the engine has only one."""
    unnamed: bool
    """Whether the image has no tag."""

    @property
    def key(self) -> Sequence[str]:
        words = (self.version, self.image_id, self.platform, self.unnamed)
        return self.kind, self.endpoint.url, *(f"{word}" for word in words)

    def run(self, request: Request) -> FoundImages:
        """Export the image. Raises `CancelledError`, and `LayerscopeError` for an error of the engine within the stream."""
        file = self._spooled(request)
        message = _error_in(file)
        if message is not None:
            raise LayerscopeError(
                f"the engine could not export the image: {message}",
                hint="check the engine's disk space, then pull or build the image again",
            )
        with explaining_missing_blobs(_PLACE, _UNPACKED):
            return explain_missing_blobs(find_in_file(request, file), _PLACE, _UNPACKED)

    def _spooled(self, request: Request) -> OpenFile:
        client = Client(self.endpoint, self.kind, request.limits)
        progress, name = request.progress, f"{self.kind}'s export"
        progress.stage(f"Exporting from {self.kind}")

        def pieces() -> Iterator[bytes]:
            total = 0
            for piece in client.export(self.image_id, self.platform, progress):
                total += len(piece)
                if total > request.limits.layer_bytes:
                    raise request.limits.exceeded("layer_bytes", name)
                progress.advance(len(piece))
                yield piece

        try:
            return spool(pieces(), name)
        except NoSuchImageError as error:
            raise NotInStoreError(error.message) from None
        finally:
            client.close()


def _error_in(file: OpenFile) -> str | None:
    """The error that an engine appended to a failed export, after its answer had started."""
    length = min(file.size, _TAIL)
    tail = file.pread(length, file.size - length).rstrip()
    if not tail.endswith(b"}"):
        return None
    for found in reversed(list(_ERROR.finditer(tail))):
        try:
            fields = Lenient(json.loads(tail[found.start() :]), "error")
        except (ValueError, RecursionError):
            continue
        detail = fields.child("errorDetail").text("message")
        message = detail or fields.text("message") or fields.text("error") or fields.text("cause")
        return " ".join((message or "no reason given").split())[:500]
    return None
