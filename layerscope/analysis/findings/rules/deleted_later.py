"""Content that a step adds and a later one deletes: its bytes stay in the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.deletion_fixes import deletion_fix, mount_instead_of_copy
from layerscope.analysis.findings.finding import Claim, layers_text
from layerscope.analysis.findings.hidden import (
    Fate,
    claim_of,
    hidden_rows,
    largest_first,
    origin_layers,
    split_by_key,
)
from layerscope.analysis.findings.rule import Rule


def _find(evidence: Evidence) -> Iterator[Claim]:
    waste, ends = evidence.accounting.waste, evidence.filesystem.table.ends
    rows = hidden_rows(evidence, Fate.DELETED)
    mounted_rows = rows[:0]
    for layer, of_layer in split_by_key(origin_layers(evidence, waste.inodes[rows]), rows):
        hidden = np.setdiff1d(of_layer, mounted_rows)
        if not len(hidden):
            continue
        paths, size = waste.paths[hidden], int(waste.bytes[hidden].sum())
        hiding_layers = sorted(largest_first(evidence, waste.hidden_by[hidden], hidden))
        mount = mount_instead_of_copy(evidence, layer, hiding_layers, paths, size)
        added = {layer}
        if mount is None:
            fix = deletion_fix(evidence, layer, hiding_layers, paths, size)
        else:
            fix, top = mount
            stored_in = waste.stored_in[rows]
            inside = (waste.paths[rows] >= top) & (waste.paths[rows] < ends[top])
            also_mounted = rows[inside & (stored_in > layer) & (stored_in < hiding_layers[-1])]
            added |= set(waste.stored_in[also_mounted].tolist())
            hidden, mounted_rows = (
                np.union1d(hidden, also_mounted),
                np.union1d(mounted_rows, also_mounted),
            )
        rewriting = sorted(set(waste.stored_in[hidden].tolist()) - added)
        yield claim_of(
            evidence,
            hidden,
            tuple(dict.fromkeys((*sorted(added), *rewriting, *hiding_layers))),
            f"Added in {layers_text(sorted(added))}, "
            + (f"rewritten in {layers_text(rewriting)}, " if rewriting else "")
            + f"deleted in {layers_text(hiding_layers)}",
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
