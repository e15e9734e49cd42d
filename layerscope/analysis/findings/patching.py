"""Applies the edits of findings to a Dockerfile: the author's, with nothing else changed, or the one restored from the history."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.analysis.findings.composing import REPEATED, Plan, compose
from layerscope.analysis.findings.edits import IN_DOCKERIGNORE
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.fixes import (
    in_lines,
    merged_text,
    recorded_instruction,
    run_text,
    with_flags,
)
from layerscope.analysis.findings.one_shell import MergedScripts, merge_scripts
from layerscope.analysis.findings.runs import BREAK, Change, Run, Runs, apply_changes
from layerscope.image.dockerfile import Dockerfile, DockerfileInstruction, Heredoc, parse_dockerfile
from layerscope.image.history import Step
from layerscope.image.instruction import INDENT
from layerscope.image.secret_spans import masked

_AND_BEHIND = re.compile(r"&&[ \t]*[\\`]\r?\n")
_AND_BEFORE = re.compile(r"\n[ \t]*&&")
_NEAR = 3
"""Changed steps at most this far apart are shown together with the steps between them."""
_LEFT_OUT = " …"
"""The line of a diff that stands for unchanged lines."""
_CONTINUED = re.compile(r"\n([ \t]+)(?=[^\s#])")


class Patcher:
    """Writes fixes into the Dockerfile of an image: the author's, or the one restored from the history.

    `steps` are those of the image; the first `base_steps` belong to the base image named `base`. `runs` are their RUNs, if
    already parsed.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        lines: DockerfileLines | None,
        base_steps: int,
        base: str | None,
        runs: Runs | None = None,
    ) -> None:
        self._steps = steps
        self._lines = lines
        if runs is None:
            escape = "\\" if lines is None else lines.dockerfile.escape
            runs = Runs(steps, {} if lines is None else lines.instructions, escape)
        self._runs = runs
        self._base_steps = base_steps
        self._base = base or ("…" if base_steps else "scratch")

    def plan(self, findings: Sequence[Finding], chosen: Sequence[int]) -> Plan:
        """The edits of the chosen findings, see `compose`."""
        steps = range(self._base_steps, len(self._steps))
        return compose(findings, chosen, steps if self._lines is None else self._lines.instructions)

    def texts(self, plan: Plan) -> tuple[str, str]:
        """The whole Dockerfile before and after."""
        if self._lines is None:
            old, new = self._restored(self._base_steps, len(self._steps), plan)
            return (old, new) if masked(old) == old else (masked(old), masked(new))
        dockerfile = self._lines.dockerfile
        new = apply_changes(dockerfile.text, self._pieces(self._lines, plan))
        parse_dockerfile(new.encode(errors="surrogateescape"), dockerfile.name)
        return dockerfile.text, new

    def step_texts(self, steps: Collection[int], plan: Plan) -> tuple[str, str]:
        """A Dockerfile with only these steps, restored from the history, before and after a plan."""
        old, new = (f"FROM {self._base}\n",) * 2
        for step in sorted(steps):
            texts = self._restored(step, step + 1, plan)
            before, after = texts if masked(texts[0]) == texts[0] else map(masked, texts)
            old, new = old + before, new + after
        return old, new

    def difference(self, finding: Finding) -> str:
        """The fix for one finding as a diff, in lines that begin with `-`, `+` or a space; "" if it is described in words."""
        plan = self.plan([finding], [0]) if finding.edits else Plan()
        if not plan.applied:
            return ""
        difference: list[str] = []
        for texts in self._around(plan):
            old, new = (masked(text).splitlines() for text in texts)
            lines = difflib.unified_diff(old, new, n=1, lineterm="")
            difference += [_LEFT_OUT if line.startswith("@@") else line for line in list(lines)[2:]]
        difference = difference[1:]
        if plan.dockerignore:
            difference += [IN_DOCKERIGNORE, *(f"+{line}" for line in plan.dockerignore)]
        return "\n".join(difference)

    def _around(self, plan: Plan) -> Iterator[tuple[str, str]]:
        """The changed instructions with their neighbours, before and after, from top to bottom: not the whole file for each
        finding.
        """
        if self._lines is not None:
            _, old, new = self.changed_lines(plan)
            yield old, new
            return
        steps = sorted(plan.steps)
        for place, step in enumerate(steps):
            if not place or step > steps[place - 1] + _NEAR:
                start = step
            if place + 1 == len(steps) or steps[place + 1] > step + _NEAR:
                yield self._restored(start - 1, step + 2, plan)

    def changed_lines(self, plan: Plan) -> tuple[int, str, str]:
        """The lines of the author's Dockerfile that a plan changes, with their neighbours: how many lines come before them, and
        their text before and after. Both texts are empty without a Dockerfile, or if nothing changes.
        """
        if self._lines is None or not (pieces := self._pieces(self._lines, plan)):
            return 0, "", ""
        text = self._lines.dockerfile.text
        first, last = min(piece[0] for piece in pieces), max(piece[1] for piece in pieces)
        # One more line, at which the change may begin or end.
        start = text.rfind("\n", 0, max(text.rfind("\n", 0, first), 0)) + 1
        end = text.find("\n", last)
        end = len(text) if end < 0 else (text.find("\n", end + 1) + 1 or len(text))
        moved = [(a - start, b - start, new) for a, b, new in pieces]
        return text.count("\n", 0, start), text[start:end], apply_changes(text[start:end], moved)

    def _restored(self, start: int, end: int, plan: Plan) -> tuple[str, str]:
        """The instructions of the steps [start, end) restored from the history, without and with a plan."""
        begin = [f"FROM {self._base}"] if start <= self._base_steps else []
        old, new = begin.copy(), begin.copy()
        groups = {group[-1]: group for group in plan.merges}
        merged_away = {step for group in plan.merges for step in group[:-1]}
        for step in self._steps[max(start, self._base_steps) : end]:
            run, number = self._runs.of(step), step.index
            text = recorded_instruction(step) if run is None else run_text(run)
            old.append(text)
            new += plan.before.get(number, [])
            if number in groups:
                new.append(merged_text(*self._together(groups[number], plan)))
            elif number not in plan.drops and number not in merged_away:
                flags = plan.flags.get(number, [])
                if run is not None:
                    text = run_text(run, plan.changes.get(number, ()), flags)
                elif flags:
                    text = with_flags(step, *flags).text
                new.append(text)
            new += plan.after.get(number, [])
        return "\n".join(old) + "\n", "\n".join(new) + "\n"

    def _pieces(self, lines: DockerfileLines, plan: Plan) -> list[Change]:
        """Changes of the author's text for a plan whose steps are all in it."""
        dockerfile, written = lines.dockerfile, lines.instructions
        pieces: list[Change] = []
        removed, merged = set(plan.drops), set[int]()
        for group in plan.merges:
            removed |= {*group[:-1]}
            merged |= {*group}
            last = written[group[-1]]
            text = _merged(dockerfile, written, group, *self._together(group, plan))
            pieces.append((last.start, last.stop, text))
        for number in {*plan.changes, *plan.flags} - removed - merged:
            run = self._runs.of(self._steps[number])
            pieces += _edited(dockerfile, written[number], run, plan, number)
        for number in sorted(removed):
            pieces.append((*_lines(dockerfile, written[number]), ""))
        for place, inserted in ((0, plan.before), (1, plan.after)):
            for number, texts in inserted.items():
                at = _lines(dockerfile, written[number])[place]
                pieces.append((at, at, "".join(_own_lines(dockerfile, text) for text in texts)))
        return pieces

    def _together(
        self, group: Sequence[int], plan: Plan
    ) -> tuple[list[Run], MergedScripts, list[list[Change]], list[str]]:
        """The RUNs of a group, how they are merged, and what the plan changes in each and adds to all."""
        runs = [run for number in group if (run := self._runs.of(self._steps[number])) is not None]
        scripts = merge_scripts(runs)
        if scripts is None or len(runs) < len(group):
            raise ValueError("these RUNs cannot be merged")  # the fix would have been a comment
        changes = [plan.changes.get(number, []) for number in group]
        flags = [flag for number in group for flag in plan.flags.get(number, [])]
        flags = [flag for flag in flags if f"{flag},rw" not in flags]  # one mount per target
        return runs, scripts, changes, flags


