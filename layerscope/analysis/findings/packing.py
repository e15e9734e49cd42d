"""Findings as plain values and arrays, for the cache."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.findings.finding import Finding, Findings
from layerscope.analysis.packages.model import Installed
from layerscope.analysis.packages.packing import installed_of, installed_values
from layerscope.filesystem.model import Filesystem
from layerscope.layers.packing import Packed
from layerscope.words import Confidence, Severity


def pack_findings(findings: Findings) -> Packed:
    """All findings; what they name of the filesystem as one array each, with bounds."""
    found = findings.found
    return Packed(
        {
            "findings": [
                [
                    finding.rule,
                    finding.title,
                    finding.severity.value,
                    finding.confidence.value,
                    finding.bytes,
                    list(finding.steps),
                    list(finding.layers),
                    finding.base,
                    finding.why,
                    finding.fix,
                ]
                for finding in found
            ],
            **installed_values(Installed(findings.packages, findings.warnings)),
            "applied": list(findings.applied),
        },
        {
            "paths": _joined([finding.paths for finding in found]),
            "path_bounds": _bounds([finding.paths for finding in found]),
            "inodes": _joined([finding.inodes for finding in found]),
            "inode_bounds": _bounds([finding.inodes for finding in found]),
        },
    )


def unpack_findings(packed: Packed, filesystem: Filesystem) -> Findings:
    """What `pack_findings` was given, of the same filesystem. Raises KeyError, TypeError or ValueError for what it did
    not make."""
    values, arrays = packed.values, packed.arrays
    paths = _apart(arrays["paths"], arrays["path_bounds"], len(filesystem.table))
    sizes = filesystem.inodes.columns.stored
    inodes = _apart(arrays["inodes"], arrays["inode_bounds"], len(sizes))
    found = tuple(
        Finding(
            str(rule),
            str(title),
            Severity(severity),
            Confidence(confidence),
            int(size),
            tuple(map(int, steps)),
            tuple(map(int, layers)),
            its_paths,
            its_inodes,
            bool(base),
            str(why),
            str(fix),
        )
        for (
            rule,
            title,
            severity,
            confidence,
            size,
            steps,
            layers,
            base,
            why,
            fix,
        ), its_paths, its_inodes in zip(values["findings"], paths, inodes, strict=True)
    )
    installed = installed_of(values)
    applied = tuple(map(str, values["applied"]))
    return Findings(found, sizes, installed.packages, applied, installed.warnings)


def _joined(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int32)


def _bounds(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, parts)])


def _apart(
    joined: NDArray[np.int32], bounds: NDArray[np.int64], count: int
) -> list[NDArray[np.int32]]:
    """The parts of an array. Raises ValueError for numbers that are not below `count`."""
    if len(joined) and (joined.min() < 0 or joined.max() >= count):
        raise ValueError("a number of nothing")
    return [joined[start:end] for start, end in pairwise(bounds.tolist())]
