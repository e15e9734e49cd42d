"""Several RUN in one: the fix for what one of them stores and another hides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import NAMED, layers_named
from layerscope.analysis.findings.fixes import instruction_text, is_open_run
from layerscope.analysis.findings.hidden import Rows, split
from layerscope.image.history import Step
from layerscope.image.instruction import readable

_NOTEWORTHY = 20
"""Steps belong together if one hides at least the 20th part of what the worst pair of steps hides."""
_BETWEEN = 100
"""Steps that are looked at between those that are merged."""

_MERGED = 30
"""Steps that are written as one."""

_STRICT = re.compile(r"set -[a-z]*e[a-z]*(?: -?o \w+)?\s*;")
"""What makes a shell end with the first command that fails."""
_MOVES = re.compile(r"(?:^|[;&|(]\s*)cd\s")


@dataclass(frozen=True, slots=True)
class Chain:
    """RUN steps that hide each other's content."""

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
    )[place]
    return [Chain(tuple(members[head]), mine) for head, mine in split(heads, rows) if head >= 0]


def one_run(evidence: Evidence, layers: Sequence[int]) -> str:
    """One RUN for those of several layers, lowest first, and what has to stand before it."""
    steps = [evidence.step(layer) for layer in layers]
    merged = {step.index for step in steps}
    between = [
        step
        for step in evidence.image.steps[steps[0].index + 1 : steps[-1].index][:_BETWEEN]
        if step.index not in merged
    ]
    lines = [f"# one RUN for {layers_named(sorted(layers))}"]
    lines += [
        f"# mind that {' '.join(instruction_text(step).split())} stood between them"
        for step in between
        if step.instruction in ("WORKDIR", "USER", "SHELL")
    ][:NAMED]
    runs = [step.layer for step in between if step.instruction == "RUN" and step.layer is not None]
    if runs:
        lines.append(
            f"# mind that {layers_named(runs)} stood between them: what comes after may need it"
        )
    lines += [
        instruction_text(step)
        for step in between
        if step.instruction in ("COPY", "ADD", "ENV", "ARG")
    ][:NAMED]
    if any(
        _MOVES.search(step.arguments) and _has_parts(step.arguments)
        for step in steps[:_MERGED][:-1]
    ):
        lines.append("# mind that what follows a cd now runs in its directory")
    if len(steps) <= _MERGED and all(map(is_open_run, steps)):
        return "\n".join([*lines, instruction_text(replace(steps[0], arguments=joined(steps)))])
    if len(steps) > _MERGED:
        lines.append(f"# the first {_MERGED} of them:")
    return "\n".join([*lines, *map(instruction_text, steps[:_MERGED])])


def joined(steps: Sequence[Step]) -> str:
    """One command that does what several do, and that fails where one of them fails."""
    text, setting = "", ""
    for number, step in enumerate(steps):
        more = step.arguments.strip().removesuffix(";").rstrip()
        parts, last = _has_parts(more), number == len(steps) - 1
        if not parts and not last and _MOVES.search(more):
            more = f"({more})"  # the next command was written for the directory that each RUN begins in
        own = more.partition(";")[0] if parts and _STRICT.match(more) else ""
        if not text or not parts:
            text = f"{text} && {more}" if text else more
        elif setting and own and not _holds_list(readable(text)[-1]):
            # A shell that ends with the first command that fails needs no more than the next command.
            text = f"{text}; {more[len(own) + 1 :].lstrip() if own == setting else more}"
        else:
            text = f"{text} || exit 1; {'set +eu; ' if setting and not own else ''}{more}"
        if parts:
            setting = own
    return text


def _holds_list(part: str) -> bool:
    """Whether a failure in a part of a command need not end a strict shell."""
    return "&&" in part or "||" in part


def _has_parts(command: str) -> bool:
    """Whether a `;` or `||` ends something before its end, so that `&&` before it is not for all of it."""
    return "||" in command or any(line.endswith(";") for line in readable(command)[:-1])
