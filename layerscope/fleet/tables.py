"""The tables of a fleet: one definition of their columns, for JSON, Parquet and the documentation.

Columns hold numbers, texts, lists of texts, and True or False. Numbers count from 0, and what is unknown is None. Sizes are content
bytes as in every report, unless the description says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar, overload

import msgspec
from msgspec import Meta


class Row(msgspec.Struct, frozen=True, array_like=True, rename="camel"):
    """A row of a table; the metadata of a column's type describe it. Columns are named in camel case outside of Python."""


_Row = TypeVar("_Row", bound=Row)
_Image = Annotated[int, Meta(description="number of the image")]
_Key = Annotated[str, Meta(description="the layer: its diff ID, else the digest of its blob")]


class ImageRow(Row, frozen=True):
    """An image."""

    image: _Image
    reference: Annotated[str, Meta(description="reference by which it was found")]
    name: Annotated[
        str | None,
        Meta(
            description="value for --image in an archive with several images: tag or @N; otherwise null"
        ),
    ]
    title: Annotated[
        str, Meta(description="its first tag, otherwise the name of its file, folder or store")
    ]
    tags: Annotated[tuple[str, ...], Meta(description="all its tags")]
    id: Annotated[str | None, Meta(description="digest of its config")]
    manifest_digest: Annotated[str | None, Meta(description="digest of its manifest")]
    created: Annotated[str | None, Meta(description="creation time in its config")]
    platform: Annotated[str | None, Meta(description="its platform, as os/architecture/variant")]
    source_kind: Annotated[str | None, Meta(description="scheme of its source")]
    layers: Annotated[int | None, Meta(description="number of layers")]
    steps: Annotated[int | None, Meta(description="number of steps in its history")]
    entries: Annotated[int | None, Meta(description="entries of all layers")]
    files: Annotated[int | None, Meta(description="files of the final image")]
    paths: Annotated[int | None, Meta(description="paths of the final image")]
    compressed_bytes: Annotated[
        int | None,
        Meta(description="bytes of the compressed layers; null unless all layers are compressed"),
    ]
    tar_bytes: Annotated[int | None, Meta(description="bytes of the uncompressed tars")]
    stored_bytes: Annotated[int | None, Meta(description="bytes of all layers together")]
    live_bytes: Annotated[int | None, Meta(description="bytes that the final image shows")]
    wasted_bytes: Annotated[int | None, Meta(description="stored − live")]
    efficiency: Annotated[float | None, Meta(description="live / stored")]
    duplicate_bytes: Annotated[
        int | None, Meta(description="bytes of its duplicates, without one copy of each")
    ]
    avoidable_bytes: Annotated[int | None, Meta(description="bytes that its findings save")]
    avoidable_own_bytes: Annotated[
        int | None, Meta(description="avoidable bytes without the base image")
    ]
    secrets: Annotated[int | None, Meta(description="number of secrets")]
    base_layers: Annotated[int | None, Meta(description="layers of its base image, as estimated")]
    base_name: Annotated[str | None, Meta(description="name of its base image, if it records one")]
    base_chain_id: Annotated[
        str | None, Meta(description="chain ID of the last layer of its base image")
    ]
    base_created: Annotated[
        str | None, Meta(description="when the last step of its base image was made")
    ]
    base_steps: Annotated[
        str | None,
        Meta(
            description="digest of the base image's steps, ignoring numbers and digests; equal for all versions of a base"
        ),
    ]
    error: Annotated[
        str | None, Meta(description="why there are no figures, or what they do not cover")
    ]
    exit_code: Annotated[int, Meta(description="exit code of the error; 0 without one")]


class LayerRow(Row, frozen=True):
    """A layer of an image. A layer of several images has one row for each."""

    image: _Image
    layer: Annotated[int, Meta(description="number of the layer")]
    key: _Key
    digest: Annotated[str | None, Meta(description="digest of the blob")]
    diff_id: Annotated[str | None, Meta(description="digest of the uncompressed tar")]
    chain_id: Annotated[str | None, Meta(description="chain ID")]
    media_type: Annotated[str | None, Meta(description="media type of the blob")]
    step: Annotated[int, Meta(description="number of its step")]
    base: Annotated[bool, Meta(description="whether it belongs to the base image (estimated)")]
    bytes: Annotated[
        int, Meta(description="bytes of the blob if it is compressed, else of the tar")
    ]
    compressed: Annotated[bool, Meta(description="whether the blob is compressed")]
    tar_bytes: Annotated[int, Meta(description="bytes of the uncompressed tar")]
    stored_bytes: Annotated[int, Meta(description="bytes of its content")]
    wasted_bytes: Annotated[
        int, Meta(description="bytes of its content that the final image does not show")
    ]
    entries: Annotated[int, Meta(description="number of its entries")]


class StepRow(Row, frozen=True):
    """A step of an image."""

    image: _Image
    step: Annotated[int, Meta(description="number of the step")]
    layer: Annotated[int | None, Meta(description="number of its layer; null for a metadata step")]
    key: Annotated[str | None, Meta(description="the layer, as in the table layers")]
    kind: Annotated[
        str, Meta(description="metadata, empty, files, attributes or unchanged, as in reports")
    ]
    base: Annotated[bool, Meta(description="whether it belongs to the base image (estimated)")]
    instruction: Annotated[str | None, Meta(description="the Dockerfile instruction")]
    line: Annotated[
        str,
        Meta(description="instruction and arguments on one line, secrets masked, digests short"),
    ]
    created: Annotated[str | None, Meta(description="creation time in the history")]
    stored_bytes: Annotated[int, Meta(description="bytes of its layer's content")]
    wasted_bytes: Annotated[
        int, Meta(description="bytes of its layer that the final image does not show")
    ]


