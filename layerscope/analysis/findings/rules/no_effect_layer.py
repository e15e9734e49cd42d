"""Layers with files that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import commented, instruction_text
from layerscope.analysis.findings.hidden import split
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.steps import step_kind
from layerscope.words import Severity, StepKind

_NONE = np.zeros(0, np.int64)


def _find(evidence: Evidence) -> Iterator[Claim]:
    waste = evidence.accounting.waste
    # Without the layer, the contents that it hides would be live: one of two equal contents is saved either way.
    hides = dict(split(waste.hidden_by, np.arange(len(waste))))
    for layer, contents in enumerate(evidence.contents):
        step = evidence.step(layer)
        if step.index < evidence.base_steps or step.instruction not in ("RUN", "COPY", "ADD"):
            continue
        if contents.index.broken is not None:
            continue  # the rest of the layer is unknown
        if step_kind(evidence.filesystem, contents.index, layer) is not StepKind.UNCHANGED:
            continue
        rows = hides.get(layer, _NONE)
        if evidence.image.layers[layer].repeat_of is not None:
            rows = _NONE  # its blob is stored once
        rows = rows[waste.stored_in[rows] != layer]
        yield Claim(
            fix=f"# leave layer {layer} out, if it does nothing else:\n"
            + commented(instruction_text(evidence, step)),
            layers=(layer,),
            inodes=waste.inodes[rows],
            paths=waste.paths[rows],
            title=f"Layer {layer} changes nothing",
        )


RULE = Rule(
    "no-effect-layer",
    title="Layer without changes",
    why="All of its files were already there, with the same content and attributes.",
    finds="Layers whose entries change neither content nor attributes.",
    wrong="The step may be there for what it prints or checks: ignore it then.",
    find=_find,
    severity=Severity.NOTE,
    min_bytes=0,
)
