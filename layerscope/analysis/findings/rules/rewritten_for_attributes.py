"""Content that is stored again only to change its owner, mode or time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.attribute_fixes import rewriting_fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.hidden import (
    Fate,
    Rows,
    changes_attributes,
    claim_of,
    hidden_rows,
    largest_first,
    split_by_key,
    successors,
)
from layerscope.analysis.findings.merging import split_mergeable
from layerscope.analysis.findings.rule import Rule
from layerscope.filesystem.inodes import Why

_WORDS = {
    Why.OWNER: "owner",
    Why.MODE: "mode",
    Why.XATTRS: "extended attributes",
    Why.MTIME: "time",
}


def _find(evidence: Evidence) -> Iterator[Claim]:
    rows = hidden_rows(evidence, Fate.REWRITTEN)
    if not len(rows):
        return
    waste = evidence.accounting.waste
    new = successors(evidence, rows)
    is_replaced = new >= 0
    rows, new = rows[is_replaced], new[is_replaced]
    differences = evidence.filesystem.inodes.differences(waste.inodes[rows], new)
    wanted = _changes(evidence, rows, differences)
    rows, new, differences = rows[wanted], new[wanted], differences[wanted]
    indexes = np.arange(len(rows))
    for layer, of_layer in split_by_key(waste.hidden_by[rows], indexes):
        why = int(np.bitwise_or.reduce(differences[of_layer]))
        storers = largest_first(evidence, waste.stored_in[rows[of_layer]], rows[of_layer])
        yield claim_of(
            evidence,
            rows[of_layer],
            (layer, *storers),
            f"Copied again in layer {layer} {_purpose(why)}",
            rewriting_fix(evidence, layer, storers, rows[of_layer], new[of_layer], why),
        )


def _changes(evidence: Evidence, rows: Rows, differences: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which contents to report. A command that rewrites a file of the base image, as debconf does, changes its time: no
    instruction avoids that."""
    waste = evidence.accounting.waste
    runs = np.array(
        [evidence.step(layer.index).instruction == "RUN" for layer in evidence.image.layers], bool
    )
    hiding_layers = waste.hidden_by[rows]
    writes = runs & ~changes_attributes(evidence, hiding_layers)
    reported: NDArray[np.bool_] = (differences & ~np.uint8(Why.MTIME) != 0) | ~writes[hiding_layers]
    mergeable, _ = split_mergeable(evidence, rows)
    reported |= np.isin(rows, mergeable)
    return reported


def _purpose(differences: int) -> str:
    """Why a layer copied files again; a changed time is only named if nothing else changed."""
    words = [word for why, word in _WORDS.items() if differences & why]
    if len(words) > 1 and words[-1] == "time":
        words.pop()
    if not words:
        return "without a change"
    return f"to change the {' and '.join(words)}"


RULE = Rule(
    "rewritten-for-attributes",
    title="Copied again by chown, chmod or touch",
    why="Layers store whole files: changing the owner, mode or time of a file stores all of its content again.",
    finds="Files that a later step stores again with the same content and another owner, mode, time or extended attribute.",
    wrong="The bytes are exact. If the owner is not known before the later step, create the user first, then copy with `--chown`.",
    find=_find,
)
