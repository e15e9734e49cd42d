"""The platforms of an engine's image: Docker's containerd store holds several of one name, and tells them from API 1.48 on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, stated_platform


@dataclass(frozen=True, slots=True)
class HeldImage:
    """What an engine holds of an image for one platform."""

    platform: Platform
    digest: str
    """Of its manifest."""
    available: bool
    """Whether all of it is there; its index may name platforms that were never pulled."""


def held_images(inspected: Lenient) -> Sequence[HeldImage]:
    """The image's platforms, each once, in the order of its index; empty where the engine does not tell them."""
    found: dict[Platform, HeldImage] = {}
    for value in inspected.items("Manifests"):
        fields = Lenient(value, "manifest")
        if fields.text("Kind") != "image":
            continue  # attestations have manifests, too
        told = stated_platform(fields.child("ImageData").child("Platform"))
        listed = stated_platform(fields.child("Descriptor").child("platform"))
        platform, digest = told or listed, fields.text("ID") or ""
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
    inspected: Lenient, told: Platform | None, wanted: Platform
) -> Sequence[HeldImage]:
    """The image for a platform that an engine before API 1.48 may hold besides the one that it tells of.

    Its containerd store, which names an image by the digest of its manifests, exports all platforms that it has: the export
    will show whether this is one of them.
    """
    image_id = inspected.text("Id") or ""
    named = {name.rpartition("@")[2] for name in inspected.texts("RepoDigests")}
    if image_id not in named or told is None or wanted.preference(told) is not None:
        return []
    return [HeldImage(wanted, image_id, available=True)]
