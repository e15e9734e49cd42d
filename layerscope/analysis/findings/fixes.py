"""Fixes as Dockerfile text and as edits: the user's own instruction, changed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import AT_THE_END, Edit, Fix
from layerscope.analysis.findings.one_shell import MergedScripts
from layerscope.analysis.findings.runs import (
    BREAK,
    INTERPRETED,
    Change,
    Run,
    Runs,
    append_command,
    apply_changes,
    run_of,
    with_option,
)
from layerscope.image.dockerfile_syntax import heredocs_in, json_words, split_flags
from layerscope.image.go_values import without_go_values
from layerscope.image.history import Step, earlier
from layerscope.image.instruction import INDENT
from layerscope.image.shell import Command, Word, read_script

_SOURCE = re.compile(r"(?:(?:file|dir|multi):[0-9a-f]{16,64}\s*)+ ?in (?=\S)")
"""What classic Docker and buildah record instead of the names of sources."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAX_QUOTED = 64 << 10
"""Maximum characters of an instruction that a fix quotes; longer ones are described in words."""


def run_in(evidence: Evidence, step: Step) -> Run | None:
    """A step as a RUN that can be changed; None for other instructions."""
    return evidence.once(runs_of).of(step)


def runs_of(evidence: Evidence) -> Runs:
    """All RUNs of the image."""
    return Runs(evidence.image.steps, evidence.written, evidence.escape)


def commands_in(evidence: Evidence, step: Step) -> tuple[Command, ...]:
    """The commands of a step, in order; empty unless it is a RUN that could be parsed."""
    run = run_in(evidence, step)
    return () if run is None else run.commands


def instruction_text(evidence: Evidence, step: Step) -> str:
    """The instruction of a step as in a Dockerfile; a comment if it is not known."""
    run = run_in(evidence, step)
    return _text(step) if run is None else run_text(run)


def recorded_instruction(step: Step) -> str:
    """The instruction of a step as its builder recorded it; a Dockerfile is not consulted."""
    run = run_of(step, ())
    return _text(step) if run is None else run_text(run)


def _text(step: Step) -> str:
    if step.instruction is None:
        return f"# {_one_line(step.arguments or step.created_by or 'an instruction that is not recorded')}"
    if step.instruction in ("COPY", "ADD"):
        text = f"{step.instruction} {_SOURCE.sub('… ', step.arguments)}"
        # The contents of here-documents are not recorded.
        return f"# {text}" if any(heredocs_in(text)) else text
    return f"{step.instruction} {without_go_values(step.instruction, step.arguments)}".rstrip()


def commented(text: str) -> str:
    """Dockerfile text as a comment."""
    return "\n".join(f"# {line}" for line in text.split("\n"))


def run_text(run: Run, changes: Sequence[Change] = (), flags: Sequence[str] = ()) -> str:
    """A RUN with changes to its script, and additional flags."""
    head = " ".join(["RUN", *flags, *run.flags])
    if run.script.startswith(INTERPRETED):
        return f"# {head} {_one_line(run.script)}: a here-document with its own interpreter, whose text is not in the history"
    if run.parsed is None and not run.is_script:
        return f"{head} {_short(run.script)}"
    return f"{head} {_body(run, changes)}"


def _body(run: Run, changes: Sequence[Change]) -> str:
    if run.is_script:
        return _document(_rendered(run, changes))
    return _rendered(run, changes)


def _document(script: str) -> str:
    """A script as a here-document."""
    name, lines = "EOF", set(script.split("\n"))
    while name in lines:
        name += "_"
    return f"<<{name}\n{script.rstrip()}\n{name}"


def _rendered(run: Run, changes: Sequence[Change]) -> str:
    """A script with changes; a single line is broken into several for reading."""
    if run.is_script:
        return apply_changes(run.script, [(a, b, in_lines(new)) for a, b, new in changes])
    breaks = run.parsed.breaks if run.parsed is not None else ()
    changes = [*changes, *_single_spaces(run, changes)]
    line_breaks = [
        (start, end, BREAK)
        for start, end in breaks
        if not any(
            first <= start and end <= last and first < last != start for first, last, _ in changes
        )
    ]
    replacements = [
        (a, b, new.replace(BREAK, f" {run.escape}\n{INDENT}"))
        for a, b, new in (*changes, *line_breaks)
    ]
    return apply_changes(run.script, replacements)


def _single_spaces(run: Run, changes: Sequence[Change]) -> list[Change]:
    """Changes that replace several spaces between words by one: builders make them of continued lines. Places that `changes`
    touch are left out.
    """
    script = run.parsed
    if script is None:
        return []
    gaps = [
        (one.end, other.start)
        for command in script.commands
        for one, other in zip(command.words, command.words[1:], strict=False)
    ]
    for _, end in script.breaks:
        if run.script[end : end + 2] == "&&":
            start = stop = end + 2
            while run.script[stop : stop + 1] == " ":
                stop += 1
            gaps.append((start, stop))
    return [
        (start, end, " ")
        for start, end in dict.fromkeys(gaps)
        if end > start + 1
        and not run.script[start:end].strip(" \t")
        and not any(first < end and start < last for first, last, _ in changes)
    ]


def in_lines(new: str) -> str:
    """A change for a script of several lines."""
    return new.replace(f";{BREAK}", "\n").replace(f"{BREAK}&& ", f" \\\n{INDENT}&& ")


