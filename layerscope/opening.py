"""From a reference to a stacked, accounted image: what the commands and the explorer call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from layerscope.analysis.accounting import Accounting, account
from layerscope.analysis.cache import ImageCache
from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.analysis.duplicates import Duplicate, find_duplicates
from layerscope.analysis.warnings import collect_warnings
from layerscope.errors import CorruptImageError
from layerscope.filesystem.contents import compare_versions
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.tables_of_contents import TablesOfContents
from layerscope.image.base import guess_base
from layerscope.image.dockerfile import Dockerfile
from layerscope.image.model import Image, Layer
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import LayerIndex
from layerscope.layers.reading import are_small, read_layers
from layerscope.layers.store import Store
from layerscope.progress import Progress, check
from layerscope.settings import RuleChoice
from layerscope.sources import Request, SourceImage, open_source
from layerscope.sources.base import naming

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Findings


@dataclass(frozen=True, slots=True)
class Options:
    """How an image is opened."""

    verify: bool = False
    """Hash layers whose bytes would not be read otherwise, however large."""
    verify_small: bool = True
    """Hash them if they are small together."""
    duplicates: bool = True
    """Look for files of equal content."""
    rules: Mapping[str, RuleChoice] | None = None
    """Look for what to fix, with these choices of rules; None for no findings."""
    names: bool = True
    """Keep the paths of each layer's index, so that they can be stacked again; without them a large image takes less memory."""
    dockerfile: Dockerfile | None = None
    """What the image was built from: it tells where the base image ends, and on which lines the steps are written."""
    cache: Store | None = None
    """Where to look for what is known of the layers already, and to keep what is learned."""

    def hash_all(self, blobs: Sequence[Blob]) -> bool:
        """Whether plain layers are read through, too."""
        return self.verify or (self.verify_small and are_small(blobs))


@dataclass(frozen=True, slots=True)
class Opened:
    """An image with all that is known about it."""

    image: Image
    indexes: Sequence[LayerIndex]
    contents: Sequence[LayerContents]
    filesystem: Filesystem
    accounting: Accounting
    duplicates: Sequence[Duplicate] | None
    """None if they were not looked for."""
    warnings: Sequence[ImageWarning]
    damage: str | None
    """What is wrong with the archive as a whole."""
    findings: Findings | None = None
    """None if they were not looked for."""
    written: DockerfileLines | None = None
    """Where the steps are written; None if no Dockerfile was given."""

    def verified(self, layer: int) -> bool | None:
        """Whether a layer's bytes hash to what is claimed; None if that was not checked."""
        return verified(self.image.layers[layer], self.indexes[layer])

    def damages(self) -> list[str]:
        """A sentence for each thing that could not be read whole."""
        broken = [
            f"layer {number} is damaged at byte {index.broken.offset:,} of its tar: {index.broken.message}"
            for number, index in enumerate(self.indexes)
            if index.broken is not None
        ]
        return broken or ([self.damage] if self.damage else [])

    def raise_damage(self) -> None:
        """Raise `CorruptImageError` if something could not be read whole."""
        found = self.damages()
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise CorruptImageError(
                f"{self.image.reference}: {found[0]}{more}",
                hint="the figures cover what could be read; --ignore-errors accepts them",
            )


class Listener:
    """Hears of the parts of an image as they become known, in the thread that does the work."""

    def fetched(self, source: SourceImage) -> None:
        """The layers are here, and with them the image in full: until now it was described by an engine."""

    foresees = False
    """Whether `foreseen` is wanted: what tables of contents promise is worked out for those who cannot wait."""

    def foreseen(self, filesystem: Filesystem) -> None:
        """What the image holds if the tables of contents of its layers are right; the layers are being read."""

    def layer_indexed(self, number: int, index: LayerIndex) -> None:
        """A layer is read; layers come in order."""

    def stacked(self, opened: Opened) -> None:
        """All but duplicates and findings is known."""

    def compared(self, opened: Opened) -> None:
        """Duplicates were looked for, and are known, too."""


def open_image(request: Request, options: Options | None = None) -> Opened:
    """Open an image and learn everything. Raises `LayerscopeError` and `CancelledError`."""
    return analyse(request, open_source(request), options)


def analyse(
    request: Request,
    source: SourceImage,
    options: Options | None = None,
    listener: Listener | None = None,
) -> Opened:
    """Learn everything about an image whose documents are read. `listener` hears of each part as it is known."""
    listener = listener or Listener()
    options = options or Options()
    cached = None
    if options.cache is not None:
        cached = IndexCache(options.cache, request.limits, fresh=options.verify)
    with naming(request):
        if source.fetch is not None:
            source = _recalled(request, source, options.cache, cached) or source.fetch(request)
            listener.fetched(source)
        return _analyse(request, source, options, listener, cached)


def _recalled(
    request: Request, source: SourceImage, store: Store | None, cached: IndexCache | None
) -> SourceImage | None:
    """The image as its last export told it; None if that, or one of its layers, is not remembered."""
    if store is None or cached is None or source.recall is None:
        return None
    recalled = source.recall(request, store)
    known = recalled is not None and all(map(cached.has, recalled.blobs))
    return recalled if known else None


