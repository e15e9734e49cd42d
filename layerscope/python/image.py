"""An image that a Python program opened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace

from layerscope.errors import CorruptImageError, LayerscopeError, NothingFoundError, UsageError
from layerscope.files import replacing
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.blob import CHUNK, Blob, MissingBlob, UnsavedBlob
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind
from layerscope.opening.opened import Opened
from layerscope.progress import NullProgress
from layerscope.python.columns import Changes, Files, Waste
from layerscope.python.records import (
    Config,
    Duplicate,
    Finding,
    ImageWarning,
    Layer,
    Package,
    Step,
)
from layerscope.report import schema

_Record = TypeVar("_Record")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Image:
    """An opened image.

    Figures are those of the reports, in bytes. Nothing changes once it is open; slow results are computed at their first use.
    Safe to use from several threads.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._closed = False

    def __enter__(self) -> Image:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its files. Contents can no longer be read; everything else stays available."""
        if self._closed:
            return
        self._closed = True
        _ = self.damages  # computed while the files are open
        for layer in self._opened.contents:
            layer.blob.abandon()
        closed = [
            LayerContents(_closed(each.blob), each.index, each.limits)
            for each in self._opened.contents
        ]
        self._opened = replace(self._opened, contents=closed)

    def __repr__(self) -> str:
        return (
            f"<Image {self._opened.image.title!r}: {len(self._opened.indexes)} layers, "
            f"{self.stored_bytes:,} bytes stored, {self.wasted_bytes:,} wasted>"
        )

    # identity

    @property
    def reference(self) -> str:
        """The reference as given to `open`."""
        return self._opened.image.reference

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the image; empty if it has none."""
        return self._opened.image.tags

    @property
    def id(self) -> str | None:
        """Digest of the config; None for a root filesystem."""
        return self._opened.image.id

    @property
    def manifest_digest(self) -> str | None:
        """Digest of the manifest; None if there is none."""
        return self._opened.image.manifest_digest

    @property
    def created(self) -> str | None:
        """Time as recorded, RFC 3339."""
        return self._opened.image.created

    @property
    def platform(self) -> str:
        """`linux/amd64`; empty if unknown."""
        platform = self._opened.image.platform
        return str(platform) if platform.os or platform.architecture else ""

    @property
    def source(self) -> tuple[str, str]:
        """The kind of the source (a scheme, `dir`, `rootfs` or `stdin`), and the file, folder, engine or store."""
        return self._opened.image.source_kind, self._opened.image.location

    @cached_property
    def config(self) -> Config:
        """How a container of it starts."""
        config = schema.image_document(self._opened)["config"]
        return Config(**{_snake(key): _frozen(value) for key, value in config.items()})

    # figures

    @property
    def stored_bytes(self) -> int:
        """Content bytes of all layers."""
        return self._opened.accounting.stored

    @property
    def live_bytes(self) -> int:
        """Content bytes that the final image shows."""
        return self._opened.accounting.live

    @property
    def wasted_bytes(self) -> int:
        """Stored − live."""
        return self._opened.accounting.wasted

    @property
    def efficiency(self) -> float:
        """Live / stored; 1 if nothing is stored."""
        return self._opened.accounting.efficiency

    @property
    def compressed_bytes(self) -> int | None:
        """Bytes of the layers as compressed; None unless every layer with entries is compressed."""
        return self._opened.compressed_bytes

    @property
    def duplicate_bytes(self) -> int | None:
        """Bytes in duplicates beyond the first copy; None with `duplicates=False`."""
        duplicates = self._opened.duplicates
        return None if duplicates is None else duplicates.saving

    @property
    def avoidable_bytes(self) -> int | None:
        """Bytes that fixing all findings would save; None with `findings=False`."""
        return None if self._opened.findings is None else self._opened.findings.saving()

    # parts

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the build, in order."""
        return _records(schema.steps_document(self._opened), Step)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, bottom first."""
        return _records(schema.layers_document(self._opened), Layer)

    @cached_property
    def files(self) -> Files:
        """The paths of the final image, as columns."""
        return self.files_after(len(self._opened.indexes) - 1)

    def files_after(self, layer: int) -> Files:
        """The paths that are visible after a layer, as columns. Raises `UsageError` if there is no such layer."""
        filesystem = self._opened.filesystem
        if layer != len(self._opened.indexes) - 1:
            self._check_layer(layer)
        return Files(filesystem, np.flatnonzero(filesystem.visible(layer)))

    def changes(self, layer: int) -> Changes:
        """The paths that a layer changes, as columns. Raises `UsageError` if there is no such layer."""
        self._check_layer(layer)
        return Changes(self._opened.filesystem, layer)

    @cached_property
    def waste(self) -> Waste:
        """Wasted contents, as columns."""
        return Waste(self._opened.filesystem, self._opened.accounting.waste)

    @cached_property
    def duplicates(self) -> tuple[Duplicate, ...]:
        """Equal contents in the final image, largest saving first; empty with `duplicates=False`."""
        return _records(schema.duplicates_document(self._opened), Duplicate)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, severest first; empty with `findings=False`."""
        return _records(schema.findings_document(self._opened), Finding)

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """Installed packages, largest first; empty with `findings=False`."""
        return _records(schema.packages_document(self._opened), Package)

    @cached_property
    def warnings(self) -> tuple[ImageWarning, ...]:
        """Warnings about oddities of the image."""
        return _records(schema.warnings_document(self._opened), ImageWarning)

    @cached_property
    def damages(self) -> tuple[str, ...]:
        """A sentence for each part that could not be read; figures cover the rest."""
        return tuple(self._opened.damages())

    # output

    def read(self, path: str, layer: int | None = None) -> bytes:
        """The content of a file of the final image, or after a layer. A path need not begin with a slash; links are not followed.

        Raises `NothingFoundError` if there is no such file, `UsageError` once the image is closed, `LayerscopeError` if it
        cannot be read.
        """
        filesystem = self._opened.filesystem
        after = len(self._opened.indexes) - 1 if layer is None else layer
        if layer is not None:
            self._check_layer(layer)
        self._opened.require_contents()
        if self._closed:
            raise UsageError("the image was closed", hint="read before `close`, or open it again")
        number = filesystem.table.find(path.strip("/").encode(errors="surrogateescape"))
        version = None if number is None else filesystem.version_after(number, after)
        if version is None or filesystem.kinds[version] != Kind.FILE:
            what = "no such path in the image" if version is None else "not a regular file"
            raise NothingFoundError(f"{path}: {what}")
        inode = int(filesystem.inode_of[version])
        reader = ContentReader(filesystem.inodes, self._opened.contents, inode)
        pieces = []
        while piece := reader.read(CHUNK, NullProgress()):
            pieces.append(piece)
        if reader.problem is not None:
            raise CorruptImageError(f"{path}: {reader.problem}")
        return b"".join(pieces)

    def report(self, *, files: bool = False) -> dict[str, Any]:
        """The JSON report as Python objects (docs/json-schema.md); with `files`, each layer lists the paths that it changes."""
        return schema.document(self._opened, files=files)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all results into a file, as `layerscope save` does. Raises `LayerscopeError`."""
        from layerscope.layers.saved_file import write_saved
        from layerscope.opening.saved import complete, pack_opened

        opened = self._opened if self._closed else complete(self._opened, NullProgress())
        try:
            with replacing(Path(path)) as stream:
                write_saved(stream, pack_opened(opened))
        except OSError as error:
            raise LayerscopeError(f"cannot write {path}: {error.strerror or error}") from error

    def _check_layer(self, layer: int) -> None:
        count = len(self._opened.indexes)
        if not 0 <= layer < count:
            raise UsageError(f"no layer {layer}", hint=f"the image has {count} layers, from 0")


class _ClosedBlob(Blob):
    """A layer of a closed image."""

    def pread(self, length: int, offset: int) -> bytes:  # noqa: ARG002  # always fails
        raise LayerscopeError("the image was closed")


def _closed(blob: Blob) -> Blob:
    """The replacement for a layer of a closed image, without open files."""
    return blob if isinstance(blob, MissingBlob | UnsavedBlob) else _ClosedBlob(blob.name, 0)


def _records(documents: Sequence[Mapping[str, Any]], kind: type[_Record]) -> tuple[_Record, ...]:
    """Parts of the report as typed objects."""
    records: list[_Record] = msgspec.convert(_renamed(documents), list[kind])  # type: ignore[valid-type]
    return tuple(records)


def _renamed(value: Any) -> Any:
    """A document with the keys of all objects in snake case."""
    if isinstance(value, Mapping):
        return {_snake(key): _renamed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [*map(_renamed, value)]
    return value.value if isinstance(value, Enum) else value


def _snake(key: str) -> str:
    return _CAPITAL.sub("_", key).lower()


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
