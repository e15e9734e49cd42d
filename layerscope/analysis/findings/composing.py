"""Combines the edits of several findings without conflicts."""

from __future__ import annotations

from collections.abc import Container, Sequence

from msgspec import Struct, field

from layerscope.analysis.findings.edits import Edit
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.runs import BREAK, Change

REPEATED = frozenset(("--mount", "--exclude"))
"""Flags that an instruction may repeat."""

NEEDS_DECISION = "it needs a decision: its fix is described in words"
"""Why a finding is left out if its fix is described in words."""


class LeftOut(Struct, frozen=True):
    """A finding that is left out, with the reason."""

    number: int
    why: str


class Plan(Struct):
    """The changes to the steps of an image."""

    changes: dict[int, list[Change]] = field(default_factory=dict)
    """Changes of RUN scripts, by step."""
    flags: dict[int, list[str]] = field(default_factory=dict)
    drops: set[int] = field(default_factory=set)
    merges: list[tuple[int, ...]] = field(default_factory=list)
    """Groups of steps that become one RUN, in the place of the last one."""
    before: dict[int, list[str]] = field(default_factory=dict)
    """Instructions to insert before a step."""
    after: dict[int, list[str]] = field(default_factory=dict)
    dockerignore: list[str] = field(default_factory=list)
    """Lines for .dockerignore."""
    applied: list[int] = field(default_factory=list)
    """Numbers of the fixed findings, largest saving first."""
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def steps(self) -> set[int]:
        """Steps whose instruction changes."""
        merged = {step for group in self.merges for step in group}
        return {*self.changes, *self.flags, *self.drops, *self.before, *self.after, *merged}


def compose(
    findings: Sequence[Finding], chosen: Sequence[int], places: Container[int] | None = None
) -> Plan:
    """The edits of the chosen findings as one plan. If two conflict, the one that saves more wins. `places` are the steps that
    can be edited, None for all.
    """
    plan = Plan()
    for number in sorted(chosen, key=lambda number: (-findings[number].bytes, number)):
        edits = findings[number].edits
        if not edits:
            plan.left_out.append(LeftOut(number, NEEDS_DECISION))
            continue
        conflict = _conflict(plan, edits)
        if places is not None:
            steps = {step for edit in edits for step in (edit.step, *edit.steps)}
            missing = sorted(step for step in steps if step not in places)
            if missing:
                conflict = f"step {missing[0]} is not in the Dockerfile"
        if conflict:
            plan.left_out.append(LeftOut(number, conflict))
            continue
        for edit in edits:
            _take(plan, edit)
        plan.applied.append(number)
    for group in plan.merges:
        _end_once(plan, group)
    return plan


def _end_once(plan: Plan, group: Sequence[int]) -> None:
    """In steps that are merged, a command that is appended to several of them, such as `apt-get clean`, runs only once, at the
    end of the last.
    """
    done: set[str] = set()
    for step in reversed(group):
        kept = []
        for change in reversed(plan.changes.get(step, [])):
            start, end, new = change
            ending = start == end and new.startswith(f"{BREAK}&& ")
            if not ending or new not in done:
                kept.append(change)
            if ending:
                done.add(new)
        if step in plan.changes:
            plan.changes[step] = kept[::-1]


def _conflict(plan: Plan, edits: Sequence[Edit]) -> str:
    """Why edits conflict with a plan; "" if they do not."""
    for edit in edits:
        if edit.kind == "ignore" or (edit.step in plan.drops and _is_mount(edit.text)):
            continue
        if edit.step in plan.drops and edit.kind != "drop":
            return f"another fix removes step {edit.step}"
        if edit.kind == "drop" and edit.step in _needed(plan):
            return f"another fix changes step {edit.step}"
        if edit.kind == "merge":
            for group in plan.merges:
                if {*group} & {*edit.steps} and not {*edit.steps} <= {*group}:
                    return f"another fix merges steps {', '.join(map(str, group))}"
            if {*edit.steps} & plan.drops:
                removed = min({*edit.steps} & plan.drops)
                return f"another fix removes step {removed}"
        if edit.kind == "change" and any(
            _overlap((edit.start, edit.end, edit.text), change)
            for change in plan.changes.get(edit.step, ())
        ):
            return f"another fix changes the same words of step {edit.step}"
        if edit.kind == "flag" and any(
            _is_other_value(edit.text, flag) for flag in plan.flags.get(edit.step, ())
        ):
            return f"another fix sets the same flag of step {edit.step}"
    return ""


def _is_mount(flag: str) -> bool:
    """Whether an edit adds a mount, which a RUN that another fix removes does not need."""
    return flag.startswith("--mount=type=bind,")


def _needed(plan: Plan) -> set[int]:
    """Steps that a plan changes in more than a mount."""
    flags = {step for step, flags in plan.flags.items() if not all(map(_is_mount, flags))}
    merged = {step for group in plan.merges for step in group}
    return {*plan.changes, *flags, *plan.before, *plan.after, *merged}


def _overlap(one: Change, other: Change) -> bool:
    """Whether two changes replace the same characters in different ways. Insertions never conflict."""
    if one == other or one[0] == one[1] == other[0] == other[1]:
        return False
    if one[0] == one[1] or other[0] == other[1]:
        inner, outer = (one, other) if one[0] == one[1] else (other, one)
        return outer[0] < inner[0] < outer[1]
    return one[0] < other[1] and other[0] < one[1]


def _is_other_value(one: str, other: str) -> bool:
    name = one.partition("=")[0]
    return one != other and name == other.partition("=")[0] and name not in REPEATED


def _take(plan: Plan, edit: Edit) -> None:
    if edit.kind == "drop":
        plan.drops.add(edit.step)
        plan.flags.pop(edit.step, None)
    elif edit.kind == "merge":
        if not any({*edit.steps} <= {*group} for group in plan.merges):
            plan.merges.append(edit.steps)
    elif edit.kind == "ignore":
        _add(plan.dockerignore, edit.text)
    elif edit.kind == "change":
        _add(plan.changes.setdefault(edit.step, []), (edit.start, edit.end, edit.text))
    else:
        if edit.step in plan.drops:
            return
        places = {"flag": plan.flags, "before": plan.before, "insert": plan.after}
        _add(places[edit.kind].setdefault(edit.step, []), edit.text)


def _add(items: list, item: object) -> None:  # type: ignore[type-arg]
    if item not in items:
        items.append(item)
