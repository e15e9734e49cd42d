"""Finds an order of the last release's steps that would have saved bytes over the series, as a finding with a fix.

Steps that change often move after steps that do not need their files (see `later_places.py`). Replaying the whole series in the
new order gives the saving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from layerscope.analysis.compare.side import Side
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.fixes import recorded_instruction
from layerscope.analysis.findings.rules.reordering import RULE
from layerscope.analysis.series.later_places import (
    SETTINGS,
    VARIABLES,
    LaterPlace,
    LaterPlaces,
    names_set,
)
from layerscope.analysis.series.replay import Move, replay
from layerscope.analysis.series.series import BASE, Series
from layerscope.image.dockerfile import DockerfileInstruction
from layerscope.image.history import Step
from layerscope.image.secret_spans import masked
from layerscope.words import Confidence

_MAX_STEPS = 12
"""Maximum steps to move, the costliest first."""
_MAX_SHOWN = 8
"""Maximum instructions that a fix shows."""


class Reordering(Struct, frozen=True):
    """Another order of the last release's steps, and its saving."""

    moves: tuple[Move, ...]
    """Applied one after the other."""
    hops: tuple[int, ...]
    """Bytes that each hop would have fetched."""
    finding: Finding
    """Its bytes are the saving over all hops."""


def find_reordering(
    series: Series,
    last: Side,
    base_steps: int,
    written: Mapping[int, DockerfileInstruction] | None = None,
    text: str = "",
    minimum: int = RULE.min_bytes,
) -> Reordering | None:
    """The order that would have saved most over the series; None if that is less than `minimum` bytes.

    `last` is the last release; its first `base_steps` steps belong to the base image. `text` is its Dockerfile, and `written` are the
    instructions in it, by step.
    """
    written = written or {}
    costly = [cost.number for cost in series.costs() if cost.number != BASE][:_MAX_STEPS]
    places = LaterPlaces(last, base_steps, written, series.last_numbers)
    chosen = _choose(series, list(places.of_steps(costly)))
    moves = [option.move for option in chosen]
    hops = replay(series, moves)
    saved = series.bytes - sum(hops)
    if not moves or saved < max(minimum, 1):
        return None
    proposal = _Proposal(last.image.steps, base_steps, written, text)
    return Reordering(tuple(moves), tuple(hops), proposal.finding(chosen, saved))


def _choose(series: Series, candidates: Sequence[Sequence[LaterPlace]]) -> list[LaterPlace]:
    """For each step, the place that saves most if the other steps move, too; moves that then save nothing are left out.

    The steps are considered together because moving one saves nothing while another one makes the same steps run again.
    """

    def saved(options: Sequence[LaterPlace]) -> int:
        return series.bytes - sum(replay(series, [option.move for option in options]))

    chosen = [options[-1] for options in candidates]
    for place, options in enumerate(candidates):
        others = chosen[:place], chosen[place + 1 :]
        chosen[place] = max(options, key=lambda option: saved([*others[0], option, *others[1]]))
    for option in list(chosen):
        without = [other for other in chosen if other is not option]
        if saved(without) >= saved(chosen):
            chosen = without
    return chosen