def _analyse(
    request: Request,
    source: SourceImage,
    options: Options,
    listener: Listener,
    cached: IndexCache | None,
) -> Opened:
    progress = request.progress
    store, limits = options.cache, request.limits
    if cached is not None:
        for blob in source.blobs:
            cached.recall_length(blob)
    tables = TablesOfContents(
        source.blobs, [layer.annotations for layer in source.image.layers], limits
    )
    promises = tables.promises(cached, listener.foreseen, progress) if listener.foresees else None
    layers = read_layers(
        source.blobs,
        [_claims(layer) for layer in source.image.layers],
        limits,
        progress,
        hash_all=options.hash_all(source.blobs),
        cache=cached,
        found=listener.layer_indexed,
        checked=tables.checked,
        promises=promises,
    )
    del tables, promises
    indexes = [layer.index for layer in layers]
    cache = ImageCache(store, [layer.key for layer in layers], source.blobs, limits)
    del layers
    filesystem = cache.filesystem(indexes)
    known = filesystem is not None
    if filesystem is None:
        filesystem = Filesystem.stack(indexes, limits=limits, progress=progress)
    indexes = filesystem.inodes.shared_with(indexes, names=options.names)
    if store is not None and source.keep is not None:
        source.keep(store, indexes)
    contents = [
        LayerContents(blob, index, limits)
        for blob, index in zip(source.blobs, indexes, strict=True)
    ]
    if not known:
        compare_versions(filesystem, contents, progress)
    opened = Opened(
        image=source.image,
        indexes=indexes,
        contents=contents,
        filesystem=filesystem,
        accounting=account(filesystem, indexes),
        duplicates=None,
        warnings=collect_warnings(source.image, indexes, filesystem, limits),
        damage=source.damage,
        written=None
        if options.dockerfile is None
        else DockerfileLines.of(options.dockerfile, source.image.steps),
    )
    listener.stacked(opened)
    cache.keep_filesystem(filesystem)
    if options.duplicates:
        duplicates = cache.duplicates()
        if duplicates is None:
            duplicates = find_duplicates(filesystem, contents, progress)
            cache.keep_duplicates(duplicates, filesystem)
        opened = replace(opened, duplicates=duplicates)
        listener.compared(opened)
    if options.rules is not None:
        opened = replace(opened, findings=find_findings(opened, progress, options.rules, cache))
    return opened


def find_findings(
    opened: Opened,
    progress: Progress,
    choices: Mapping[str, RuleChoice] | None = None,
    cache: ImageCache | None = None,
) -> Findings:
    """What could be avoided or is risky, by the rules. What reading files tells is kept in `cache`. Raises `CancelledError`."""
    image, written = opened.image, opened.written
    base = None if written is None else written.base_steps
    if base is None:
        guess = guess_base(image)
        base = 0 if guess is None else guess.steps
    if written is not None:
        image = replace(image, steps=written.as_written(image.steps))
    words = [_seen_by_rules(image, base, choices or {}, opened.duplicates is None)]
    known = None if cache is None else cache.findings(words, opened.filesystem)
    if known is not None:
        return known
    from layerscope.analysis.findings.evidence import Evidence
    from layerscope.analysis.findings.judge import judge
    from layerscope.analysis.survey import survey

    evidence = Evidence(
        image,
        opened.filesystem,
        opened.contents,
        opened.accounting,
        opened.duplicates,
        base,
        progress,
    )
    survey(evidence, cache)
    findings = judge(evidence, choices)
    if cache is not None:
        cache.keep_findings(findings, words, opened.filesystem)
    return findings


def _seen_by_rules(
    image: Image, base: int, choices: Mapping[str, RuleChoice], no_duplicates: bool
) -> str:
    """A digest of all that rules see of an image besides the contents of its layers."""
    config = image.config
    seen = (
        [
            (step.layer, step.instruction, step.arguments, step.build_args, step.created_by)
            for step in image.steps
        ],
        [(layer.step, layer.repeat_of) for layer in image.layers],
        (config.env, config.entrypoint, config.cmd, config.user, config.working_dir),
        (base, no_duplicates, sorted(choices.items())),
    )
    return hashlib.sha256(repr(seen).encode(errors="surrogatepass")).hexdigest()


def _claims(layer: Layer) -> set[str]:
    """The digests that a layer is claimed to have and that can be checked."""
    return {
        claim
        for claim in (layer.digest, layer.diff_id)
        if claim is not None and claim.startswith("sha256:")
    }


def verified(layer: Layer, index: LayerIndex) -> bool | None:
    """Whether what was read hashes to what is claimed; None if nothing was claimed or hashed."""
    checks = [
        claimed == found
        for claimed, found in ((layer.digest, index.blob_digest), (layer.diff_id, index.diff_id))
        if claimed is not None and found is not None and claimed.startswith("sha256:")
    ]
    return all(checks) if checks else None


def check_digests(opened: Opened, progress: Progress) -> Iterator[tuple[int, bool]]:
    """Hash the plain layers whose bytes nobody has read through yet; for each, whether it is what is claimed."""
    unchecked = [
        (layer.index, _claims(layer))
        for layer in opened.image.layers
        if opened.verified(layer.index) is None
        and opened.contents[layer.index].seekable
        and opened.contents[layer.index].blob.size
    ]
    unchecked = [(number, claims) for number, claims in unchecked if claims]
    progress.stage(
        "Checking digests", sum(opened.contents[number].blob.size for number, _ in unchecked)
    )
    for number, claims in unchecked:
        found = hashlib.sha256()
        for piece in opened.contents[number].blob.chunks():
            check(progress)
            found.update(piece)
            progress.advance(len(piece))
        yield number, claims == {f"sha256:{found.hexdigest()}"}


def file_name(reference: str) -> str:
    """The last part of a reference, for short titles."""
    return Path(reference).name or reference
