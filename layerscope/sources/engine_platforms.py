"""The platforms of an engine's image: Docker's containerd store has several of one name, and lists them from API 1.48."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, platform_in_document


class PlatformImage(Struct, frozen=True):
    """An image of an engine for one platform."""

    platform: Platform
    digest: str
    """The digest of its manifest."""
    available: bool
    """Whether it is stored completely; an index may list platforms that were never pulled."""


def platform_images(inspected: Lenient) -> Sequence[PlatformImage]:
    """The image's platforms, without duplicates, in the order of its index; empty if the engine does not list them."""
    by_platform: dict[Platform, PlatformImage] = {}
    for value in inspected.items("Manifests"):
        fields = Lenient(value, "manifest")
        if fields.text("Kind") != "image":
            continue  # attestations have manifests, too
        in_image = platform_in_document(fields.child("ImageData").child("Platform"))
        listed = platform_in_document(fields.child("Descriptor").child("platform"))
        platform, digest = in_image or listed, fields.text("ID") or ""
        if platform is None or not is_digest(digest):
            continue
        if listed is not None:
            platform = platform.with_version(listed)
        image = PlatformImage(platform, digest, fields.flag("Available"))
        known = by_platform.get(image.platform)
        if known is None or (image.available and not known.available):
            by_platform[image.platform] = image
    return list(by_platform.values())


def unlisted_platform_images(
    inspected: Lenient, inspected_platform: Platform | None, wanted: Platform
) -> Sequence[PlatformImage]:
    """The image for the platform `wanted`, if an engine before API 1.48 may have it without listing it; else empty.

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
    return [PlatformImage(wanted, image_id, available=True)]
