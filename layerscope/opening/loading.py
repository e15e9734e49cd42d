"""Builds the parts of an image from the worker's events, and reports them to a watcher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from layerscope.errors import ExitCode, LayerscopeError
from layerscope.limits import Limits
from layerscope.opening import messages
from layerscope.opening.allocator import return_freed_memory
from layerscope.opening.remote_blob import RemoteBlob
from layerscope.sources.base import SourceImage

if TYPE_CHECKING:
    from layerscope.analysis.cache import ImageCache
    from layerscope.filesystem.model import Filesystem
    from layerscope.layers.cache import IndexCache
    from layerscope.layers.contents import LayerContents
    from layerscope.layers.index import LayerIndex
    from layerscope.layers.store import Store
    from layerscope.opening.opened import Opened
    from layerscope.opening.options import Options

_Result = TypeVar("_Result")


class WorkerError(LayerscopeError):
    """The process that opens the image ended, stopped responding, or sent an invalid message."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, why: object) -> None:
        super().__init__(
            f"the process that reads the image failed: {why}",
            hint="it may have been killed, or memory may be short; open the image again",
        )


class Watcher:
    """Called with the parts of an image as they become available, in the thread that waits for them."""

    def fetched(self, source: SourceImage) -> None:
        """The layers arrived; until now only an engine's description was known."""

    def expected(self, filesystem: Filesystem) -> None:
        """The filesystem according to the layers' tables of contents."""

    def layer_indexed(self, number: int, index: LayerIndex) -> None:
        """A layer was read; layers arrive in order."""

    def stacked(self, opened: Opened) -> None:
        """Everything but duplicates and findings is known."""

    def duplicates_found(self, opened: Opened) -> None:
        """Duplicates are known, too."""

    def beside_found(self, opened: Opened) -> None:
        """Attestations and other artifacts beside the image are known, too."""

    def findings_found(self, opened: Opened) -> None:
        """Findings are known, too."""

    def checked(self, number: int, matches: bool) -> None:
        """The digests of a layer were checked."""


class Loading:
    """Builds the parts of an image from events."""

    def __init__(
        self,
        limits: Limits,
        options: Options,
        private: Path,
        source: SourceImage | None,
        watcher: Watcher,
    ) -> None:
        """`source` is the image as described."""
        from layerscope.analysis.cache import ImageCache
        from layerscope.layers.cache import IndexCache
        from layerscope.layers.store import PrivateStore

        self._watcher = watcher
        self._options = options
        self._source = source
        self._limits = limits
        self._private = PrivateStore(private)
        self._image_cache = ImageCache
        self._index_cache = IndexCache
        self._indexes: dict[int, LayerIndex] = {}
        self._by_key: dict[str, LayerIndex] = {}
        self._keys: list[str] = []
        self._opened: Opened | None = None

    def fetched(self, source: SourceImage) -> None:
        """Continue with the image as described after an engine has exported it."""
        self._source = source
        self._watcher.fetched(source)

    def take(self, event: messages.Event) -> bool:
        """Handle an event; returns whether it is the last one."""
        watcher = self._watcher
        if isinstance(event, messages.Expected):
            filesystem = self._cache([event.key], private=True).filesystem(None)
            watcher.expected(_required(filesystem))
        elif isinstance(event, messages.Indexed):
            watcher.layer_indexed(event.number, self._index(event))
        elif isinstance(event, messages.Stacked):
            self._stacked(event)
        elif isinstance(event, messages.DuplicatesFound):
            duplicates = self._cache(self._keys, private=event.private).duplicates()
            self._update(duplicates=_required(duplicates))
            watcher.duplicates_found(self._current)
            return_freed_memory()
        elif isinstance(event, messages.BesideFound):
            image = replace(self._current.image, beside=event.beside)
            self._update(image=image, warnings=event.warnings)
            watcher.beside_found(self._current)
        elif isinstance(event, messages.FindingsFound):
            cache = self._cache(self._keys, private=event.private)
            findings = cache.findings(event.words, self._current.filesystem)
            self._update(findings=_required(findings))
            watcher.findings_found(self._current)
        elif isinstance(event, messages.Checked):
            watcher.checked(event.number, event.matches)
        return isinstance(event, messages.Done)

    @property
    def _current(self) -> Opened:
        if self._opened is None:
            raise WorkerError("it sent results before describing an image")
        return self._opened

    def _update(self, **changes: object) -> None:
        self._opened = replace(self._current, **changes)

    def _index(self, event: messages.Indexed) -> LayerIndex:
        index = self._by_key.get(event.key)
        if index is None:
            cache: IndexCache = self._index_cache(self._store(event.private), self._limits)
            index = self._by_key[event.key] = _required(cache.read(event.key)).detached()
        self._indexes[event.number] = index
        return index

    def _stacked(self, event: messages.Stacked) -> None:
        from layerscope.opening.opened import Opened

        source = self._source
        if (
            source is None
            or len(event.layers) != len(source.blobs)
            or len(self._indexes) != len(event.layers)
        ):
            raise WorkerError("it stacked layers that it has not indexed")
        self._keys = event.layers
        indexes = [self._indexes[number] for number in range(len(event.layers))]
        filesystem = _required(self._cache(self._keys, private=event.private).filesystem(indexes))
        accounting = self._cache(self._keys, private=event.accounting_private).accounting()
        indexes = filesystem.inodes.shared_with(indexes)
        self._indexes.clear()
        self._by_key.clear()
        options = self._options
        if event.dockerfile is not None:
            options = replace(options, dockerfile=event.dockerfile.parse())
        for number in event.overwritten:
            blob = source.blobs[number]
            if isinstance(blob, RemoteBlob):
                blob.mark_overwritten()
        self._opened = Opened(
            image=source.image,
            indexes=indexes,
            contents=self._contents(source, indexes),
            filesystem=filesystem,
            accounting=_required(accounting),
            duplicates=None,
            warnings=event.warnings,
            damage=source.damage,
            dockerfile_lines=options.lines_of(source.image.steps),
        )
        self._watcher.stacked(self._opened)
        return_freed_memory()

    def _contents(
        self, source: SourceImage, indexes: Sequence[LayerIndex]
    ) -> Sequence[LayerContents]:
        """The contents of all layers; single ones are read by range where a table of contents lists them."""
        if not any(blob.ranged for blob in source.blobs):
            from layerscope.layers.contents import LayerContents

            return [
                LayerContents(blob, index, self._limits)
                for blob, index in zip(source.blobs, indexes, strict=True)
            ]
        from layerscope.layers.toc.tables_of_contents import TablesOfContents

        annotations = [layer.annotations for layer in source.image.layers]
        tables = TablesOfContents(source.blobs, annotations, self._limits, places=True)
        return [tables.contents(number, index) for number, index in enumerate(indexes)]

    def _store(self, private: bool) -> Store:
        cache = self._options.cache
        return self._private if private or cache is None else cache

    def _cache(self, keys: Sequence[str], *, private: bool) -> ImageCache:
        return self._image_cache(self._store(private), keys, (), self._limits)


def _required(result: _Result | None) -> _Result:
    """The content of an entry. Raises `WorkerError` if the entry no longer exists."""
    if result is None:
        raise WorkerError("its results are gone")
    return result
