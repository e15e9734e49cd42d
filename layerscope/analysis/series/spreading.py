"""Which steps a builder runs again because of a change of an earlier one.

Docker's classic builder, buildah and Kaniko chain steps: whatever changes a step has all later ones run again. BuildKit looks at what a
step uses: settings of the image, such as LABEL, are no input of any step, and ENV, ARG, USER and SHELL are inputs of RUN alone
(BuildKit, frontend/dockerfile/dockerfile2llb/convert.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from layerscope.analysis.compare.steps import step_text
from layerscope.image.history import Step

_OF_RUN = frozenset(("ARG", "ENV", "USER", "SHELL"))
"""Metadata steps that are inputs of later RUNs."""

Arguments = Mapping[str, frozenset[str]]


class Reach(IntEnum):
    """Which later steps of BuildKit a change of a step has run again; of other builders it is all of them."""

    NONE = 0
    RUNS = 1
    ALL = 2


def reach(step: Step) -> Reach:
    """The reach of a change of a step."""
    if step.layer is not None or step.instruction == "WORKDIR":
        return Reach.ALL
    return Reach.RUNS if step.instruction in _OF_RUN else Reach.NONE


def least_reach(step: Step) -> Reach:
    """The least reach of a change that has a later step run again."""
    comment, text = step.comment or "", step.created_by or ""
    if not (comment.startswith("buildkit.") or text.rstrip().endswith("# buildkit")):
        return Reach.NONE
    return Reach.RUNS if step.instruction == "RUN" else Reach.ALL


class Firsts:
    """The first of some steps, in order, by how far a change of it reaches."""

    def __init__(self) -> None:
        self._first: dict[Reach, int] = {}

    def add(self, place: int, step: Step) -> None:
        """Take down a step that changed."""
        self._first.setdefault(reach(step), place)

    def before(self, step: Step) -> int | None:
        """The place of the first one that has a step run again; None if there is none."""
        least = least_reach(step)
        return min((place for far, place in self._first.items() if far >= least), default=None)


def take_effect(steps: Sequence[Step], missing: Sequence[bool]) -> list[bool]:
    """For each step, whether nothing speaks against a change of it having had later ones run again. The next RUN that it reaches
    does, if its layer is the same: files that RUNs write have new times. What COPY brings has its own. `missing` says of each step
    whether its layer is another one."""
    found: list[bool] = []
    seen: dict[Reach, bool] = {}
    """By the reach of a change, whether the layers that it reaches show that it took effect."""
    for step, lacks in zip(reversed(steps), reversed(missing), strict=True):
        found.append(lacks or seen.get(reach(step), True))
        if step.layer is not None and (lacks or step.instruction == "RUN"):
            seen |= {far: lacks for far in Reach if far >= least_reach(step)}
    return found[::-1]


def arguments_seen(steps: Sequence[Step]) -> Arguments:
    """The values of build arguments, by name, that RUNs saw."""
    found: dict[str, set[str]] = {}
    for step in steps:
        for text in step.build_args:
            name, _, value = text.partition("=")
            found.setdefault(name, set()).add(value)
    return {name: frozenset(values) for name, values in found.items()}


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
    """Whether a step has another instruction, or sees another value of an argument. Values of arguments that an ARG step declares
    are that step's, not those of the RUNs that see them. What is not recorded is not known to have changed."""
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