# edits of the author's file


def _edited(
    dockerfile: Dockerfile, written: DockerfileInstruction, run: Run | None, plan: Plan, number: int
) -> list[Change]:
    """Changes of the file for one instruction."""
    indent = _indent(dockerfile, written)
    pieces = _flagged(dockerfile, written, plan.flags.get(number, []), indent)
    if run is not None:
        pieces += _placed(dockerfile, written, plan.changes.get(number, []), indent, run.is_script)
    return pieces


def _placed(
    dockerfile: Dockerfile,
    written: DockerfileInstruction,
    changes: Sequence[Change],
    indent: str,
    in_heredoc: bool,
) -> list[Change]:
    """Translate changes of a script to changes of the file."""
    place = _places(dockerfile, written)
    pieces = []
    ending = f" {dockerfile.escape}{dockerfile.newline}{indent}"
    text = dockerfile.text[written.start : written.stop]
    # In the author's style: `&&` at the end of a line, or at the beginning of the next one.
    at_line_end = _AND_BEHIND.search(text) is not None and _AND_BEFORE.search(text) is None
    joint = f" &&{ending}" if at_line_end else f"{ending}&& "
    for start, end, new in changes:
        first = place(start) if end > start or not start else place(start - 1) + 1
        last = place(end - 1) + 1 if end > start else first
        if in_heredoc:
            pieces.append((first, last, in_lines(new).replace("\n", dockerfile.newline)))
        else:
            lines = new.split(f"{BREAK}&& ")
            pieces.append((first, last, joint.join(line.replace(BREAK, ending) for line in lines)))
    return pieces


