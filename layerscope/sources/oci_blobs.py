"""The blobs of an OCI layout: in its folder, or inline in their descriptors (OCI image-spec image-layout.md, descriptor.md)."""

from __future__ import annotations

from typing import Any

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.documents import decode_object
from layerscope.layers.blob import Blob, MemoryBlob
from layerscope.limits import Limits
from layerscope.sources.docker_archive import read_document
from layerscope.sources.members import Members
from layerscope.sources.oci_descriptor import Descriptor

NOT_IN_LAYOUT = "is not in the layout"
"""Text of errors about missing blobs; sources with a better explanation replace it (`missing_blobs`)."""


class OciBlobs:
    """The blobs of a layout in `members`, by descriptor."""

    def __init__(self, members: Members, limits: Limits) -> None:
        self._members = members
        self._limits = limits

    def document(self, descriptor: Descriptor) -> dict[str, Any]:
        """A blob as a JSON object. Raises `LayerscopeError`."""
        name = f"blob {descriptor.digest[:19]}"
        return decode_object(self.read(descriptor, name), name, self._limits)

    def read(self, descriptor: Descriptor, role: str) -> bytes:
        """The bytes of a document, called `role` in errors. Raises `LayerscopeError`."""
        return read_document(self.blob(descriptor, role), self._limits)

    def blob(self, descriptor: Descriptor, role: str) -> Blob:
        """The blob of a descriptor. Raises `CorruptImageError` if missing."""
        blob = self.find(descriptor, role)
        if blob is None:
            raise CorruptImageError(
                f"{role} ({descriptor.digest[:19]}…) {NOT_IN_LAYOUT}",
                hint="the layout is incomplete; copy the image again with all of its platforms",
            )
        return blob

    def find(self, descriptor: Descriptor, role: str) -> Blob | None:
        """The blob of a descriptor: in the layout, or inline."""
        algorithm, _, encoded = descriptor.digest.partition(":")
        blob = self._members.find(f"blobs/{algorithm}/{encoded}")
        if blob is None and (data := descriptor.inline()) is not None:
            return MemoryBlob(role or descriptor.digest, data)
        return blob

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether a blob is stored."""
        try:
            return self.find(descriptor, "") is not None
        except LayerscopeError:
            return True  # stored but not readable: opening it raises the error
