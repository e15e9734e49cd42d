"""Reads the JSON report of an earlier run, with limits; errors name the file."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from layerscope.analysis.accounting import Waste
from layerscope.analysis.gate.baseline import Baseline, encoded, group_findings
from layerscope.analysis.gate.ignores import Ignore, Ignores
from layerscope.analysis.gate.ledger import Ledger
from layerscope.analysis.gate.values import Tolerance
from layerscope.errors import LimitExceededError, UsageError
from layerscope.files import read_file
from layerscope.filesystem.paths import PathTable, merge
from layerscope.layers.names import PathTreeBuilder
from layerscope.limits import DEFAULT_LIMITS
from layerscope.words import REASONS, Extent, Reason

MAX_BYTES = 512 << 20
"""Maximum bytes of a report; with `--files` and a million paths it has about 300 MB."""

_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


_Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Totals(msgspec.Struct):
    storedBytes: _Size  # noqa: N815
    wastedBytes: _Size  # noqa: N815
    compressedBytes: _Size | None  # noqa: N815
    # Not compared, but checked: a report with invalid totals was not written by layerscope.
    tarBytes: _Size | None = None  # noqa: N815
    liveBytes: _Size | None = None  # noqa: N815
    duplicateBytes: _Size | None = None  # noqa: N815
    avoidableBytes: _Size | None = None  # noqa: N815
    efficiency: _Share = 1.0
    layers: _Count | None = None
    steps: _Count = 0
    entries: _Count = 0
    files: _Count = 0
    paths: _Count = 0


class _File(msgspec.Struct):
    path: str


class _Layer(msgspec.Struct):
    storedBytes: _Size  # noqa: N815
    digest: str | None
    diffId: str | None  # noqa: N815
    files: list[_File] | None = None


class _Record(msgspec.Struct):
    path: str
    bytes: _Size
    reason: Reason
    storedIn: _Size  # noqa: N815
    hiddenBy: _Size  # noqa: N815


class _WasteTable(msgspec.Struct):
    records: list[_Record]


class _Finding(msgspec.Struct):
    rule: str
    title: str
    bytes: _Size
    paths: list[str]


class Report(msgspec.Struct):
    """The parts of a report (schema 1) that a gate needs."""

    totals: _Totals
    layers: list[_Layer]
    waste: _WasteTable
    findings: list[_Finding]
    image: dict[str, Any] = msgspec.field(default_factory=dict)
    steps: list[dict[str, Any]] = msgspec.field(default_factory=list)
    duplicates: list[dict[str, Any]] | None = None
    warnings: list[dict[str, Any]] = msgspec.field(default_factory=list)


def read_report(path: Path) -> Report:
    """The report in a file. Raises `UsageError`."""
    hint = "write one: layerscope report IMAGE --format json --output baseline.json"
    try:
        data = read_file(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            hint = "write it without --files unless you compare paths"
        raise UsageError(f"{path}: {error.strerror or error}", hint=hint) from None
    try:
        # msgspec's parser rejects lone surrogates, which names in other encodings need.
        document: Any = json.loads(data)
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply for a report", hint=hint) from None
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path}, line {error.lineno}: invalid JSON: {error.msg}", hint=hint
        ) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: invalid UTF-8", hint=hint) from None
    except ValueError:
        problem = "it contains a number with too many digits"
        raise UsageError(f"{path}: not a layerscope report: {problem}", hint=hint) from None
    return _validate(document, path, hint)


def _validate(document: object, path: Path, hint: str) -> Report:
    version = document.get("schemaVersion") if isinstance(document, dict) else None
    if not isinstance(version, str):
        raise UsageError(f"{path}: not a layerscope report: no schemaVersion", hint=hint)
    if version.partition(".")[0] != "1":
        raise UsageError(f"{path}: unsupported report schema {version[:20]}", hint=hint)
    layers = document.get("layers") if isinstance(document, dict) else None
    for layer in layers if isinstance(layers, list) else ():
        if isinstance(layer, dict) and layer.get("extent", Extent.READ) != Extent.READ:
            raise UsageError(
                f"{path}: made with --headers-only: it cannot be compared with",
                hint="write it again without --headers-only",
            )
    try:
        report = msgspec.convert(document, Report)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: not a layerscope report: {error}", hint=hint) from None
    count = len(report.layers)
    wasted = [0] * count
    for record in report.waste.records:
        if record.storedIn >= count or record.hiddenBy >= count:
            raise UsageError(f"{path}: a waste record names a layer that does not exist", hint=hint)
        wasted[record.storedIn] += record.bytes
    stored = [layer.storedBytes for layer in report.layers]
    if (
        sum(stored) != report.totals.storedBytes
        or sum(wasted) != report.totals.wastedBytes
        or any(waste > size for waste, size in zip(wasted, stored, strict=True))
        or report.totals.layers not in (None, count)
        or report.totals.liveBytes not in (None, sum(stored) - sum(wasted))
    ):
        raise UsageError(f"{path}: its totals do not add up: the report was edited", hint=hint)
    return report


def baseline_of(
    report: Report, entries: Sequence[Ignore], base_layers: int, tolerance: Tolerance
) -> Baseline:
    """The baseline of a report, with the current ignores and number of base image layers."""
    records = report.waste.records
    table, paths = _table([record.path for record in records])
    ledger = Ledger(
        table=table,
        waste=Waste(
            paths=paths,
            bytes=np.array([record.bytes for record in records], np.int64),
            reasons=np.array([REASONS.index(record.reason) for record in records], np.uint8),
            stored_in=np.array([record.storedIn for record in records], np.int32),
            hidden_by=np.array([record.hiddenBy for record in records], np.int32),
            inodes=np.full(len(records), -1, np.int32),
        ),
        stored=np.array([layer.storedBytes for layer in report.layers], np.int64),
        compressed=report.totals.compressedBytes,
        blobs=(None,) * len(report.layers),
        digests=tuple(
            tuple(digest for digest in (layer.digest, layer.diffId) if digest)
            for layer in report.layers
        ),
        base_layers=min(base_layers, len(report.layers)),
    )
    files_by_layer = [layer.files for layer in report.layers]
    files = None
    if any(each is not None for each in files_by_layer):
        files = frozenset(
            encoded(path)
            for path in (
                *(file.path for each in files_by_layer for file in each or ()),
                *(record.path for record in records),  # also what its own layer deleted
            )
        )
    return Baseline(
        ignores=Ignores(entries, ledger),
        tolerated=tolerance.allowed(report.totals.storedBytes),
        findings=group_findings(
            [(each.rule, each.title, each.bytes, each.paths) for each in report.findings]
        ),
        files=files,
    )


def _table(names: Sequence[str]) -> tuple[PathTable, np.ndarray[Any, np.dtype[np.int32]]]:
    """A table of these paths, and the path of each."""
    builder = PathTreeBuilder(DEFAULT_LIMITS, "the baseline")
    # Added as link targets, because names that look like whiteouts are plain names there.
    try:
        builder.add_targets([encoded(name) for name in names])
        tree, nodes = builder.finish()
        table, (paths,) = merge([tree], DEFAULT_LIMITS)
    except LimitExceededError as error:
        raise UsageError(error.message) from None
    return table, paths[nodes]
