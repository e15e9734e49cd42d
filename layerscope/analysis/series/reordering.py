"""What another order of the last release's steps would have saved over a series: a finding with its fix.

A step that changes often comes later: behind steps that do not need what it brings (see `later_places.py`). What that saves is the
replay of the whole series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.analysis.compare.side import Side
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.fixes import recorded_instruction
from layerscope.analysis.findings.rules.reordering import RULE
from layerscope.analysis.series.later_places import (
    SETTINGS,
    VARIABLES,
    LaterPlaces,
    Option,
    names_set,
)
from layerscope.analysis.series.replay import Move, replay
from layerscope.analysis.series.series import BASE, Series
from layerscope.image.dockerfile import DockerfileInstruction
from layerscope.image.history import Step
from layerscope.image.secret_spans import masked
from layerscope.words import Confidence

_MOST_STEPS = 12
"""Most steps that are moved: the costliest ones."""
_SHOWN = 8
"""Instructions in between that a fix shows."""


@dataclass(frozen=True, slots=True)
class Reordering:
    """Another order of the last release's steps, and what it would have saved."""

    moves: tuple[Move, ...]
    """One after the other."""
    hops: tuple[int, ...]
    """Bytes that each hop would have fetched."""
    finding: Finding
    """Its bytes are those that all hops together would have fetched less."""


def find_reordering(
    series: Series,
    last: Side,
    base_steps: int,
    written: Mapping[int, DockerfileInstruction] | None = None,
    text: str = "",
    least: int = RULE.min_bytes,
) -> Reordering | None:
    """The order that would have saved most over the series; None if that is less than `least` bytes.

    `last` is the last release, its first `base_steps` steps are the base image's; `written` are the instructions of its Dockerfile, by
    step, whose text is `text`.
    """
    written = written or {}
    charged = [cost.number for cost in series.costs() if cost.number != BASE][:_MOST_STEPS]
    places = LaterPlaces(last, base_steps, written, series.last_numbers)
    chosen = _chosen(series, list(places.of_steps(charged)))
    moves = [option.move for option in chosen]
    hops = replay(series, moves)
    less = series.bytes - sum(hops)
    if not moves or less < max(least, 1):
        return None
    proposal = _Proposal(last.image.steps, base_steps, written, text)
    return Reordering(tuple(moves), tuple(hops), proposal.finding(chosen, less))


def _chosen(series: Series, candidates: Sequence[Sequence[Option]]) -> list[Option]:
    """Of each step the place that saves most if the other steps move, too; without those that then save nothing.

    Changes of one step only count once those of the others do not have the same steps run again.
    """

    def saved(options: Sequence[Option]) -> int:
        return series.bytes - sum(replay(series, [option.move for option in options]))

    chosen = [options[-1] for options in candidates]
    for place, options in enumerate(candidates):
        rest = chosen[:place], chosen[place + 1 :]
        chosen[place] = max(options, key=lambda option: saved([*rest[0], option, *rest[1]]))
    for option in list(chosen):
        without = [other for other in chosen if other is not option]
        if saved(without) >= saved(chosen):
            chosen = without
    return chosen


class _Proposal:
    """Writes what is proposed, as text and as edits."""

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

    def finding(self, chosen: Sequence[Option], less: int) -> Finding:
        """The finding about some moves."""
        steps = [option.step for option in chosen]
        certain = all(step.instruction in SETTINGS for step in steps)
        fix = self._fix(chosen)
        first, last = (
            min(step.index for step in steps),
            max(option.behind.index for option in chosen),
        )
        later = [step for step in self._steps[first + 1 : last + 1] if step not in steps]
        return Finding(
            rule=RULE.name,
            title=_title(chosen),
            severity=RULE.severity,
            confidence=Confidence.HIGH if certain else RULE.confidence,
            bytes=less,
            steps=tuple(step.index for step in steps),
            layers=tuple(step.layer for step in later if step.layer is not None),
            paths=np.zeros(0, np.int32),
            inodes=np.zeros(0, np.int32),
            base=False,
            why=RULE.why,
            fix=fix.text,
            edits=fix.edits,
        )

    def _fix(self, chosen: Sequence[Option]) -> Fix:
        """The instructions in their new order, and the same as edits: what moves is written behind the step that comes before it
        then and does not move."""
        order: list[Step | Option] = list(self._steps)
        for option in chosen:
            place = order.index(option.step)
            order[place : place + 1] = [option] if option.move.first else []
            order.insert(order.index(option.behind) + 1, option.step)
        moved = {option.step.index for option in chosen}
        known = all(option.part for option in chosen if option.move.first)
        edits = [Edit("drop", option.step.index) for option in chosen]
        anchor: Step | None = None
        following: list[str] = []
        for each in order:
            if isinstance(each, Step) and each.index not in moved:
                edits += [Edit("before", each.index, text) for text in following]
                anchor, following = each, []
                continue
            text = each.part if isinstance(each, Option) else self._instruction(each)
            if anchor is None or anchor.index < self._base:
                following.append(text)  # nothing of this Dockerfile comes before it
            else:
                edits.append(Edit("insert", anchor.index, text))
        places = [
            n for n, each in enumerate(order) if isinstance(each, Option) or each.index in moved
        ]
        start = min(step.index for step in (option.step for option in chosen))
        shown = order[min(places[0], start) : places[-1] + 1]
        lines = [self._shown(each) for each in shown]
        if len(lines) > _SHOWN:
            lines = [*lines[: _SHOWN // 2], "# …", *lines[-_SHOWN // 2 :]]
        text = "\n".join([*lines, *self._checks(chosen)])
        if masked(text) != text:
            said = "# (the instructions are not quoted: they hold a secret)"
            return Fix("\n".join([*self._checks(chosen), said]))
        return Fix(text, tuple(edits) if known else ())

    def _shown(self, each: Step | Option) -> str:
        if isinstance(each, Step):
            return self._instruction(each)
        names = ", ".join("/" + path.decode(errors="replace") for path in each.move.first)
        return each.part or f"# COPY what becomes {names}"

    @staticmethod
    def _checks(chosen: Sequence[Option]) -> list[str]:
        """What to make sure of before the order is changed, as comments."""
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
                "# check: what now comes before COPY needs nothing else of what it brings"
            )
        return checks

    def _instruction(self, step: Step) -> str:
        """An instruction as its author wrote it, or as its builder recorded it."""
        written = self._written.get(step.index)
        if written is None:
            return recorded_instruction(step)
        return self._text[written.start : written.stop].replace("\r\n", "\n")


def _title(chosen: Sequence[Option]) -> str:
    if len(chosen) > 1:
        return f"{len(chosen)} steps that change often come before steps that do not need them"
    (option,) = chosen
    step = option.step
    if step.layer is not None:
        much = "little" if option.move.first else "nothing"
        return f"{step.instruction} comes before steps that need {much} of it"
    name = step.arguments.split()[0].partition("=")[0] if step.arguments.strip() else ""
    return f"{step.instruction} {name} comes before steps that do not need it"
