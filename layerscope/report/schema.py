"""The report as plain data: schema 1.0, stable names, every key always present.

Sizes are bytes, indices start at 0, unknown values are None. Bytes of a name that are not UTF-8 become lone surrogates
(Python's `surrogateescape`), which JSON writes as `\\udcXX`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from layerscope.analysis.duplicates import NO_DUPLICATES
from layerscope.analysis.findings.edits import Edit
from layerscope.analysis.packages.usage import package_usage
from layerscope.analysis.steps import step_kind
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.inodes import Inodes
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.opening.opened import Opened
from layerscope.report.rows import lines_of
from layerscope.words import REASONS, Change, Extent, StepKind

SCHEMA_VERSION = "1.0"

_SUMS = (
    "tarBytes",
    "storedBytes",
    "liveBytes",
    "wastedBytes",
    "efficiency",
    "duplicateBytes",
    "avoidableBytes",
    "avoidableOwnBytes",
)
"""Figures of the whole image that are unknown if a layer is."""
FINDING_PATHS = 100
"""Paths that a finding lists."""

_COUNTED = (Change.ADDED, Change.MODIFIED, Change.METADATA, Change.REMOVED)


def document(opened: Opened, *, files: bool = False, rows: bool = True) -> dict[str, Any]:
    """The whole report. With `files`, each layer lists its paths.

    Without `rows`, the lists that can have a million of them are empty: files, records of waste, duplicates.
    """
    return {
        "schemaVersion": SCHEMA_VERSION,
        "image": image_document(opened),
        "totals": totals_document(opened),
        "steps": steps_document(opened),
        "layers": layers_document(opened, files=files, rows=rows),
        "waste": _waste(opened, rows),
        "duplicates": duplicates_document(opened) if rows else [],
        "findings": findings_document(opened),
        "packages": packages_document(opened),
        "unowned": _unowned(opened),
        "warnings": warnings_document(opened),
    }


def warnings_document(opened: Opened) -> list[dict[str, Any]]:
    """The warnings about the image."""
    return [
        {"code": warning.code, "layer": warning.layer, "message": warning.message}
        for warning in opened.warnings
    ]


def image_document(opened: Opened) -> dict[str, Any]:
    """Identity and config of the image."""
    image, config = opened.image, opened.image.config
    return {
        "reference": image.reference,
        "tags": list(image.tags),
        "id": image.id,
        "manifestDigest": image.manifest_digest,
        "created": image.created,
        "os": image.platform.os or None,
        "osVersion": image.platform.os_version or None,
        "architecture": image.platform.architecture or None,
        "variant": image.platform.variant or None,
        "source": {"kind": image.source_kind, "location": image.location},
        "alternatives": [
            {
                "reference": other.reference,
                "platform": None if other.platform is None else str(other.platform),
            }
            for other in image.alternatives
        ],
        "config": {
            "env": list(config.env),
            "entrypoint": list(config.entrypoint),
            "cmd": list(config.cmd),
            "user": config.user,
            "workingDir": config.working_dir,
            "labels": dict(config.labels),
            "exposedPorts": list(config.exposed_ports),
            "volumes": list(config.volumes),
        },
        "referrers": [
            {"name": other.name, "mediaType": other.media_type, "digest": other.digest}
            for other in image.beside.referrers
        ],
    }


def totals_document(opened: Opened) -> dict[str, Any]:
    """The figures of the whole image; None for those that were not computed."""
    accounting, findings = opened.accounting, opened.findings
    unknown = len(opened.unknown_layers)
    if unknown:
        return {
            "layers": len(opened.indexes),
            "unknownLayers": unknown,
            "steps": opened.image.recorded_steps,
            **dict.fromkeys(("entries", "files", "paths")),
            "compressedBytes": opened.compressed_bytes,
            **dict.fromkeys(_SUMS),
        }
    return {
        "layers": len(opened.indexes),
        "unknownLayers": 0,
        "steps": opened.image.recorded_steps,
        "entries": accounting.entries,
        "files": accounting.files,
        "paths": accounting.paths,
        "compressedBytes": opened.compressed_bytes,
        "tarBytes": sum(index.tar_bytes for index in opened.indexes) if opened.fully_read else None,
        "storedBytes": accounting.stored,
        "liveBytes": accounting.live,
        "wastedBytes": accounting.wasted,
        "efficiency": accounting.efficiency,
        "duplicateBytes": None if opened.duplicates is None else opened.duplicates.saving,
        "avoidableBytes": None if findings is None else findings.saving(),
        "avoidableOwnBytes": None if findings is None else findings.saving(findings.outside_base),
    }


def steps_document(opened: Opened) -> list[dict[str, Any]]:
    """The steps; `line` is their line in the Dockerfile, from 1."""
    spans = {} if opened.dockerfile_lines is None else opened.dockerfile_lines.spans
    unknown = bool(opened.unknown_layers)
    return [
        {
            "index": step.index,
            "layer": step.layer,
            "kind": StepKind.METADATA
            if step.layer is None
            else None
            if unknown
            else step_kind(opened.filesystem, opened.indexes[step.layer], step.layer),
            "instruction": step.instruction,
            "arguments": step.arguments,
            "buildArgs": list(step.build_args),
            "createdBy": step.created_by,
            "created": step.created,
            "author": step.author,
            "comment": step.comment,
            "line": spans[step.index][0] if step.index in spans else None,
        }
        for step in opened.image.steps
    ]


def layers_document(
    opened: Opened, *, files: bool = False, rows: bool = True
) -> list[dict[str, Any]]:
    """The layers; with `files`, each has a list of its paths, which is empty without `rows`."""
    all_known = not opened.unknown_layers
    return [
        _layer(opened, number, all_known=all_known, files=files, rows=rows)
        for number in range(len(opened.indexes))
    ]


def _layer(
    opened: Opened, number: int, *, all_known: bool, files: bool, rows: bool
) -> dict[str, Any]:
    """One layer. Its changes and its waste are None unless all layers are known (`all_known`), as they depend on the others."""
    layer, index, account = (
        opened.image.layers[number],
        opened.indexes[number],
        opened.accounting.layers[number],
    )
    counts = opened.filesystem.changes.counts(number)
    extent, read = index.extent, index.extent is Extent.READ
    listed = extent is not Extent.UNKNOWN
    document: dict[str, Any] = {
        "index": number,
        "step": layer.step,
        "digest": layer.digest or index.blob_digest,
        "diffId": layer.diff_id or index.diff_id,
        "chainId": layer.chain_id,
        "mediaType": layer.media_type,
        "repeatOf": layer.repeat_of,
        "verified": opened.verified(number),
        "broken": None
        if index.broken is None
        else {"offset": index.broken.offset, "message": index.broken.message},
        "extent": extent.value,
        "entries": account.entries if listed else None,
        "whiteouts": account.whiteouts if listed else None,
        "compressedBytes": index.compressed_bytes,
        "tarBytes": index.tar_bytes if read else None,
        "storedBytes": account.stored if listed else None,
        "netBytes": account.net if all_known else None,
        "wastedBytes": account.wasted if all_known else None,
        "hidesBytes": account.hides if all_known else None,
        "changes": {change.json_name: counts[change] if all_known else None for change in _COUNTED},
    }
    if files and all_known:
        document["files"] = list(files_of(opened, number)) if rows else []
    elif files:
        document["files"] = None
    return document


def files_of(opened: Opened, number: int) -> Iterator[dict[str, Any]]:
    """The paths that a layer changes, in path order, one by one, as there can be a million."""
    filesystem, inodes = opened.filesystem, opened.filesystem.inodes
    changes = filesystem.changes
    span = changes.of_layer(number)
    rows = zip(
        filesystem.table.full_paths(changes.paths[span]),
        *(
            column[span].tolist()
            for column in (changes.before, changes.after, changes.kinds, changes.why)
        ),
        strict=True,
    )
    for path, before, after, change, why in rows:
        inode = int(filesystem.inode_of[after if after >= 0 else before])
        yield {
            "path": _text(path),
            **state_of(inodes, inode),
            "change": Change(change).json_name,
            "why": [name for bit, name in WHY_NAMES.items() if why & bit],
        }


def state_of(inodes: Inodes, inode: int) -> dict[str, Any]:
    """The file at a path; for a directory that no layer stores, only its type."""
    columns = inodes.columns
    kind = Kind(int(columns.kinds[inode]))
    known, is_file = inode != inodes.implicit, kind is Kind.FILE
    return {
        "type": KIND_NAMES[kind],
        "bytes": int(columns.stored[inode]) if is_file else 0,
        "logicalBytes": inodes.logical(inode) if is_file else 0,
        "mode": int(columns.modes[inode]) if known else None,
        "uid": int(columns.uids[inode]) if known else None,
        "gid": int(columns.gids[inode]) if known else None,
        "mtime": int(columns.mtimes[inode]) if known else None,
        "linkTarget": _text(inodes.links[int(columns.links[inode])])
        if columns.links[inode]
        else None,
    }


def _waste(opened: Opened, rows: bool) -> dict[str, Any] | None:
    """The wasted content; None if a layer is unknown."""
    if opened.unknown_layers:
        return None
    waste, table = opened.accounting.waste, opened.filesystem.table
    columns = (waste.bytes, waste.reasons, waste.stored_in, waste.hidden_by)
    return {
        "byReason": {reason.value: size for reason, size in waste.by_reason().items()},
        "records": []
        if not rows
        else [
            {
                "path": _text(path),
                "bytes": size,
                "reason": REASONS[reason].value,
                "storedIn": stored,
                "hiddenBy": hidden,
            }
            for path, size, reason, stored, hidden in zip(
                table.full_paths(waste.paths), *(column.tolist() for column in columns), strict=True
            )
        ],
    }


def duplicates_document(opened: Opened) -> list[dict[str, Any]]:
    """Equal contents in the final image, largest saving first."""
    duplicates = opened.duplicates or NO_DUPLICATES
    paths = opened.filesystem.table.full_paths(duplicates.paths)
    return [
        {
            "bytes": duplicate.bytes,
            "savingBytes": duplicate.saving,
            "digest": duplicate.digest,
            "paths": [_text(path) for path in islice(paths, len(duplicate.paths))],
        }
        for duplicate in duplicates
    ]


def findings_document(opened: Opened) -> list[dict[str, Any]]:
    """The findings, each with its largest paths; `line` is the Dockerfile line to change, from 1."""
    table = opened.filesystem.table
    return [
        {
            "rule": finding.rule,
            "title": finding.title,
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "bytes": finding.bytes,
            "steps": list(finding.steps),
            "layers": list(finding.layers),
            "line": (lines_of(opened, finding.steps) or [None])[0],
            "paths": [_text(path) for path in table.full_paths(finding.paths[:FINDING_PATHS])],
            "pathCount": len(finding.paths),
            "base": finding.base,
            "why": finding.why,
            "fix": finding.fix,
            "edits": [_edit(edit) for edit in finding.edits],
        }
        for finding in (() if opened.findings is None else opened.findings.found)
    ]


def _edit(edit: Edit) -> dict[str, Any]:
    """One change of the Dockerfile: `start` and `end` are characters of the RUN's script."""
    return {
        "kind": edit.kind,
        "step": edit.step,
        "steps": list(edit.steps),
        "start": edit.start,
        "end": edit.end,
        "text": edit.text,
    }


def packages_document(opened: Opened) -> list[dict[str, Any]]:
    """Installed packages, largest first."""
    return [
        {
            "type": package.kind,
            "name": package.name,
            "version": package.version,
            "bytes": package.bytes,
            "files": package.files,
            "layer": package.layer,
        }
        for package in (() if opened.findings is None else opened.findings.packages)
    ]


def _unowned(opened: Opened) -> dict[str, Any] | None:
    """Files of no package, by directory, largest first; None if packages were not searched for."""
    if opened.findings is None:
        return None
    usage = package_usage(opened.filesystem, opened.findings.packages)
    table = opened.filesystem.table
    return {
        "bytes": usage.unowned,
        "files": usage.unowned_files,
        "directories": [
            {
                "path": _text(table.full(directory.path)),
                "bytes": directory.bytes,
                "files": len(directory.files),
            }
            for directory in usage.directories
        ],
    }


def _text(name: bytes) -> str:
    return name.decode(errors="surrogateescape")
