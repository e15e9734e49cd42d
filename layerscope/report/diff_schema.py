"""The comparison of two images as plain data: schema 1.0, stable names, every key always present, unknown values None.

Sizes are bytes, indices start at 0. Paths have no leading slash; bytes that are not UTF-8 become lone surrogates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.files import FileChanges
from layerscope.analysis.compare.steps import StepChange
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.inodes import Inodes
from layerscope.image.history import Step
from layerscope.layers.index import Kind
from layerscope.opening.opened import Opened
from layerscope.report.schema import image_document, state_of, totals_document, warnings_document
from layerscope.words import Change

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Finding
    from layerscope.analysis.packages.model import Package

SCHEMA_VERSION = "1.0"


def document(old: Opened, new: Opened, comparison: Comparison) -> dict[str, Any]:
    """All differences except the changed paths, which `changes_of` yields."""
    sides = {"old": old, "new": new}
    totals = {name: totals_document(side) for name, side in sides.items()}
    return {
        "schemaVersion": SCHEMA_VERSION,
        "differ": comparison.differ,
        "compared": {"mtime": comparison.mtime, "paths": list(comparison.only)},
        **{
            name: {
                "image": image_document(side),
                "totals": totals[name],
                "warnings": warnings_document(side),
            }
            for name, side in sides.items()
        },
        "delta": {
            key: None if None in (before, totals["new"][key]) else totals["new"][key] - before
            for key, before in totals["old"].items()
        },
        "secrets": _secrets(new, comparison),
        "setuid": [
            {
                "path": _text(comparison.files.table.full(each.path)),
                "bits": each.bits,
                "layer": new.filesystem.inodes.layer(each.inode),
            }
            for each in comparison.privileges
        ],
        "findings": None
        if comparison.findings is None
        else {
            "new": [_finding(each) for each in comparison.findings.new],
            "gone": [_finding(each) for each in comparison.findings.removed],
        },
        "layers": _layers(new, comparison),
        "steps": [
            {
                "change": pair.change.value,
                "old": _step(pair.old, pair.old_bytes),
                "new": _step(pair.new, pair.new_bytes),
                "deltaBytes": pair.new_bytes - pair.old_bytes,
            }
            for pair in comparison.steps
            if pair.change is not StepChange.SAME
        ],
        "packages": _packages(comparison),
        "config": [
            {
                "field": setting.field,
                "name": setting.name,
                "old": _value(setting.old),
                "new": _value(setting.new),
            }
            for setting in comparison.config
        ],
        "files": {
            **_counts(comparison.files.counts()),
            "deltaBytes": comparison.files.total_growth,
            "directories": [
                {
                    "path": _text(comparison.files.table.full(group.path)),
                    "deltaBytes": group.growth,
                    "changedBytes": group.weight,
                    **_counts(group.counts),
                }
                for group in comparison.directories
            ],
            "changes": [],
        },
    }


def _secrets(new: Opened, comparison: Comparison) -> list[dict[str, Any]] | None:
    if comparison.secrets is None:
        return None
    table = new.filesystem.table
    return [
        {
            **_finding(secret.finding),
            "path": None if secret.path is None else _text(table.full(secret.path)),
        }
        for secret in comparison.secrets
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity.value,
        "bytes": finding.bytes,
        "steps": list(finding.steps),
        "base": finding.base,
    }


def changes_of(old: Opened, new: Opened, changes: FileChanges) -> Iterator[dict[str, Any]]:
    """The changed paths, in path order."""
    rows = zip(
        changes.table.full_paths(changes.paths),
        changes.kinds.tolist(),
        changes.why.tolist(),
        changes.growth[changes.paths].tolist(),
        changes.old.tolist(),
        changes.new.tolist(),
        strict=True,
    )
    old_inodes, new_inodes = old.filesystem.inodes, new.filesystem.inodes
    for path, change, why, growth, before, after in rows:
        yield {
            "path": _text(path),
            "change": Change(change).json_name,
            "why": _why(why),
            "deltaBytes": growth,
            "old": _state(old_inodes, before),
            "new": _state(new_inodes, after),
        }


@lru_cache
def _why(bits: int) -> list[str]:
    """Names of the attributes that differ; cached, as a million paths share few combinations."""
    return [name for bit, name in WHY_NAMES.items() if bits & bit]


def blob_bytes(opened: Opened, numbers: Sequence[int]) -> int | None:
    """Compressed bytes of some layers; None unless every layer with entries is compressed."""
    sizes = [
        opened.indexes[number].compressed_bytes
        for number in numbers
        if len(opened.indexes[number]) or opened.indexes[number].compressed_bytes is not None
    ]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def tar_bytes(opened: Opened, numbers: Sequence[int]) -> int:
    """Bytes of the uncompressed tars of some layers."""
    return sum(opened.indexes[number].tar_bytes for number in numbers)


def stored_bytes(opened: Opened, numbers: Sequence[int]) -> int:
    """Content bytes that some layers store."""
    return sum(opened.accounting.layers[number].stored for number in numbers)


def _layers(new: Opened, comparison: Comparison) -> dict[str, Any]:
    """The layers of the new image that the old one has, those to fetch, and their bytes."""
    layers = comparison.layers
    return {
        "common": layers.common,
        "commonBytes": stored_bytes(new, range(layers.common)),
        "shared": list(layers.shared),
        "sharedBytes": stored_bytes(new, layers.shared),
        "sharedTarBytes": tar_bytes(new, layers.shared),
        "sharedCompressedBytes": blob_bytes(new, layers.shared),
        "fetched": list(layers.fetched),
        "fetchedBytes": stored_bytes(new, layers.fetched),
        "fetchedTarBytes": tar_bytes(new, layers.fetched),
        "fetchedCompressedBytes": blob_bytes(new, layers.fetched),
    }


def _step(step: Step | None, stored: int) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "index": step.index,
        "layer": step.layer,
        "instruction": step.instruction,
        "arguments": step.arguments,
        "storedBytes": stored,
    }


def _packages(comparison: Comparison) -> list[dict[str, Any]] | None:
    if comparison.packages is None:
        return None
    return [
        {
            "type": change.kind,
            "name": change.name,
            "change": "added" if not change.old else "changed" if change.new else "removed",
            "old": _package(change.old),
            "new": _package(change.new),
            "deltaBytes": change.growth,
        }
        for change in comparison.packages
    ]


def _package(package: Package | None) -> dict[str, Any] | None:
    if package is None:
        return None
    return {
        "version": package.version,
        "bytes": package.bytes,
        "files": package.files,
        "layer": package.layer,
    }


def _counts(counts: Mapping[Change, int]) -> dict[str, int]:
    return {change.json_name: count for change, count in counts.items()}


def _value(value: str | tuple[str, ...] | None) -> str | list[str] | None:
    return list(value) if isinstance(value, tuple) else value


def _state(inodes: Inodes, inode: int) -> dict[str, Any] | None:
    """The file at a path; None if there is none."""
    if inode < 0:
        return None
    columns = inodes.columns
    kind = Kind(int(columns.kinds[inode]))
    device = divmod(int(columns.devices[inode]), 1 << 32)
    return {
        **state_of(inodes, inode),
        "device": list(device) if kind in (Kind.CHARACTER, Kind.BLOCK) else None,
        "layer": inodes.layer(inode) if inode != inodes.implicit else None,
    }


def _text(name: bytes) -> str:
    return name.decode(errors="surrogateescape")
