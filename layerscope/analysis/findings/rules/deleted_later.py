"""Content that a step adds and a later one deletes: its bytes stay in the image."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.deletion_fixes import deletion_fix
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
    waste = evidence.accounting.waste
    rows = hidden(evidence, Fate.DELETED)
    for layer, mine in split(origins(evidence, waste.inodes[rows]), rows):
        again = sorted(set(waste.stored_in[mine].tolist()) - {layer})
        hiding_layers = sorted(largest_first(evidence, waste.hidden_by[mine], mine))
        yield claim_of(
            evidence,
            mine,
            tuple(dict.fromkeys((layer, *again, *hiding_layers))),
            f"Added in {layers_named([layer])}, "
            + (f"rewritten in {layers_named(again)}, " if again else "")
            + f"deleted in {layers_named(hiding_layers)}",
            deletion_fix(
                evidence, layer, hiding_layers, waste.paths[mine], int(waste.bytes[mine].sum())
            ),
        )


RULE = Rule(
    "deleted-later",
    title="Deleted by a later step",
    why="Layers cannot shrink: a later step hides the file, but its bytes are still pushed and pulled.",
    finds="Files that one step stores and a later one deletes.",
    wrong="The bytes are exact. Where other steps need the files in between, keep the order, or use a stage of its own as the fix says.",
    find=_find,
)