class _Proposal:
    """Writes a proposed order as text and as edits."""

    def __init__(
        self,
        steps: Sequence[Step],
        base_steps: int,
        written: Mapping[int, DockerfileInstruction],
        text: str,
    ) -> None:
        self._steps = steps
        self._base = base_steps
        self._written = written
        self._text = text

    def finding(self, chosen: Sequence[LaterPlace], saved: int) -> Finding:
        """The finding for the chosen places, which save that many bytes."""
        steps = [option.step for option in chosen]
        certain = all(step.instruction in SETTINGS for step in steps)
        fix = self._fix(chosen)
        first, last = (
            min(step.index for step in steps),
            max(option.after.index for option in chosen),
        )
        later = [step for step in self._steps[first + 1 : last + 1] if step not in steps]
        return Finding(
            rule=RULE.name,
            title=_title(chosen),
            severity=RULE.severity,
            confidence=Confidence.HIGH if certain else RULE.confidence,
            bytes=saved,
            steps=tuple(step.index for step in steps),
            layers=tuple(step.layer for step in later if step.layer is not None),
            paths=np.zeros(0, np.int32),
            inodes=np.zeros(0, np.int32),
            base=False,
            why=RULE.why,
            fix=fix.text,
            edits=fix.edits,
        )

    def _fix(self, chosen: Sequence[LaterPlace]) -> Fix:
        """The instructions in their new order, and the same as edits: each moved instruction is inserted after the nearest step
        before it that does not move."""
        order: list[Step | LaterPlace] = list(self._steps)
        for option in chosen:
            place = order.index(option.step)
            order[place : place + 1] = [option] if option.move.copied_first else []
            order.insert(order.index(option.after) + 1, option.step)
        moved = {option.step.index for option in chosen}
        can_be_written = all(option.partial_copy for option in chosen if option.move.copied_first)
        edits = [Edit("drop", option.step.index) for option in chosen]
        anchor: Step | None = None
        following: list[str] = []
        for each in order:
            if isinstance(each, Step) and each.index not in moved:
                edits += [Edit("before", each.index, text) for text in following]
                anchor, following = each, []
                continue
            text = each.partial_copy if isinstance(each, LaterPlace) else self._instruction(each)
            if anchor is None or anchor.index < self._base:
                following.append(text)  # nothing of this Dockerfile comes before it
            else:
                edits.append(Edit("insert", anchor.index, text))
        places = [
            n for n, each in enumerate(order) if isinstance(each, LaterPlace) or each.index in moved
        ]
        start = min(step.index for step in (option.step for option in chosen))
        shown = order[min(places[0], start) : places[-1] + 1]
        lines = [self._shown(each) for each in shown]
        if len(lines) > _MAX_SHOWN:
            lines = [*lines[: _MAX_SHOWN // 2], "# …", *lines[-_MAX_SHOWN // 2 :]]
        text = "\n".join([*lines, *self._checks(chosen)])
        if masked(text) != text:
            note = "# (the instructions are not quoted: they hold a secret)"
            return Fix("\n".join([*self._checks(chosen), note]))
        return Fix(text, tuple(edits) if can_be_written else ())

    def _shown(self, each: Step | LaterPlace) -> str:
        if isinstance(each, Step):
            return self._instruction(each)
        names = ", ".join("/" + path.decode(errors="replace") for path in each.move.copied_first)
        return each.partial_copy or f"# COPY the source of {names}"

    @staticmethod
    def _checks(chosen: Sequence[LaterPlace]) -> list[str]:
        """Comments on what to check before changing the order."""
        names = [
            name
            for option in chosen
            if option.step.instruction in VARIABLES
            for name in names_set(option.step)
        ]
        checks = []
        if names:
            checks.append(
                f"# check: no command that now comes before it reads {', '.join(names)} from its environment"
            )
        if any(option.step.layer is not None for option in chosen):
            checks.append(
                "# check: the steps that now come before COPY need none of its other files"
            )
        return checks

    def _instruction(self, step: Step) -> str:
        """An instruction as its author wrote it, or as its builder recorded it."""
        written = self._written.get(step.index)
        if written is None:
            return recorded_instruction(step)
        return self._text[written.start : written.stop].replace("\r\n", "\n")


def _title(chosen: Sequence[LaterPlace]) -> str:
    if len(chosen) > 1:
        return f"{len(chosen)} steps that change often come before steps that do not need them"
    (option,) = chosen
    step = option.step
    if step.layer is not None:
        much = "little" if option.move.copied_first else "nothing"
        return f"{step.instruction} comes before steps that need {much} of it"
    name = step.arguments.split()[0].partition("=")[0] if step.arguments.strip() else ""
    return f"{step.instruction} {name} comes before steps that do not need it"
