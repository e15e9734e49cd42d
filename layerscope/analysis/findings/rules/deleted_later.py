"""Content that one step stores and a later one deletes: it stays in the image."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.deletion_fixes import deletion_fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.hidden import (
    Fate,
    claim_of,
    hidden,
    largest_first,
    origins,
    split,
)
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.words import layers_named


def _find(evidence: Evidence) -> Iterator[Claim]:
    waste = evidence.accounting.waste
    rows = hidden(evidence, Fate.DELETED)
    for layer, mine in split(origins(evidence, waste.inodes[rows]), rows):
        again = sorted(set(waste.stored_in[mine].tolist()) - {layer})
        hiders = sorted(largest_first(evidence, waste.hidden_by[mine], mine))
        yield claim_of(
            evidence,
            mine,
            tuple(dict.fromkeys((layer, *again, *hiders))),
            f"Stored by {layers_named([layer])}, "
            + (f"again by {layers_named(again)}, " if again else "")
            + f"deleted by {layers_named(hiders)}",
            deletion_fix(evidence, layer, hiders, waste.paths[mine], int(waste.bytes[mine].sum())),
        )


RULE = Rule(
    "deleted-later",
    title="Deleted by a later step",
    why="Layers cannot shrink: a later step hides the file, but its bytes are still pushed and pulled.",
    find=_find,
)