def _flagged(
    dockerfile: Dockerfile, written: DockerfileInstruction, flags: Sequence[str], indent: str
) -> list[Change]:
    """Changes that add flags, or replace an existing flag of the same name."""
    if not flags:
        return []
    names = {flag.partition("=")[0] for flag in flags} - REPEATED
    head = written.arguments[: written.body]
    pieces: list[Change] = [
        (written.place(match.start()), written.place(match.end() - 1) + 1, "")
        for match in re.finditer(r"(--[a-z-]+)(?:=\S*)?\s+", head)
        if match[1] in names
    ]
    at = written.place(0)
    broken = written.name == "RUN"
    end = f" {dockerfile.escape}{dockerfile.newline}{indent}" if broken else " "
    pieces.append((at, at, "".join(f"{flag}{end}" for flag in flags)))
    return pieces


def _merged(
    dockerfile: Dockerfile,
    written: Mapping[int, DockerfileInstruction],
    group: Sequence[int],
    runs: Sequence[Run],
    scripts: MergedScripts,
    changes: Sequence[Sequence[Change]],
    added: Sequence[str],
) -> str:
    """Several RUNs as one, each with its own lines."""
    if any(run.is_script for run in runs):
        text = merged_text(runs, scripts, changes, added)
        return text.replace("\n", dockerfile.newline)
    indent = _indent(dockerfile, written[group[-1]])
    ending = f" {dockerfile.escape}{dockerfile.newline}{indent}"
    parts = []
    for number, of_merge, of_plan in zip(group, scripts.changes, changes, strict=True):
        one = written[number]
        place = _places(dockerfile, one)
        start, stop = place(0), place(len(one.script()) - 1) + 1
        pieces = _placed(dockerfile, one, (*of_plan, *of_merge), indent, in_heredoc=False)
        moved = [(a - start, b - start, new) for a, b, new in pieces]
        parts.append(apply_changes(dockerfile.text[start:stop], moved).rstrip())
    flags = dict.fromkeys([*added, *(flag for run in runs for flag in run.flags)])
    text = scripts.head.replace(BREAK, ending) + parts[0]
    for joint, part in zip(scripts.joints, parts[1:], strict=True):
        text += joint.replace(BREAK, ending) + part
    name = dockerfile.text[written[group[-1]].start :][:3]
    mounts = "".join(f"{flag}{ending}" if flag in added else f"{flag} " for flag in flags)
    return f"{name} {mounts}{text}"


def _places(dockerfile: Dockerfile, written: DockerfileInstruction) -> Callable[[int], int]:
    """The position in the file of each character of a RUN's script."""
    command = written.arguments[written.body :]
    script = written.script()
    if not written.heredocs:
        return lambda at: written.place(written.body + at)
    first = written.heredocs[0]
    if script == first.body:
        return _in_heredoc(dockerfile, first, 0)
    bodies: list[tuple[int, Callable[[int], int]]] = []
    begin = len(command)
    for heredoc in written.heredocs:
        bodies.append((begin + 1, _in_heredoc(dockerfile, heredoc, begin + 1)))
        begin += 1 + len(heredoc.body) + len(heredoc.name)

    def place(at: int) -> int:
        if at < len(command):
            return written.place(written.body + at)
        return next(
            inner for begin, inner in reversed(bodies) if begin <= at or begin == bodies[0][0]
        )(at)

    return place


def _in_heredoc(dockerfile: Dockerfile, heredoc: Heredoc, shift: int) -> Callable[[int], int]:
    """The positions of a here-document's characters; the first one is number `shift`."""
    if not heredoc.stripped:
        return lambda at: heredoc.start + at - shift
    targets: list[int] = []
    at = heredoc.start
    for line in dockerfile.text[heredoc.start : heredoc.stop].splitlines(keepends=True):
        tabs = len(line) - len(line.lstrip("\t"))
        targets += range(at + tabs, at + len(line))
        at += len(line)
    targets.append(at)
    return lambda place: targets[min(place - shift, len(targets) - 1)]


def _indent(dockerfile: Dockerfile, written: DockerfileInstruction) -> str:
    """The author's indentation of continued lines."""
    if written.heredocs:
        return INDENT
    indents = _CONTINUED.findall(dockerfile.text, written.start, written.stop)
    return min(indents, key=len) if indents else INDENT


def _lines(dockerfile: Dockerfile, written: DockerfileInstruction) -> tuple[int, int]:
    """The whole lines of an instruction, including the last line end."""
    start = dockerfile.text.rfind("\n", 0, written.start) + 1
    end = dockerfile.text.find("\n", written.stop)
    return start, len(dockerfile.text) if end < 0 else end + 1


def _own_lines(dockerfile: Dockerfile, text: str) -> str:
    return text.replace("\n", dockerfile.newline) + dockerfile.newline


def ignored_text(old: str, lines: Sequence[str]) -> str:
    """A .dockerignore with additional lines, without those that it already has."""
    have = {posixpath.normpath(line.strip()) for line in old.splitlines() if line.strip()}
    new = [line for line in lines if posixpath.normpath(line) not in have]
    if not new:
        return old
    start = old if not old or old.endswith("\n") else f"{old}\n"
    return start + "".join(f"{line}\n" for line in new)
