"""Files of `layerscope save`: an image and its analysis, without the contents of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from layerscope.image.model import Image
from layerscope.layers.blob import Blob, MissingBlob, UnsavedBlob
from layerscope.layers.packing import Packed, pack_fields, unpack_fields
from layerscope.layers.saved_file import damaged, read_saved
from layerscope.sources.base import Candidate, FoundImages, ImageParts, Request, SourceImage

KIND = "saved"
_PREFIX = "description."
_LARGEST = 1 << 62
"""Bound on all numbers: sums of sizes stay within 64 bits."""


class _SavedBlob(Struct, frozen=True):
    """The blob of a layer."""

    name: str
    missing: str | None
    """Why it could not be read; None if it could."""


class _Description(Struct, frozen=True):
    """An image without its layers."""

    image: Image
    """Without reference and location."""
    blobs: tuple[_SavedBlob, ...]
    damage: str | None


def pack_description(source: SourceImage) -> Packed:
    """The description of an image. SBOMs are left out: the packages include what they list."""
    image = source.image
    image = replace(
        image, reference="", location="", source_kind=KIND, beside=replace(image.beside, sboms=())
    )
    blobs = [
        _SavedBlob(blob.name, blob.why if isinstance(blob, MissingBlob) else None)
        for blob in source.blobs
    ]
    return pack_fields(_Description(image, tuple(blobs), source.damage), _PREFIX)


def find_in_saved(request: Request, blob: Blob) -> FoundImages:
    """The image in a saved file. Raises `LayerscopeError` if it is damaged or of another format."""
    request.progress.stage("Reading the saved image")
    packed = read_saved(blob, request.limits)
    try:
        check_numbers(packed.values)
        described = unpack_fields(_Description, packed, _PREFIX)
        _check(described, request)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise damaged(blob.name, "its description is inconsistent") from error
    image = described.image
    blobs: list[Blob] = [
        UnsavedBlob(each.name, blob.name)
        if each.missing is None
        else MissingBlob(each.name, each.missing)
        for each in described.blobs
    ]
    source = SourceImage(image, blobs, described.damage, saved=packed)
    digests = [digest for digest in (image.manifest_digest, image.id) if digest is not None]
    platform = image.platform if image.platform.architecture else None
    candidate = Candidate(
        image.tags, platform, lambda: ImageParts([], None, complete_image=source), digests
    )
    return FoundImages(KIND, [candidate])


def check_numbers(value: Any) -> None:
    """Raise ValueError for a number that cannot be a size, count, time or index."""
    for number in _numbers(value):
        if not -1 <= number <= _LARGEST:
            raise ValueError(number)


def _numbers(value: Any) -> Iterator[float]:
    """All numbers in a document."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, int | float):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()


def _check(described: _Description, request: Request) -> None:
    """Raise ValueError if the parts of an image are inconsistent, `LimitExceededError` if there are too many."""
    image, limits = described.image, request.limits
    count, steps = len(image.layers), len(image.steps)
    for name, counted in (("layers", count), ("history_entries", image.recorded_steps)):
        if counted > getattr(limits, name):
            raise limits.exceeded(name, "the saved image", counted)
    is_consistent = (
        len(described.blobs) == count
        and all(layer.index == number for number, layer in enumerate(image.layers))
        and all(step.index == number for number, step in enumerate(image.steps))
        and all(image.steps[layer.step].layer == layer.index for layer in image.layers)
        and sum(step.layer is not None for step in image.steps) == count
        and all(0 <= layer.repeat_of < count for layer in image.layers if layer.repeat_of is not None)
        and all(0 <= warning.layer < count for warning in image.warnings if warning.layer is not None)
        and all(0 <= layer.step < steps for layer in image.layers)
    )  # fmt: skip
    if not is_consistent:
        raise ValueError("steps and layers do not match")
