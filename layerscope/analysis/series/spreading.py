"""Determines which steps a builder runs again because an earlier one changed.

Docker's classic builder, buildah and Kaniko chain steps: a change of one runs all later ones again. BuildKit considers the inputs of
each step: settings of the image, such as LABEL, are not an input of any step, and ENV, ARG, USER and SHELL are inputs of RUN only
(BuildKit, frontend/dockerfile/dockerfile2llb/convert.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from layerscope.analysis.compare.steps import step_text
from layerscope.image.history import Step

_RUN_INPUTS = frozenset(("ARG", "ENV", "USER", "SHELL"))
"""Metadata steps that are inputs of later RUNs."""

Arguments = Mapping[str, frozenset[str]]


class Reach(IntEnum):
    """The later steps that BuildKit runs again after a change of a step; other builders run all of them again."""

    NONE = 0
    RUNS = 1
    ALL = 2


def reach(step: Step) -> Reach:
    """The reach of a change of a step."""
    if step.layer is not None or step.instruction == "WORKDIR":
        return Reach.ALL
    return Reach.RUNS if step.instruction in _RUN_INPUTS else Reach.NONE


def reach_needed(step: Step) -> Reach:
    """The minimum reach of an earlier change that makes this step run again."""
    comment, text = step.comment or "", step.created_by or ""
    if not (comment.startswith("buildkit.") or text.rstrip().endswith("# buildkit")):
        return Reach.NONE
    return Reach.RUNS if step.instruction == "RUN" else Reach.ALL


class FirstChanges:
    """The first changed step for each reach."""

    def __init__(self) -> None:
        self._first: dict[Reach, int] = {}

    def add(self, place: int, step: Step) -> None:
        """Add a changed step; steps are added in order."""
        self._first.setdefault(reach(step), place)

    def before(self, step: Step) -> int | None:
        """The place of the first change that makes a step run again; None if there is none."""
        least = reach_needed(step)
        return min(
            (place for affected, place in self._first.items() if affected >= least), default=None
        )


def effective_changes(steps: Sequence[Step], layers_missing: Sequence[bool]) -> list[bool]:
    """For each step, whether a change of it may have made later ones run again. It did not if the next RUN that it reaches still has
    the same layer: a RUN that runs again writes new times. The layer of a COPY proves nothing, because files keep their times.
    `layers_missing` tells for each step whether the old release lacks its layer."""
    effective: list[bool] = []
    confirmed: dict[Reach, bool] = {}
    """For each reach, whether the following layers show that a change took effect."""
    for step, is_missing in zip(reversed(steps), reversed(layers_missing), strict=True):
        effective.append(is_missing or confirmed.get(reach(step), True))
        if step.layer is not None and (is_missing or step.instruction == "RUN"):
            confirmed |= {far: is_missing for far in Reach if far >= reach_needed(step)}
    return effective[::-1]


def build_arguments(steps: Sequence[Step]) -> Arguments:
    """The recorded values of build arguments, by name."""
    values: dict[str, set[str]] = {}
    for step in steps:
        for text in step.build_args:
            name, _, value = text.partition("=")
            values.setdefault(name, set()).add(value)
    return {name: frozenset(values) for name, values in values.items()}


def argument_names(steps: Iterable[Step]) -> set[str]:
    """The names of build arguments that ARG steps declare."""
    return {
        word.partition("=")[0]
        for step in steps
        if step.instruction == "ARG"
        for word in step.arguments.split()
    }


def instruction_changed(
    old: Step, new: Step, arguments: tuple[Arguments, Arguments], declared: set[str]
) -> bool:
    """Whether a step has another instruction, or another value of a build argument. Arguments that an ARG step declares count for
    that step, not for the RUNs that use them. Steps that are not recorded count as unchanged."""
    if not (old.recorded and new.recorded):
        return False
    if step_text(old) != step_text(new):
        return True
    if new.instruction == "ARG":
        before, after = arguments
        return any(before.get(name) != after.get(name) for name in argument_names([new]))
    return _undeclared(old, declared) != _undeclared(new, declared)


def _undeclared(step: Step, declared: set[str]) -> set[str]:
    return {text for text in step.build_args if text.partition("=")[0] not in declared}
