"""Content that a later step stores again without a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import MAX_NAMED, Claim, layers_text
from layerscope.analysis.findings.fixes import instruction_text, shell_word, with_flags
from layerscope.analysis.findings.hidden import (
    Fate,
    Rows,
    claim_of,
    hidden_rows,
    largest_first,
    names_of,
    quoted_names,
    split_by_key,
)
from layerscope.analysis.findings.merging import chains, one_run, split_mergeable
from layerscope.analysis.findings.rule import Rule
from layerscope.words import Confidence


def _find(evidence: Evidence) -> Iterator[Claim]:
    rows = hidden_rows(evidence, Fate.AGAIN)
    if not len(rows):
        return
    waste = evidence.accounting.waste
    mergeable, others = split_mergeable(evidence, rows)
    for chain in chains(evidence, mergeable):
        title = f"Same content stored in {layers_text(chain.layers)}"
        fix: str | Fix = one_run(evidence, chain.layers)
        yield claim_of(evidence, chain.rows, chain.layers, title, fix, Confidence.MEDIUM)
    for layer, of_layer in split_by_key(waste.hidden_by[others], others):
        step = evidence.step(layer)
        if step.instruction == "RUN":
            # A command such as debconf that rewrites files of a base image or a copy: no instruction avoids it.
            continue
        storers = largest_first(evidence, waste.stored_in[of_layer], of_layer)
        title = f"Added in {layers_text(sorted(storers))}, stored again in layer {layer}"
        fix = _fix(evidence, layer, storers, of_layer)
        yield claim_of(evidence, of_layer, (layer, *storers), title, fix, Confidence.MEDIUM)


def _fix(evidence: Evidence, layer: int, storers: Sequence[int], rows: Rows) -> str | Fix:
    """Leave the files out of one of the copies."""
    step, first = evidence.step(layer), evidence.step(storers[0])
    names, shown = names_of(evidence, rows), quoted_names(evidence, rows)
    if evidence.is_base(storers[0]):
        return f"# the base image already has them: leave {shown} out of\n{instruction_text(evidence, step)}"
    if step.instruction in ("COPY", "ADD") and first.instruction in ("COPY", "ADD"):
        few = len(rows) <= MAX_NAMED and step.instruction == "COPY"
        if few and _are_alone(evidence, layer, rows):
            flags = [f"--exclude={shell_word('**/' + name.rpartition('/')[2])}" for name in names]
            return (
                f"{instruction_text(evidence, first)}\n"
                "# exclude files that are already there (needs `# syntax=docker/dockerfile:1.19`):\n"
                + with_flags(step, *flags)
            )
        return (
            f"# {shown}: copy it once, with the narrower of the two, or use it in a RUN without storing it:\n"
            f"# RUN --mount=type=bind,target=/mnt …\n{instruction_text(evidence, first)}\n{instruction_text(evidence, step)}"
        )
    return f"# {shown}: store it once, with one of these\n{instruction_text(evidence, first)}\n{instruction_text(evidence, step)}"


def _are_alone(evidence: Evidence, layer: int, rows: Rows) -> bool:
    """Whether a layer stores no other files with these names, which --exclude would leave out, too."""
    filesystem, components = evidence.filesystem, evidence.filesystem.table.components
    paths = np.unique(evidence.accounting.waste.paths[rows])
    stored = np.unique(filesystem.paths[filesystem.born == layer])
    return int(np.isin(components[stored], components[paths]).sum()) == len(paths)


RULE = Rule(
    "stored-again",
    title="Stored again without a change",
    why="Writing a file stores all of it again, even if nothing changed.",
    finds="Files that a later step stores again although neither content nor attributes differ.",
    wrong="The bytes are exact. If the second step has to write the files, drop the first one.",
    find=_find,
)
