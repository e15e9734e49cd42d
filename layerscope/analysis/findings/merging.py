"""Several RUN in one: the fix for what one of them stores and another hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.fixes import instruction_text, is_open_run
from layerscope.analysis.findings.hidden import Rows
from layerscope.analysis.findings.words import NAMED, steps_named
from layerscope.image.history import Step
from layerscope.image.instruction import readable

_NOTEWORTHY = 20
"""Steps belong together if one hides at least the 20th part of all that is hidden so."""
_BETWEEN = 100
"""Steps that are looked at between those that are merged."""

_MERGED = 30
"""Steps that are written as one."""


@dataclass(frozen=True, slots=True)
class Chain:
    """RUN steps of which each hides what another stored."""

    layers: tuple[int, ...]
    """Lowest first, at least two."""
    rows: Rows
    """What they hide of each other, largest first."""


def mergeable(evidence: Evidence, lower: int, upper: int) -> bool:
    """Whether the steps of two layers can be one RUN: both are RUN, both the base image's or both not."""
    first, second = evidence.step(lower), evidence.step(upper)
    return first.instruction == second.instruction == "RUN" and (
        first.index < evidence.base_steps
    ) == (second.index < evidence.base_steps)


def split_mergeable(evidence: Evidence, rows: Rows) -> tuple[Rows, Rows]:
    """Hidden contents of pairs of steps that can be one RUN, and of others."""
    waste = evidence.accounting.waste
    count = len(evidence.image.layers)
    keys = waste.stored_in[rows].astype(np.int64) * count + waste.hidden_by[rows]
    pairs, place = np.unique(keys, return_inverse=True)
    can = np.array([mergeable(evidence, *divmod(pair, count)) for pair in pairs.tolist()], bool)
    chosen = can[place]
    return rows[chosen], rows[~chosen]


def chains(evidence: Evidence, rows: Rows) -> list[Chain]:
    """Hidden contents of pairs that can be one RUN, by the steps that are better merged."""
    if not len(rows):
        return []
    waste = evidence.accounting.waste
    count = len(evidence.image.layers)
    keys = waste.stored_in[rows].astype(np.int64) * count + waste.hidden_by[rows]
    pairs, place = np.unique(keys, return_inverse=True)
    sums = np.bincount(place, waste.bytes[rows], len(pairs))
    noteworthy = sums * _NOTEWORTHY >= sums.sum()
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
        ]
    )[place]
    return [Chain(tuple(found), rows[heads == head]) for head, found in members.items()]


def one_run(evidence: Evidence, layers: Sequence[int]) -> str:
    """One RUN for those of several layers, lowest first, and what has to stand before it."""
    steps = [evidence.step(layer) for layer in layers]
    merged = {step.index for step in steps}
    between = [
        step
        for step in evidence.image.steps[steps[0].index + 1 : steps[-1].index][:_BETWEEN]
        if step.index not in merged
    ]
    lines = [f"# one RUN for {steps_named(sorted(merged))}"]
    lines += [
        f"# mind that {' '.join(instruction_text(step).split())} stood between them"
        for step in between
        if step.instruction in ("WORKDIR", "USER", "SHELL")
    ][:NAMED]
    lines += [
        instruction_text(step)
        for step in between
        if step.instruction in ("COPY", "ADD", "ENV", "ARG")
    ][:NAMED]
    if all(map(is_open_run, steps)) and len(steps) <= _MERGED:
        return "\n".join([*lines, instruction_text(replace(steps[0], arguments=joined(steps)))])
    if len(steps) > _MERGED:
        lines.append(f"# the first {_MERGED} of them:")
    return "\n".join([*lines, *map(instruction_text, steps[:_MERGED])])


def joined(steps: Sequence[Step]) -> str:
    """One command that does what several do, and that fails where one of them fails."""
    text = ""
    for step in steps:
        more = step.arguments.strip().removesuffix(";").rstrip()
        text = _and(text, more) if text else more
    return text


def _and(first: str, second: str) -> str:
    """`&&` if that holds the second command together; else what stops a shell that goes on behind a `;`."""
    if not _has_parts(second):
        return f"{first} && {second}"
    setting = second.partition(";")[0]
    last = readable(first)[-1]
    if (
        first.startswith("set -")
        and "e" in first.split()[1]
        and not {"&&", "||"} & set(last.split())
    ):
        same = first.startswith(setting + ";") and setting.startswith("set -")
        return f"{first}; {second[len(setting) + 1 :].lstrip() if same else second}"
    return f"{first} || exit 1; {second}"


def _has_parts(command: str) -> bool:
    """Whether a `;` ends something before its end."""
    return any(line.endswith(";") for line in readable(command)[:-1])
