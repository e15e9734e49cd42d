"""Packs an opened image into arrays and values, which `layerscope save` writes, and restores it from them.

Changes, accounting and warnings are not saved but computed again, so that they cannot contradict the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis.accounting import account
from layerscope.analysis.cache import ImageCache, pack_duplicates, unpack_duplicates
from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.analysis.duplicates import NO_DUPLICATES, Duplicates
from layerscope.analysis.findings.finding import Finding, Findings, rank
from layerscope.analysis.packages.model import Inventory, Package
from layerscope.analysis.warnings import collect_warnings
from layerscope.errors import LayerscopeError, UsageError
from layerscope.filesystem.compare_contents import hash_contents
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.packing import pack_filesystem, unpack_filesystem
from layerscope.filesystem.validation import (
    MOST_BYTES,
    check_bounds,
    check_filesystem,
    check_packed_filesystem,
    check_range,
    column,
)
from layerscope.image.dockerfile import DockerfileError, parse_dockerfile
from layerscope.image.warnings import ImageWarning
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.names import PathTree
from layerscope.layers.packing import Packed, pack_fields, unpack_fields
from layerscope.layers.saved_file import damaged
from layerscope.layers.strings import StringTable
from layerscope.layers.toc.check import TocCheck
from layerscope.layers.walk import Damage
from layerscope.limits import DEFAULT_LIMITS
from layerscope.opening.opened import Opened
from layerscope.opening.options import Options
from layerscope.progress import Progress
from layerscope.settings import RuleChoice
from layerscope.sources.base import Request, SourceImage
from layerscope.sources.saved import pack_description
from layerscope.words import Extent, Severity

_RESULTS, _FINDINGS, _DUPLICATES = "results.", "findings.", "duplicates."
_PLAIN = re.compile(r"[a-z0-9-]+")
"""Names of rules and kinds of packages, which reports print unescaped."""
"""Names of rules."""
_MALFORMED = (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError)
"""Raised while restoring an image whose parts are inconsistent."""


class _SavedLayer(Struct, frozen=True):
    """A `LayerIndex` without the columns that are saved with the inodes."""

    roles: NDArray[np.uint8]
    oddities: dict[str, int]
    tar_bytes: int
    trailing: int
    broken: Damage | None
    diff_id: str | None
    blob_digest: str | None
    compressed_bytes: int | None
    toc: TocCheck | None
    extent: Extent


class _Results(Struct, frozen=True):
    """Results besides the filesystem."""

    layers: tuple[_SavedLayer, ...]
    has_duplicates: bool
    has_findings: bool
    inventory: Inventory | None
    dockerfile: str | None
    """The text of the Dockerfile, decoded with surrogateescape."""
    dockerfile_name: str


def pack_opened(opened: Opened) -> Packed:
    """All results of an opened image, without contents of files and without their location."""
    blobs = [layer.blob for layer in opened.contents]
    dockerfile = None if opened.dockerfile_lines is None else opened.dockerfile_lines.dockerfile
    results = _Results(
        tuple(_saved_layer(index) for index in opened.indexes),
        opened.duplicates is not None,
        opened.findings is not None,
        opened.inventory,
        None if dockerfile is None else dockerfile.text,
        "" if dockerfile is None else Path(dockerfile.name).name,
    )
    parts = [
        pack_description(SourceImage(opened.image, blobs, opened.damage)),
        pack_filesystem(opened.filesystem, contents=False),
        pack_fields(results, _RESULTS),
        _with_prefix(pack_duplicates(opened.duplicates or NO_DUPLICATES), _DUPLICATES),
    ]
    if opened.findings is not None:
        parts.append(pack_fields(opened.findings, _FINDINGS, omit=("sizes",)))
    return Packed(
        {name: value for part in parts for name, value in part.values.items()},
        {name: array for part in parts for name, array in part.arrays.items()},
    )


def complete(opened: Opened, progress: Progress) -> Opened:
    """The same image with everything that a reader of the saved file may need: digests of all files, and the inventory.

    Raises as `with_inventory` does.
    """
    if not opened.has_contents:
        return opened
    _hash_files(opened, progress)
    if opened.findings is None or opened.inventory is not None:
        return opened
    from layerscope.opening.inventory import with_inventory

    nothing = ImageCache(None, [None] * len(opened.indexes), (), DEFAULT_LIMITS)
    return with_inventory(opened, opened.findings, progress, nothing, None)


def _hash_files(opened: Opened, progress: Progress) -> None:
    """Hash the files of the final image that were not hashed yet: comparisons of images need all digests."""
    filesystem = opened.filesystem
    final = filesystem.visible(filesystem.layer_count - 1)
    rows = np.flatnonzero(final & (filesystem.kinds == Kind.FILE) & (filesystem.stored > 0))
    unread, inodes = filesystem.inodes.unread, np.unique(filesystem.inode_of[rows])
    hash_contents(filesystem.inodes, inodes, opened.contents, progress, "Hashing files")
    filesystem.inodes.unread = unread  # failures to read are not saved


def open_saved(request: Request, source: SourceImage, options: Options) -> Opened:
    """The image in a saved file, with the results that `options` ask for.

    Raises `LayerscopeError` for a damaged file, and for options that need contents.
    """
    packed, image = source.saved, source.image
    assert packed is not None  # noqa: S101  # for the types: `analyse` checked
    try:
        check_packed_filesystem(packed)
        filesystem = unpack_filesystem(packed, None)
        check_filesystem(filesystem, request.limits, request.reference)
        results = unpack_fields(_Results, packed, _RESULTS)
        indexes = _indexes(results.layers, filesystem)
        if len(indexes) != len(image.layers):
            raise ValueError("inconsistent number of layers")
        duplicates = findings = None
        if results.has_duplicates and options.duplicates:
            duplicates = _duplicates(packed, filesystem)
        if results.has_findings and options.rules is not None:
            findings = _selected(_findings(packed, filesystem, source), options.rules)
        lines = _dockerfile_lines(results, options, source)
        warnings = collect_warnings(image, indexes, filesystem, request.limits)
        accounting = account(filesystem, indexes)
        extra_warnings = [] if findings is None else [*findings.warnings]
        if results.inventory is not None and options.inventory:
            _check_packages(results.inventory.packages, filesystem)
            _check_warnings(results.inventory.warnings, filesystem)
            extra_warnings += results.inventory.warnings
    except _MALFORMED as error:
        raise damaged(request.reference, "its parts do not fit together") from error
    opened = Opened(
        image=image,
        indexes=indexes,
        contents=[
            LayerContents(blob, index, request.limits)
            for blob, index in zip(source.blobs, indexes, strict=True)
        ],
        filesystem=filesystem,
        accounting=accounting,
        duplicates=duplicates,
        warnings=[*warnings, *extra_warnings],
        damage=source.damage,
        findings=findings,
        inventory=results.inventory if options.inventory else None,
        dockerfile_lines=lines,
    )
    if options.verify:
        opened.require_contents()
    if options.inventory and opened.inventory is None:
        raise LayerscopeError(
            f"{request.reference} was saved without its inventory", hint="save the image again"
        )
    return opened


def _saved_layer(index: LayerIndex) -> _SavedLayer:
    return _SavedLayer(
        index.roles,
        index.oddities,
        index.tar_bytes,
        index.trailing,
        index.broken,
        index.diff_id,
        index.blob_digest,
        index.compressed_bytes,
        index.toc,
        index.extent,
    )


def _indexes(layers: Sequence[_SavedLayer], filesystem: Filesystem) -> list[LayerIndex]:
    """The indexes of all layers, which share the columns of the inodes."""
    inodes, empty = filesystem.inodes, np.zeros(0, np.int32)
    if len(layers) != filesystem.layer_count:
        raise ValueError("inconsistent number of layers")
    indexes = []
    for number, layer in enumerate(layers):
        span = slice(int(inodes.first[number]), int(inodes.first[number + 1]))
        if len(column(layer.roles)) != span.stop - span.start:
            raise ValueError("inconsistent number of entries")
        indexes.append(
            LayerIndex(
                columns=inodes.columns.part(span),
                roles=layer.roles,
                nodes=empty,
                targets=empty,
                link_contents=empty,
                tree=PathTree.empty(),
                links=StringTable.of([b""]),
                xattrs=StringTable.of([b""]),
                sparse={},
                digests=None,
                oddities=layer.oddities,
                tar_bytes=layer.tar_bytes,
                trailing=layer.trailing,
                broken=layer.broken,
                diff_id=layer.diff_id,
                blob_digest=layer.blob_digest,
                compressed_bytes=layer.compressed_bytes,
                toc=layer.toc,
                extent=layer.extent,
            )
        )
    return indexes


def _duplicates(packed: Packed, filesystem: Filesystem) -> Duplicates:
    unprefixed = _without_prefix(packed, _DUPLICATES)
    sizes, bounds, paths = (
        column(unprefixed.arrays[name]) for name in ("bytes", "bounds", "paths")
    )
    check_range(paths, 1, len(filesystem.table))
    check_bounds(bounds, len(paths))
    final = np.flatnonzero(filesystem.visible(filesystem.layer_count - 1))
    stored = np.zeros(len(filesystem.table), np.int64)
    stored[filesystem.paths[final]] = filesystem.stored[final]
    copies = np.diff(bounds)
    if (
        len(copies) != len(sizes)
        or len(np.unique(paths)) != len(paths)
        or not np.array_equal(stored[paths], np.repeat(sizes, copies))
        or unprefixed.arrays["digests"].shape != (32 * len(sizes),)
        or unprefixed.arrays["digests"].dtype != np.uint8
    ):
        raise ValueError("inconsistent duplicates")
    return unpack_duplicates(unprefixed)


def _findings(packed: Packed, filesystem: Filesystem, source: SourceImage) -> Findings:
    sizes = filesystem.inodes.columns.stored
    findings = unpack_fields(Findings, packed, _FINDINGS, sizes=sizes)
    paths, layers, steps = len(filesystem.table), filesystem.layer_count, len(source.image.steps)
    for name in (*findings.applied, *(finding.rule for finding in findings.found)):
        if not _PLAIN.fullmatch(name):
            raise ValueError(name)
    check_range(np.array([finding.bytes for finding in findings.found], np.int64), 0, MOST_BYTES)
    for finding in findings.found:
        check_range(column(finding.paths), 0, paths)
        check_range(column(finding.inodes), 0, len(sizes))
        check_range(np.array(finding.layers, np.int64), 0, layers)
        edited = [step for edit in finding.edits for step in (edit.step, *edit.steps)]
        check_range(np.array([*finding.steps, *edited], np.int64), 0, steps)
    _check_packages(findings.packages, filesystem)
    _check_warnings(findings.warnings, filesystem)
    return findings


def _check_packages(packages: Sequence[Package], filesystem: Filesystem) -> None:
    paths = len(filesystem.table)
    for package in packages:
        if not _PLAIN.fullmatch(package.kind):
            raise ValueError(package.kind)
        check_range(column(package.paths), 0, paths)
    check_range(np.array([package.listed_in for package in packages], np.int64), -1, paths)
    layers = np.array([package.layer for package in packages], np.int64)
    check_range(layers, 0, filesystem.layer_count)


def _check_warnings(warnings: Sequence[ImageWarning], filesystem: Filesystem) -> None:
    layers = [warning.layer for warning in warnings if warning.layer is not None]
    check_range(np.array(layers, np.int64), 0, filesystem.layer_count)


def _selected(findings: Findings, rules: Mapping[str, RuleChoice]) -> Findings:
    """The findings of enabled rules, with the severities that the user configured."""

    def selected(finding: Finding) -> bool:
        choice = rules.get(finding.rule)
        return choice is None or (choice.enabled and finding.bytes >= (choice.min_bytes or 0))

    selection = [_with_severity(finding, rules) for finding in findings.found if selected(finding)]
    disabled = {name for name, choice in rules.items() if not choice.enabled}
    applied = tuple(name for name in findings.applied if name not in disabled)
    return replace(findings, found=tuple(sorted(selection, key=rank)), applied=applied)


def _with_severity(finding: Finding, rules: Mapping[str, RuleChoice]) -> Finding:
    choice = rules.get(finding.rule)
    if choice is None or choice.severity is None:
        return finding
    return replace(finding, severity=Severity(choice.severity))


def _dockerfile_lines(
    results: _Results, options: Options, source: SourceImage
) -> DockerfileLines | None:
    """The lines of the Dockerfile that the image was saved with. Raises `UsageError` if the user gave another one."""
    text, given = results.dockerfile, options.dockerfile
    if given is not None and given.text != text:
        raise UsageError(
            f"{given.name}: the image was saved {'without a Dockerfile' if text is None else 'with another Dockerfile'}, "
            "and its findings belong to that",
            hint="save it again: layerscope save IMAGE -o FILE --dockerfile PATH",
        )
    if text is None:
        return None
    try:
        name = Path(results.dockerfile_name).name or "Dockerfile"
        dockerfile = given or parse_dockerfile(text.encode(errors="surrogateescape"), name)
    except DockerfileError as error:
        raise ValueError(str(error)) from error
    return DockerfileLines.of(dockerfile, source.image.steps)


def _with_prefix(packed: Packed, prefix: str) -> Packed:
    return Packed(
        {prefix + name: value for name, value in packed.values.items()},
        {prefix + name: array for name, array in packed.arrays.items()},
    )


def _without_prefix(packed: Packed, prefix: str) -> Packed:
    """The arrays whose names have this prefix, without it."""
    return Packed(
        {},
        {
            name.removeprefix(prefix): array
            for name, array in packed.arrays.items()
            if name.startswith(prefix)
        },
    )