def merged_text(
    runs: Sequence[Run],
    scripts: MergedScripts,
    changes: Sequence[Sequence[Change]] = (),
    flags: Sequence[str] = (),
) -> str:
    """Several RUNs as one, with the mounts of all; `changes` are further changes of each script."""
    all_flags = dict.fromkeys([*flags, *(flag for run in runs for flag in run.flags)])
    lines = any(run.is_script for run in runs)
    parts = []
    for number, (run, of_merge) in enumerate(zip(runs, scripts.changes, strict=True)):
        all_changes = (*(changes[number] if changes else ()), *of_merge)
        if lines and not run.is_script:
            parts.append(
                apply_changes(run.script, [(a, b, in_lines(new)) for a, b, new in all_changes])
            )
        else:
            parts.append(_rendered(run, all_changes).rstrip())

    def joint(text: str) -> str:
        return in_lines(text) if lines else text.replace(BREAK, f" {runs[0].escape}\n{INDENT}")

    script = joint(scripts.head) + parts[0]
    for between, part in zip(scripts.joints, parts[1:], strict=True):
        script += joint(between) + part
    return " ".join(["RUN", *all_flags, _document(script) if lines else script])


def run_and(
    evidence: Evidence,
    step: Step,
    command: str,
    mounts: Sequence[str] = (),
    changes: Sequence[Change] = (),
    advice: str = "",
) -> Fix:
    """A RUN with a command added at its end, with mounts (the values of `--mount=`), and with other changes to its script, which
    `advice` describes in a comment.

    If the instruction is not a RUN that can be changed like this, comments say what to do.
    """
    flags = [f"--mount={mount}" for mount in mounts]
    words = [advice] if advice else []
    if command:
        words.append(f"{AT_THE_END} {command}")
    words += [f"# with {flag}" for flag in flags]
    comments = "\n".join(words)
    run = run_in(evidence, step)
    if run is None or len(run.script) > _MAX_QUOTED:
        quoted = "" if run is not None else f"\n{instruction_text(evidence, step)}"
        return Fix(comments + quoted, advice=comments)
    ends = (
        append_command(run, _line_per_command(_as_root(evidence, run, command))) if command else ()
    )
    unknown_words = run.exec_form and not run.script.startswith("[")
    if ends is None or (unknown_words and not command):
        return Fix(f"{comments}\n{run_text(run)}", advice=comments)
    all_changes = (*changes, *ends)
    edits = (
        *(Edit("flag", step.index, flag) for flag in flags),
        *(Edit("change", step.index, new, start, end) for start, end, new in all_changes),
    )
    return Fix(run_text(run, all_changes, flags), edits, comments)


def changed_commands(
    evidence: Evidence, step: Step, place: Callable[[Command], Word | None], option: str
) -> tuple[Change, ...]:
    """Changes that add an option to every command of a RUN that accepts it, see `runs.with_option`."""
    run = run_in(evidence, step)
    return () if run is None else with_option(run, place, option)


def user_of(evidence: Evidence, step: Step) -> str:
    """The user that runs a step, as named by USER; "" for root."""
    for before in earlier(evidence.image.steps, step.index, "USER"):
        name = before.arguments.strip().partition(":")[0]
        return "" if name in ("root", "0") else name
    return ""


def _line_per_command(command: str) -> str:
    """Several commands, each on its own line if lines are broken."""
    script = read_script(command)
    breaks = script.breaks if script is not None else ()
    return apply_changes(command, [(start, end, BREAK) for start, end in breaks])


def _as_root(evidence: Evidence, run: Run, command: str) -> str:
    """A command to run as root: with sudo if the RUN runs as another user and uses sudo itself."""
    if not user_of(evidence, run.step) or run.parsed is None or not run.parsed.named("sudo"):
        return command
    script = read_script(command)
    if script is None:
        return command
    starts = [each.start for each in script.commands if not each.nested]
    return apply_changes(command, [(start, start, "sudo ") for start in starts])


def shell_word(name: str) -> str:
    """A path as one word of a one-line shell command; characters that a line cannot contain are matched by `?`."""
    return "?".join(shlex.quote(part) if part else "" for part in _UNPRINTABLE.split(name))


def can_append(evidence: Evidence, step: Step) -> bool:
    """Whether a step is a RUN to which a command can be appended."""
    run = run_in(evidence, step)
    return run is not None and bool(append_command(run, "true"))


def with_flags(step: Step, *flags: str) -> Fix:
    """A COPY or ADD with additional flags, such as `--chown=app`; existing flags of the same names are replaced."""
    names = tuple(flag.partition("=")[0] for flag in flags)
    existing, body = split_flags(step.arguments)
    kept = [flag for flag in existing if flag.partition("=")[0] not in names]
    text = " ".join(
        [step.instruction or "COPY", *flags, *kept, _SOURCE.sub("… ", step.arguments[body:])]
    )
    return Fix(text, tuple(Edit("flag", step.index, flag) for flag in flags))


def sources_of(step: Step) -> tuple[list[str], str]:
    """The sources and the target of a COPY or ADD; no sources if the builder recorded digests instead."""
    if step.instruction not in ("COPY", "ADD"):
        return [], ""
    _, body = split_flags(step.arguments)
    operands = step.arguments[body:]
    words = json_words(operands) or operands.split()
    target = words[-1] if words else ""
    are_named = _SOURCE.search(step.arguments) is None and "<<" not in step.arguments
    return (words[:-1] if are_named else []), target


def recorded_source(step: Step) -> str:
    """The digest that classic Docker and buildah record instead of a COPY's sources; "" if the builder names them."""
    digest = _SOURCE.match(step.arguments[split_flags(step.arguments)[1] :])
    return "" if digest is None else digest[0].removesuffix("in ").strip()


def _short(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED else text[:200] + " …"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_QUOTED]
