"""Merges RUN steps: the fix for content that one of them stores and another hides."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import AND_AT_ITS_END, ONE_RUN, Edit, Fix
from layerscope.analysis.findings.finding import MAX_NAMED, layers_text
from layerscope.analysis.findings.fixes import instruction_text, merged_text, run_in
from layerscope.analysis.findings.hidden import Rows, split_by_key
from layerscope.analysis.findings.one_shell import merge_scripts
from layerscope.analysis.findings.runs import Change, Run, append_command
from layerscope.image.history import Step
from layerscope.layers.index import Kind

_NOTEWORTHY = 20
"""Steps are merged if one hides at least 1/20 of what the worst pair of steps hides."""
_MAX_MERGED = 30
"""Maximum steps that are written as one."""
_MAX_QUOTED = 6
"""Maximum steps that are quoted if they cannot be written as one."""


class Chain(Struct, frozen=True):
    """RUN steps that hide each other's content."""

    layers: tuple[int, ...]
    """Lowest first, at least two."""
    rows: Rows
    """The contents that they hide, largest first."""


def mergeable(evidence: Evidence, lower: int, upper: int) -> bool:
    """Whether the steps of two layers can be one RUN: both are RUN, and both or neither are in the base image."""
    first, second = evidence.step(lower), evidence.step(upper)
    return first.instruction == second.instruction == "RUN" and (
        first.index < evidence.base_steps
    ) == (second.index < evidence.base_steps)


def split_mergeable(evidence: Evidence, rows: Rows) -> tuple[Rows, Rows]:
    """Hidden contents, split into those of pairs of steps that can be one RUN, and others."""
    waste = evidence.accounting.waste
    count = len(evidence.image.layers)
    keys = waste.stored_in[rows].astype(np.int64) * count + waste.hidden_by[rows]
    pairs, place = np.unique(keys, return_inverse=True)
    can_merge = np.array(
        [mergeable(evidence, *divmod(pair, count)) for pair in pairs.tolist()], bool
    )
    is_chosen = can_merge[place]
    return rows[is_chosen], rows[~is_chosen]


def chains(evidence: Evidence, rows: Rows) -> list[Chain]:
    """Hidden contents of pairs that can be one RUN, as chains of steps to merge."""
    if not len(rows):
        return []
    waste = evidence.accounting.waste
    count = len(evidence.image.layers)
    keys = waste.stored_in[rows].astype(np.int64) * count + waste.hidden_by[rows]
    pairs, index = np.unique(keys, return_inverse=True)
    sums = np.bincount(index, waste.bytes[rows], len(pairs))
    noteworthy = sums * _NOTEWORTHY >= sums.max()
    leader: dict[int, int] = {}

    def lead(layer: int) -> int:
        while leader.setdefault(layer, layer) != layer:
            leader[layer] = leader[leader[layer]]
            layer = leader[layer]
        return layer

    for pair in pairs[noteworthy].tolist():
        lower, upper = sorted(map(lead, divmod(pair, count)))
        leader[upper] = lower
    members: dict[int, list[int]] = {}
    for layer in sorted(leader):
        members.setdefault(lead(layer), []).append(layer)
    heads = np.array(
        [
            lead(pair // count) if good else -1
            for pair, good in zip(pairs.tolist(), noteworthy.tolist(), strict=True)
        ],
        np.int32,
    )[index]
    return [
        Chain(tuple(members[head]), of_chain)
        for head, of_chain in split_by_key(heads, rows)
        if head >= 0
    ]


def one_run(evidence: Evidence, layers: Sequence[int], end: str = "") -> Fix:
    """One RUN for those of several layers, lowest first, and the RUNs between them, with a command at its end; other instructions
    in between are moved before it. A comment if that would change what a step sees.
    """
    first, last = evidence.step(min(layers)), evidence.step(max(layers))
    span = evidence.image.steps[first.index : last.index + 1]
    steps = [step for step in span if step.instruction == "RUN" and step.layer is not None]
    runs = [run for step in steps if (run := run_in(evidence, step)) is not None]
    between = [step for step in span if step.instruction != "RUN"]
    named = sorted(step.layer for step in steps if step.layer is not None)
    note = f"{ONE_RUN} {layers_text(named)}"
    scripts = None
    ends: tuple[Change, ...] | None = ()
    if len(steps) == len(runs) <= _MAX_MERGED and _can_move(evidence, runs, between):
        scripts = merge_scripts(runs)
        ends = append_command(runs[-1], end) if end else ()
    if scripts is None or ends is None:
        return _in_words(evidence, steps, between, note, end)
    before = [
        instruction_text(evidence, step)
        for step in between
        if step.instruction in ("COPY", "ADD", "ENV", "ARG")
    ]
    edits = (
        Edit("merge", last.index, steps=tuple(step.index for step in steps)),
        *(Edit("change", last.index, new, start, stop) for start, stop, new in ends),
    )
    text = "\n".join([note, *before, merged_text(runs, scripts, [*[()] * (len(runs) - 1), ends])])
    return Fix(text, edits, note + (f"\n{AND_AT_ITS_END} {end}" if end else ""))


def _in_words(
    evidence: Evidence, steps: Sequence[Step], between: Sequence[Step], note: str, end: str
) -> Fix:
    """A comment on what to do if the merged RUN cannot be written."""
    settings = [
        f"# note: {' '.join(instruction_text(evidence, step).split())} is between them"
        for step in between
        if step.instruction in ("WORKDIR", "USER", "SHELL")
    ][:MAX_NAMED]
    copies = [
        f"# note: {' '.join(instruction_text(evidence, step).split())} has to come before what needs it"
        for step in between
        if step.instruction in ("COPY", "ADD", "ENV", "ARG")
    ][:MAX_NAMED]
    words = [note, *settings, *copies, *([f"{AND_AT_ITS_END} {end}"] if end else [])]
    shown = steps[:_MAX_QUOTED]
    if len(steps) > len(shown):
        words.append(f"# the first {_MAX_QUOTED} of them:")
    quoted = [instruction_text(evidence, step) for step in shown]
    return Fix("\n".join([*words, *quoted]), advice="\n".join(words))


def _can_move(evidence: Evidence, runs: Sequence[Run], between: Sequence[Step]) -> bool:
    """Whether RUNs see the same if the instructions between them come first."""
    if not runs:
        return False
    for step in between:
        earlier = [run for run in runs if run.step.index < step.index]
        if step.instruction in ("WORKDIR", "USER", "SHELL", "VOLUME", "ONBUILD", None):
            return False
        if step.instruction in ("ENV", "ARG"):
            name = re.split(r"[\s=]", step.arguments.strip(), maxsplit=1)[0]
            if name == "PATH" or any(
                re.search(rf"\b{re.escape(name)}\b", run.script) for run in earlier
            ):
                return False
        if step.layer is not None and any(
            _write_the_same(evidence, run.step, step.layer) for run in earlier
        ):
            return False
    return True


def _write_the_same(evidence: Evidence, step: Step, layer: int) -> bool:
    """Whether a RUN and another layer have entries for the same file."""
    if step.layer is None:
        return False
    filesystem = evidence.filesystem
    files = filesystem.kinds != Kind.DIRECTORY
    written = filesystem.paths[(filesystem.born == step.layer) & files]
    stored = filesystem.paths[(filesystem.born == layer) & files]
    return bool(np.isin(written, stored).any())