class WasteRow(Row, frozen=True):
    """A content that the final image does not show."""

    image: _Image
    path: Annotated[str, Meta(description="its path, without a leading slash")]
    bytes: Annotated[int, Meta(description="bytes of the content")]
    reason: Annotated[
        str, Meta(description="deleted, overwritten, metadata-only, identical or type-changed")
    ]
    stored_in: Annotated[int, Meta(description="number of the layer that stores it")]
    hidden_by: Annotated[int, Meta(description="number of the layer that hides it")]
    key: _Key


class FindingRow(Row, frozen=True):
    """A finding: one row for each layer in which it avoids content, or one row if it avoids none."""

    image: _Image
    finding: Annotated[int, Meta(description="number of the finding in its image")]
    rule: Annotated[str, Meta(description="name of the rule")]
    title: Annotated[str, Meta(description="title of the finding")]
    severity: Annotated[str, Meta(description="error, warning or note")]
    confidence: Annotated[str, Meta(description="high, medium or low")]
    base: Annotated[bool, Meta(description="whether only another base image avoids it")]
    total_bytes: Annotated[
        int,
        Meta(description="bytes that it saves in all layers; if none, the bytes that it concerns"),
    ]
    step: Annotated[int | None, Meta(description="number of the step to change")]
    layer: Annotated[int | None, Meta(description="number of the layer; null if there is none")]
    key: Annotated[str | None, Meta(description="the layer, as in the table layers")]
    bytes: Annotated[int, Meta(description="bytes that it saves in this layer")]


class PackageRow(Row, frozen=True):
    """An installed package of an image."""

    image: _Image
    type: Annotated[str, Meta(description="package manager")]
    name: Annotated[str, Meta(description="name of the package")]
    version: Annotated[str, Meta(description="its version")]
    bytes: Annotated[int, Meta(description="bytes of its files in the final image")]
    files: Annotated[int, Meta(description="number of its files")]
    layer: Annotated[int, Meta(description="number of the layer that stores most of it")]
    key: _Key


class CheckRow(Row, frozen=True):
    """A check of an image, if `--ci` was given."""

    image: _Image
    rule: Annotated[str, Meta(description="a check of ci, or a rule of findings")]
    title: Annotated[str, Meta(description="what is checked")]
    outcome: Annotated[str, Meta(description="pass, warn, fail or skip")]
    severity: Annotated[str, Meta(description="error, warning or note")]
    unit: Annotated[str, Meta(description="bytes, ratio, layers, findings or paths")]
    value: Annotated[float | None, Meta(description="what the image has; null if unknown")]
    limit: Annotated[float | None, Meta(description="what is allowed; null if nothing is compared")]
    at_least: Annotated[bool, Meta(description="whether the limit is a minimum")]
    message: Annotated[str, Meta(description="why")]
    place: Annotated[str, Meta(description="where the limit was set")]


class DuplicateRow(Row, frozen=True):
    """A content of some size that several distinct layers store, or one of them several times."""

    digest: Annotated[str, Meta(description="first half of the SHA-256 of the content")]
    bytes: Annotated[int, Meta(description="bytes of one copy")]
    copies: Annotated[int, Meta(description="how many times distinct layers store it")]
    layers: Annotated[int, Meta(description="number of distinct layers that store it")]
    images: Annotated[int, Meta(description="number of images that have one of these layers")]
    saved_bytes: Annotated[int, Meta(description="bytes of all copies but one")]
    path: Annotated[str | None, Meta(description="its path in the first of these layers")]
    key: _Key


TABLES: dict[str, type[Row]] = {
    "images": ImageRow,
    "layers": LayerRow,
    "steps": StepRow,
    "waste": WasteRow,
    "findings": FindingRow,
    "packages": PackageRow,
    "checks": CheckRow,
    "duplicates": DuplicateRow,
}
"""All tables by name. Those of `duplicates` are rows of the fleet, the others of its images."""


def pack(rows: Sequence[Row]) -> bytes:
    """Rows of one image as bytes."""
    return msgspec.msgpack.encode(rows)


def unpack(kind: type[_Row], data: bytes) -> list[_Row]:
    """The inverse of `pack`."""
    return msgspec.msgpack.decode(data, type=list[kind])  # type: ignore[valid-type]


def as_document(row: Row) -> dict[str, object]:
    """A row with the names that its columns have outside of Python."""
    return dict(zip(row.__struct_encode_fields__, msgspec.structs.astuple(row), strict=True))


@overload
def text_of(text: str | bytes) -> str: ...
@overload
def text_of(text: None) -> None: ...
def text_of(text: str | bytes | None) -> str | None:
    """A text of an image as tables hold it: what is not UTF-8 is written as `\\xNN`."""
    if text is None:
        return None
    if isinstance(text, bytes):
        text = text.decode(errors="surrogateescape")
    if text.isascii():
        return text
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
