"""Content that a step adds and a later one deletes: its bytes stay in the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.deletion_fixes import deletion_fix, mounted
from layerscope.analysis.findings.finding import Claim, layers_named
from layerscope.analysis.findings.hidden import (
    Fate,
    claim_of,
    hidden,
    largest_first,
    origins,
    split,
)
from layerscope.analysis.findings.rule import Rule


def _find(evidence: Evidence) -> Iterator[Claim]:
    waste, ends = evidence.accounting.waste, evidence.filesystem.table.ends
    rows = hidden(evidence, Fate.DELETED)
    mounted_rows = rows[:0]
    for layer, every in split(origins(evidence, waste.inodes[rows]), rows):
        mine = np.setdiff1d(every, mounted_rows)
        if not len(mine):
            continue
        paths, size = waste.paths[mine], int(waste.bytes[mine].sum())
        hiding_layers = sorted(largest_first(evidence, waste.hidden_by[mine], mine))
        mount = mounted(evidence, layer, hiding_layers, paths, size)
        added = {layer}
        if mount is None:
            fix = deletion_fix(evidence, layer, hiding_layers, paths, size)
        else:
            fix, top = mount
            stored_in = waste.stored_in[rows]
            inside = (waste.paths[rows] >= top) & (waste.paths[rows] < ends[top])
            more = rows[inside & (stored_in > layer) & (stored_in < hiding_layers[-1])]
            added |= set(waste.stored_in[more].tolist())
            mine, mounted_rows = np.union1d(mine, more), np.union1d(mounted_rows, more)
        again = sorted(set(waste.stored_in[mine].tolist()) - added)
        yield claim_of(
            evidence,
            mine,
            tuple(dict.fromkeys((*sorted(added), *again, *hiding_layers))),
            f"Added in {layers_named(sorted(added))}, "
            + (f"rewritten in {layers_named(again)}, " if again else "")
            + f"deleted in {layers_named(hiding_layers)}",
            fix,
        )


RULE = Rule(
    "deleted-later",
    title="Deleted by a later step",
    why="Layers cannot shrink: a later step hides the file, but its bytes are still pushed and pulled.",
    finds="Files that one step stores and a later one deletes.",
    wrong="The bytes are exact. If steps in between need the files, keep the order, or use a separate stage as the fix suggests.",
    find=_find,
)
