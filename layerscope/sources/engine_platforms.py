"""The platforms of an engine's image: Docker's containerd store has several of one name, and lists them from API 1.48."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, platform_in_document


@dataclass(frozen=True, slots=True)
class HeldImage:
    """An image of an engine for one platform."""

    platform: Platform
    digest: str
    """Of its manifest."""
    available: bool
    """Whether it is stored completely; an index may list platforms that were never pulled."""


def held_images(inspected: Lenient) -> Sequence[HeldImage]:
    """The image's platforms, without duplicates, in the order of its index; empty if the engine does not list them."""
    found: dict[Platform, HeldImage] = {}
    for value in inspected.items("Manifests"):
        fields = Lenient(value, "manifest")
        if fields.text("Kind") != "image":
            continue  # attestations have manifests, too
        own = platform_in_document(fields.child("ImageData").child("Platform"))
        listed = platform_in_document(fields.child("Descriptor").child("platform"))
        platform, digest = own or listed, fields.text("ID") or ""
        if platform is None or not is_digest(digest):
            continue
        if listed is not None:
            platform = platform.with_version(listed)
        held = HeldImage(platform, digest, fields.flag("Available"))
        known = found.get(held.platform)
        if known is None or (held.available and not known.available):
            found[held.platform] = held
    return list(found.values())


def perhaps_held(
    inspected: Lenient, inspected_platform: Platform | None, wanted: Platform
) -> Sequence[HeldImage]:
    """The image for another platform that an engine before API 1.48 may have without listing it.

    Its containerd store, which names an image by the digest of its manifests, exports all stored platforms: the export shows whether this is one of them.
    """
    image_id = inspected.text("Id") or ""
    named = {name.rpartition("@")[2] for name in inspected.texts("RepoDigests")}
    if (
        image_id not in named
        or inspected_platform is None
        or wanted.preference(inspected_platform) is not None
    ):
        return []
    return [HeldImage(wanted, image_id, available=True)]
