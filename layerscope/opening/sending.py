"""Opens the image in the worker and sends results as they become known; arrays go through cache entries, or a private folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from layerscope.analysis.cache import ACCOUNTING, DUPLICATES, FILESYSTEM, FINDINGS, ImageCache
from layerscope.channel import Task
from layerscope.errors import LayerscopeError
from layerscope.files import is_full
from layerscope.filesystem.model import Filesystem
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.contents import LayerContents
from layerscope.layers.packing import Packed
from layerscope.layers.store import PrivateStore
from layerscope.opening import messages
from layerscope.opening.allocator import return_freed_memory
from layerscope.opening.cache_lookup import read_cached_image
from layerscope.opening.open import Listener, Opened, analyse
from layerscope.opening.opened import check_digests
from layerscope.opening.options import Options
from layerscope.opening.run_rules import key_words
from layerscope.sources.base import Request, SourceImage, errors_about


def open_described(
    task: Task,
    request: Request,
    options: Options,
    source: SourceImage,
    private: Path,
    fetched: Callable[[SourceImage], None],
) -> None:
    """Open a described image and send its parts; `fetched` is called with the image after an engine has exported it.

    Raises `LayerscopeError` and `CancelledError`.
    """
    sender = _Sender(task, request, options, _Private(private), fetched)
    with errors_about(request):
        cached = read_cached_image(request, source, options)
        opened = analyse(request, source, options, sender, cached)
        del cached
        if opened.findings is not None:
            sender.findings_found(opened)
    try:
        for number, right in check_digests(opened, request.progress):
            sender.send(messages.Checked(number, right))
    except OSError as error:
        raise LayerscopeError(f"{request.reference}: {error.strerror or error}") from error


class _Sender(Listener):
    """Sends the results of `analyse`, after making sure that the explorer can find their entries."""

    wants_expected = True

    def __init__(
        self,
        task: Task,
        request: Request,
        options: Options,
        private: _Private,
        fetched: Callable[[SourceImage], None],
    ) -> None:
        self._task = task
        self._limits = request.limits
        self._private = private
        self._private_indexes = IndexCache(private, request.limits)
        self._indexes = None if options.cache is None else IndexCache(options.cache, request.limits)
        self._options = options
        self._keys: list[str] = []
        self._known: dict[int, tuple[str, bool]] = {}
        """Key of each index by its `id`, and whether it is in the private store."""
        self._kept: list[object] = []
        """Keeps these indexes alive, so that each `id` stays unique."""
        self._cache: ImageCache | None = None
        self._private_cache: ImageCache | None = None
        self._fetched = fetched

    def send(self, event: messages.Event) -> None:
        """Send an event."""
        self._task.progress(messages.encode(event))

    def fetched(self, source: SourceImage) -> None:
        self._fetched(source)

    def expected(self, filesystem: Filesystem) -> None:
        cache = self._privately(["expected"])
        cache.keep_filesystem(filesystem)
        self.send(messages.Expected("expected"))

    def layer_indexed(self, number: int, indexed: Indexed) -> None:
        index, key = indexed.index, indexed.key
        if id(index) not in self._known:
            held = key is not None and self._indexes is not None and self._indexes.holds(key)
            own = key if key is not None else f"{number:064x}"
            if not held:
                self._private_indexes.write(own, index)
            self._known[id(index)] = (own, not held)
            self._kept.append(index)
        own, private = self._known[id(index)]
        self._keys.append(own)
        self.send(messages.Indexed(number, own, private))

    def stacked(self, opened: Opened, cache: ImageCache) -> Opened:
        self._kept.clear()
        self._cache, self._private_cache = cache, self._privately(self._keys)
        filesystem = opened.filesystem
        private = not cache.holds(FILESYSTEM)
        if private:
            self._private_cache.keep_filesystem(filesystem)
        accounting_private = not cache.holds(ACCOUNTING)
        if accounting_private:
            self._private_cache.keep_accounting(opened.accounting, filesystem)
        overwritten = [
            number for number, layer in enumerate(opened.contents) if layer.blob.overwritten
        ]
        self.send(
            messages.Stacked(
                self._keys,
                private,
                accounting_private,
                list(opened.warnings),
                overwritten,
                None
                if opened.has_contents or opened.written is None
                else messages.DockerfileText.of(opened.written.dockerfile),
                None if self._options.cache is None else self._options.cache.problem,
            )
        )
        mapped = (self._private_cache if private else cache).filesystem(opened.indexes)
        return opened if mapped is None else _over(opened, mapped, self._options)

    def replaced(self) -> None:
        return_freed_memory()

    def duplicates_found(self, opened: Opened) -> None:
        assert self._cache is not None  # noqa: S101  # for the types: it is stacked before
        assert self._private_cache is not None  # noqa: S101
        private = not self._cache.holds(DUPLICATES)
        if private:
            self._private_cache.keep_duplicates(opened.duplicates or (), opened.filesystem)
        self.send(messages.DuplicatesFound(private))
        return_freed_memory()

    def beside_found(self, opened: Opened) -> None:
        beside = replace(opened.image.beside, sboms=())  # only the rules need them
        self.send(messages.BesideFound(beside, list(opened.warnings)))

    def findings_found(self, opened: Opened) -> None:
        """Send the findings."""
        assert self._cache is not None  # noqa: S101
        assert self._private_cache is not None  # noqa: S101
        assert opened.findings is not None  # noqa: S101
        words = key_words(opened, self._options.rules, self._options.base_steps)
        private = not self._cache.holds(FINDINGS, words)
        if private:
            self._private_cache.keep_findings(opened.findings, words, opened.filesystem)
        self.send(messages.FindingsFound(words, private))

    def _privately(self, keys: Sequence[str]) -> ImageCache:
        return ImageCache(self._private, keys, (), self._limits, passing=True)


def _over(opened: Opened, filesystem: Filesystem, options: Options) -> Opened:
    """The same image with the filesystem as stored: its arrays are in a file that the explorer maps, too."""
    indexes = filesystem.inodes.shared_with(opened.indexes, names=options.names)
    contents = [
        LayerContents(old.blob, index, old.limits)
        for old, index in zip(opened.contents, indexes, strict=True)
    ]
    return replace(opened, filesystem=filesystem, indexes=indexes, contents=contents)


class _Private(PrivateStore):
    """Raises `LayerscopeError` for what cannot be written."""

    def write(self, kind: str, key: str, packed: Packed) -> None:
        """Write an entry."""
        try:
            super().write(kind, key, packed)
        except OSError as error:
            place = self.folder.parent
            why = (
                f"no space left in {place}"
                if is_full(error)
                else f"cannot write in {place}: {error.strerror or error}"
            )
            raise LayerscopeError(
                f"{why} for the explorer's data",
                hint="set TMPDIR to a folder with enough space",
            ) from error
