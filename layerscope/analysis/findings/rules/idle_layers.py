"""Layers that change nothing: those without entries, and those whose entries were there already."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import commented, instruction_text
from layerscope.analysis.findings.hidden import split_by_key
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.steps import step_kind
from layerscope.words import Confidence, Severity, StepKind

_NONE = np.zeros(0, np.int64)


def _find_unchanged(evidence: Evidence) -> Iterator[Claim]:
    waste = evidence.accounting.waste
    # Without the layer, the contents that it hides would be live: one of the two equal contents is saved either way.
    hides = dict(split_by_key(waste.hidden_by, np.arange(len(waste))))
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


def _find_empty(evidence: Evidence) -> Iterator[Claim]:
    for layer, contents in enumerate(evidence.contents):
        step = evidence.step(layer)
        if step.index < evidence.base_steps or step.instruction != "RUN":
            continue
        if contents.index.broken is not None:
            continue  # its contents are unknown
        if step_kind(evidence.filesystem, contents.index, layer) is not StepKind.EMPTY:
            continue
        yield Claim(fix=_fix(instruction_text(evidence, step), step.arguments), layers=(layer,))


def _fix(text: str, command: str) -> str:
    """`cd` becomes WORKDIR, `export` becomes ENV; anything else can be left out."""
    words = command.split()
    if len(words) == 2 and words[0] == "cd":
        return f"WORKDIR {words[1]}"
    if len(words) == 2 and words[0] == "export" and "=" in words[1]:
        return f"ENV {words[1]}"
    return f"# leave it out, unless it only checks something:\n{commented(text)}"


RULES = (
    Rule(
        "no-effect-layer",
        title="Layer without changes",
        why="All of its files were already there, with the same content and attributes.",
        finds="Layers whose entries change neither content nor attributes.",
        wrong="If the step is there for what it prints or checks, ignore it.",
        find=_find_unchanged,
        severity=Severity.NOTE,
        min_bytes=0,
    ),
    Rule(
        "empty-layer",
        title="RUN without effect",
        why="Each RUN has its own shell: cd, export and started services end with it, and the layer is empty.",
        finds="`RUN` steps whose layer has no entries.",
        wrong="If the step only checks something or runs tests, ignore it.",
        find=_find_empty,
        severity=Severity.NOTE,
        confidence=Confidence.MEDIUM,
        min_bytes=0,
    ),
)
