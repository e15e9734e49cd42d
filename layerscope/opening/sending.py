"""Opens the image in the worker and sends results as they become known; arrays are passed in cache entries or a private folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from layerscope.analysis.cache import ACCOUNTING, DUPLICATES, FILESYSTEM, FINDINGS, ImageCache
from layerscope.analysis.duplicates import NO_DUPLICATES
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
    sender = _Sender(task, request, options, _StrictPrivateStore(private), fetched)
    with errors_about(request):
        cached = read_cached_image(request, source, options)
        opened = analyse(request, source, options, sender, cached)
        del cached
        if opened.findings is not None:
            sender.findings_found(opened)
    try:
        for number, matches in check_digests(opened, request.progress):
            sender.send(messages.Checked(number, matches))
    except OSError as error:
        raise LayerscopeError(f"{request.reference}: {error.strerror or error}") from error


class _Sender(Listener):
    """Sends the results of `analyse`, after storing those that are not in the cache."""

    wants_expected = True

    def __init__(
        self,
        task: Task,
        request: Request,
        options: Options,
        private: _StrictPrivateStore,
        fetched: Callable[[SourceImage], None],
    ) -> None:
        self._task = task
        self._limits = request.limits
        self._private = private
        self._private_indexes = IndexCache(private, request.limits)
        self._index_cache = (
            None if options.cache is None else IndexCache(options.cache, request.limits)
        )
        self._options = options
        self._keys: list[str] = []
        self._sent: dict[int, tuple[str, bool]] = {}
        """The key of each sent index by its `id`, and whether it is in the private store."""
        self._sent_indexes: list[object] = []
        """Sent indexes, kept alive so that each `id` stays unique."""
        self._cache: ImageCache | None = None
        self._private_cache: ImageCache | None = None
        self._fetched = fetched

    def send(self, event: messages.Event) -> None:
        """Send an event."""
        self._task.progress(messages.encode(event))

    def fetched(self, source: SourceImage) -> None:
        self._fetched(source)

    def expected(self, filesystem: Filesystem) -> None:
        cache = self._private_image_cache(["expected"])
        cache.keep_filesystem(filesystem)
        self.send(messages.Expected("expected"))

    def layer_indexed(self, number: int, indexed: Indexed) -> None:
        index, key = indexed.index, indexed.key
        if id(index) not in self._sent:
            is_cached = (
                key is not None and self._index_cache is not None and self._index_cache.holds(key)
            )
            sent_key = key if key is not None else f"{number:064x}"
            if not is_cached:
                self._private_indexes.write(sent_key, index)
            self._sent[id(index)] = (sent_key, not is_cached)
            self._sent_indexes.append(index)
        sent_key, private = self._sent[id(index)]
        self._keys.append(sent_key)
        self.send(messages.Indexed(number, sent_key, private))

    def stacked(self, opened: Opened, cache: ImageCache) -> Opened:
        self._sent_indexes.clear()
        self._cache, self._private_cache = cache, self._private_image_cache(self._keys)
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
                if opened.has_contents or opened.dockerfile_lines is None
                else messages.DockerfileText.of(opened.dockerfile_lines.dockerfile),
                None if self._options.cache is None else self._options.cache.problem,
            )
        )
        mapped = (self._private_cache if private else cache).filesystem(opened.indexes)
        return opened if mapped is None else _with_filesystem(opened, mapped)

    def replaced(self) -> None:
        return_freed_memory()

    def duplicates_found(self, opened: Opened) -> None:
        assert self._cache is not None  # noqa: S101  # for the types: `stacked` was called before
        assert self._private_cache is not None  # noqa: S101
        private = not self._cache.holds(DUPLICATES)
        if private:
            self._private_cache.keep_duplicates(
                opened.duplicates or NO_DUPLICATES, opened.filesystem
            )
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

    def _private_image_cache(self, keys: Sequence[str]) -> ImageCache:
        return ImageCache(self._private, keys, (), self._limits, passing=True)


def _with_filesystem(opened: Opened, filesystem: Filesystem) -> Opened:
    """The same image on a stored filesystem, whose arrays are in a file that the explorer also maps."""
    indexes = filesystem.inodes.shared_with(opened.indexes)
    contents = [
        LayerContents(old.blob, index, old.limits)
        for old, index in zip(opened.contents, indexes, strict=True)
    ]
    return replace(opened, filesystem=filesystem, indexes=indexes, contents=contents)


class _StrictPrivateStore(PrivateStore):
    """A private store that raises `LayerscopeError` if an entry cannot be written."""

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
