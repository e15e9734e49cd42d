"""The baseline: an earlier report of an image. Violations that it already contains pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.gate.ignores import Ignores
from layerscope.filesystem.paths import PathTable

MAX_LISTED_PATHS = 100
"""Maximum paths of a finding in a report, largest first."""


class KnownFinding(Struct, frozen=True):
    """A finding of the baseline."""

    title: str
    size: int
    """In bytes."""
    paths: frozenset[bytes]
    """Some of its paths, without a leading slash."""


class Baseline(Struct, frozen=True, dict=True):
    """An earlier report with the current ignores applied."""

    ignores: Ignores
    """The ignores, applied to the ledger of the report."""
    tolerated: int
    """Growth in bytes that is tolerated."""
    findings: dict[str, list[KnownFinding]]
    """By rule."""
    files: frozenset[bytes] | None
    """All paths of all layers; None if the report lists no files."""

    def knows(self, finding: Finding, table: PathTable, *, secret: bool) -> bool:
        """Whether the baseline has a finding: one of the same rule that shares a path and is not smaller by more than the
        tolerance. For a secret, the baseline must have every path.
        """
        known = self.findings.get(finding.rule, ())
        paths = set(table.full_paths(finding.paths[:MAX_LISTED_PATHS]))
        if not paths:
            return any(not old.paths and old.title == finding.title for old in known)
        if secret:
            return paths <= set().union(*(old.paths for old in known))
        return any(
            finding.bytes - old.size <= self.tolerated and not paths.isdisjoint(old.paths)
            for old in known
        )

    def has_paths(self, table: PathTable, paths: NDArray[np.int32]) -> NDArray[np.bool_] | None:
        """Which paths are in the baseline; None if the report lists no files."""
        if self.files is None:
            return None
        return np.fromiter(
            (name in self.files for name in table.full_paths(paths)), bool, len(paths)
        )


def group_findings(
    records: Collection[tuple[str, str, int, Sequence[str]]],
) -> dict[str, list[KnownFinding]]:
    """Findings by rule, from rule, title, bytes and paths."""
    grouped: dict[str, list[KnownFinding]] = {}
    for rule, title, size, paths in records:
        names = frozenset(map(encoded, paths))
        grouped.setdefault(rule, []).append(KnownFinding(title, size, names))
    return grouped


def encoded(name: str) -> bytes:
    """The bytes of a name in a report; lone surrogates that do not stand for a byte are replaced."""
    try:
        return name.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return name.encode(errors="replace")
