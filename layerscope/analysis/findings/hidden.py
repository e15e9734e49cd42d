"""Contents that one layer stores and a later one hides, divided so that each belongs to exactly one rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import MAX_NAMED, Claim, unique_in_order
from layerscope.analysis.findings.fixes import shell_word
from layerscope.filesystem.versions import Removal
from layerscope.words import REASONS, Confidence, Reason

Rows = NDArray[np.int64]
"""Rows of the waste table."""

_FOR_ATTRIBUTES = re.compile(r"\b(?:chown|chmod|chgrp|touch|setcap|setfacl|setfattr)\b")
"""Commands after which storage drivers store a file again even if nothing changed."""


class Fate(Enum):
    """How a content was hidden, which determines the rule that reports it."""

    DELETED = "deleted-later"
    OVERWRITTEN = "overwritten"
    AGAIN = "stored-again"
    REWRITTEN = "rewritten-for-attributes"


def hidden_rows(evidence: Evidence, fate: Fate) -> Rows:
    """Contents hidden this way, largest first.

    Contents hidden by their own layer are left out, because no instruction does that; so are contents hidden by a repeated layer,
    whose blob is stored once.
    """
    waste = evidence.accounting.waste
    blobs = np.array(
        [
            layer.index if layer.repeat_of is None else layer.repeat_of
            for layer in evidence.image.layers
        ],
        np.int64,
    )
    if not len(waste):
        return np.zeros(0, np.int64)
    wanted = np.isin(waste.reasons, [REASONS.index(reason) for reason in _REASONS[fate]])
    wanted &= blobs[waste.stored_in] != blobs[waste.hidden_by]
    if fate in (Fate.AGAIN, Fate.REWRITTEN):
        same = waste.reasons == REASONS.index(Reason.IDENTICAL)
        changing = changes_attributes(evidence, waste.hidden_by[wanted & same])
        wanted &= ~same | (changing[waste.hidden_by] == (fate is Fate.REWRITTEN))
    return np.flatnonzero(wanted)


_REASONS = {
    Fate.DELETED: (Reason.DELETED, Reason.TYPE_CHANGED),
    Fate.OVERWRITTEN: (Reason.OVERWRITTEN,),
    Fate.AGAIN: (Reason.IDENTICAL,),
    Fate.REWRITTEN: (Reason.METADATA_ONLY, Reason.IDENTICAL),
}


def changes_attributes(evidence: Evidence, layers: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of these layers' steps have commands for attributes; shape (layers of the image,)."""
    changing = np.zeros(len(evidence.image.layers), bool)
    for layer in np.unique(layers).tolist():
        changing[layer] = _FOR_ATTRIBUTES.search(evidence.step(layer).arguments) is not None
    return changing


def claim_of(
    evidence: Evidence,
    rows: Rows,
    layers: Sequence[int],
    title: str,
    fix: str | Fix,
    confidence: Confidence | None = None,
) -> Claim:
    """A claim about hidden contents: without them, the image stores that many bytes less."""
    waste = evidence.accounting.waste
    return Claim(
        fix=fix,
        layers=tuple(layers),
        inodes=waste.inodes[rows],
        paths=waste.paths[rows],
        title=title,
        confidence=confidence,
    )


def names_of(evidence: Evidence, rows: Rows) -> list[str]:
    """The first few paths of hidden contents."""
    paths = unique_in_order(evidence.accounting.waste.paths[rows])
    return [evidence.name(path) for path in paths[:MAX_NAMED].tolist()]


def quoted_names(evidence: Evidence, rows: Rows) -> str:
    """The same as one text of shell words, for a comment."""
    more = len(unique_in_order(evidence.accounting.waste.paths[rows])) > MAX_NAMED
    return ", ".join(map(shell_word, names_of(evidence, rows))) + " …" * more


def split_by_key(keys: NDArray[np.int32], rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Rows by their keys, lowest key first; rows of one key keep their order."""
    if not len(rows):
        return
    order = np.argsort(keys, kind="stable")
    bounds = np.flatnonzero(np.diff(keys[order])) + 1
    for members in np.split(order, bounds):
        yield int(keys[members[0]]), rows[members]


def largest_first(evidence: Evidence, keys: NDArray[np.int32], rows: Rows) -> list[int]:
    """The keys of rows, the one with most bytes first."""
    unique, index = np.unique(keys, return_inverse=True)
    sums = np.bincount(index, evidence.accounting.waste.bytes[rows], len(unique))
    return [int(unique[at]) for at in np.lexsort((unique, -sums))]


def successors(evidence: Evidence, rows: Rows) -> NDArray[np.int32]:
    """The inodes that replaced hidden contents, -1 for none."""
    filesystem, waste = evidence.filesystem, evidence.accounting.waste
    count = len(filesystem.inodes.columns.stored)
    path_of = np.full(count, -1, np.int32)
    path_of[waste.inodes[rows]] = waste.paths[rows]
    successors = np.full(count, -1, np.int32)
    replaced = np.flatnonzero(filesystem.removals == Removal.REPLACED)
    replaced = replaced[path_of[filesystem.inode_of[replaced]] == filesystem.paths[replaced]]
    successors[filesystem.inode_of[replaced]] = filesystem.successors[replaced]
    return successors[waste.inodes[rows]]


def origin_layers(evidence: Evidence, inodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The layers whose steps added these contents: lower than the storing layers if those only changed attributes."""
    return evidence.filesystem.inodes.layers(original_inodes(evidence, inodes))


def original_inodes(evidence: Evidence, inodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """These contents as first stored, before they were stored again only for other attributes."""
    before = evidence.once(_first_stored)
    return inodes if before is None else before[inodes]


def _first_stored(evidence: Evidence) -> NDArray[np.int32] | None:
    """For each content that was stored again only for other attributes, the first inode; None if there is none."""
    waste = evidence.accounting.waste
    rows = hidden_rows(evidence, Fate.REWRITTEN)
    if not len(rows):
        return None
    new = successors(evidence, rows)
    original = np.arange(len(evidence.filesystem.inodes.columns.stored), dtype=np.int32)
    original[new[new >= 0]] = waste.inodes[rows[new >= 0]]
    while True:  # by doubling steps
        earlier = original[original]
        if np.array_equal(earlier, original):
            return original
        original = earlier
