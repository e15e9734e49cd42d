"""The script of a RUN, and changes that preserve its behaviour: the same commands run in the same order, and failures still fail
it.

A change is a range of the script and its replacement, in which `BREAK` marks where a line may end. Functions return None instead
of changes if the script cannot be changed safely; the fix is then a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from layerscope.image.dockerfile import DockerfileInstruction
from layerscope.image.dockerfile_syntax import json_words, raw_flags, split_flags
from layerscope.image.history import MAX_LOOK_BACK, Step, earlier
from layerscope.image.shell import (
    DEFAULT_SHELL,
    Command,
    Element,
    Script,
    Statement,
    Word,
    read_script,
    shell_before,
)

BREAK = "\n"
Change = tuple[int, int, str]
"""Start and end in characters, and the replacement."""

INTERPRETED = "/dev/pipes/"
"""Where BuildKit puts a here-document with its own interpreter."""
_BUILDKIT = re.compile(r"#\s*buildkit\s*$")
_WRAPPERS = {
    "sudo": frozenset(("-u", "-g", "-h", "-p", "-C", "-T", "-r", "-t", "--user", "--group")),
    "env": frozenset(("-u", "-C", "-S", "--unset", "--chdir")),
    "nice": frozenset(("-n",)),
    "ionice": frozenset(("-c", "-n")),
    "exec": frozenset(),
    "command": frozenset(),
    "time": frozenset(),
    "nohup": frozenset(),
    "eatmydata": frozenset(),
}
"""Commands that run another command, and their options that take a value."""
_TAKES_WORD = frozenset(("-o", "-c", "-t", "--option", "--config-file", "--repository", "-X", "-C"))
"""Options before a subcommand that take a value."""


class Run(Struct, frozen=True):
    """A RUN with its parsed script."""

    step: Step
    flags: tuple[str, ...]
    """Its flags as written: `--mount=…`; builders do not record them."""
    script: str
    """The script that its shell runs; for the exec form, the JSON array."""
    shell: tuple[str, ...]
    """The command line of the shell."""
    escape: str
    """The character that continues lines in its Dockerfile."""
    parsed: Script | None
    """The parsed script; None if it cannot be parsed, and for the exec form, PowerShell and other interpreters."""
    exec_form: bool

    @property
    def is_script(self) -> bool:
        """Whether it has several lines, like a here-document."""
        return "\n" in self.script

    @property
    def commands(self) -> tuple[Command, ...]:
        """Its simple commands, in order; empty if it could not be parsed."""
        return () if self.parsed is None else self.parsed.commands


class Runs:
    """The RUNs of an image, each parsed once; `written` are the instructions of its Dockerfile, by step."""

    def __init__(
        self,
        steps: Sequence[Step],
        written: Mapping[int, DockerfileInstruction],
        escape: str = "\\",
    ) -> None:
        self._steps = steps
        self._written = written
        self._escape = escape
        self._known: dict[int, Run | None] = {}

    def of(self, step: Step) -> Run | None:
        """A step as a RUN; None for other instructions."""
        if step.index not in self._known:
            before = self._steps[max(step.index - MAX_LOOK_BACK, 0) : step.index]
            self._known[step.index] = run_of(
                step, before, self._written.get(step.index), self._escape
            )
        return self._known[step.index]


def run_of(
    step: Step,
    before: Sequence[Step],
    written: DockerfileInstruction | None = None,
    escape: str = "\\",
) -> Run | None:
    """A step as a RUN; None for other instructions. `before` are the steps before it, one of which may be a SHELL; `written` is
    the instruction in its Dockerfile, in which `escape` continues lines.
    """
    if step.instruction != "RUN" or not step.arguments.strip():
        return None
    recorded = step.created_by or ""
    if written is not None:
        flags = raw_flags(written.arguments[: written.body])
        script, exec_form = written.script(), written.exec_form
        shell = shell_before(recorded, script)
    else:
        # BuildKit records the shell of every shell form: without one it was an array, or a script with an interpreter. buildah
        # records it before arrays, too.
        # Only buildah and kaniko record flags.
        flags = raw_flags(step.arguments)
        script = step.arguments[split_flags(step.arguments)[1] :]
        shell = shell_before(recorded, script)
        exec_form = _is_array(script) or (not shell and _BUILDKIT.search(recorded) is not None)
    if shell is None:
        shell = _shell_of(before)
    read = None
    if not exec_form and not script.startswith(("#!", INTERPRETED)):
        read = read_script(script, shell)
    return Run(step, flags, script, shell, escape, read, exec_form)


def _is_array(script: str) -> bool:
    """Whether a RUN is in exec form: a JSON array of strings (Dockerfile reference, RUN)."""
    return script.startswith("[") and json_words(script) is not None


def _shell_of(before: Sequence[Step]) -> tuple[str, ...]:
    for step in earlier(before, len(before), "SHELL"):
        words = json_words(step.arguments) or step.arguments.strip("[]").split()
        return tuple(words) or DEFAULT_SHELL
    return DEFAULT_SHELL


# which program a command runs


def program_index(command: Command) -> int:
    """Index of the word that names the program that a command finally runs: `sudo -u app env A=b pip install` runs pip."""
    at, values = 0, command.values
    while at < len(values):
        takes = _WRAPPERS.get(values[at].rpartition("/")[2])
        if takes is None or at + 1 >= len(values):
            break
        further = at + 1
        while further < len(values) and (
            values[further].startswith("-") or re.match(r"[A-Za-z_]\w*=", values[further])
        ):
            further += 2 if values[further] in takes else 1
        if further >= len(values):
            break
        at = further
    return at


def called_words(command: Command) -> list[str]:
    """The name of the program that a command finally runs, and its arguments; "" for words whose value is unknown."""
    name, *arguments = command.values[program_index(command) :] or [""]
    return [name.rpartition("/")[2], *arguments]


def programs(run: Run) -> list[str]:
    """The names of the programs that a RUN calls, in order."""
    return [called_words(command)[0] for command in run.commands]


def runs_as_other_user(script: Script) -> bool:
    """Whether a command of a script changes the user: `su`, `sudo -u`, `gosu`."""
    for command in script.commands:
        if command.name in ("su", "gosu", "su-exec", "runuser", "setpriv", "chroot"):
            return True
        if command.name == "sudo" and {"-u", "--user"} & set(
            command.values[: program_index(command)]
        ):
            return True
    return False


def subcommand(command: Command, names: str, wanted: Sequence[str]) -> Word | None:
    """The word after which an option is added: the subcommand of a program, such as `install` in `sudo pip -q install x`; None if
    the program's name does not match the regular expression `names`, or the subcommand is not in `wanted`.
    """
    values, at = command.values, program_index(command)
    if at >= len(values):
        return None
    name = values[at].rpartition("/")[2]
    if re.fullmatch(r"python[\d.]*", name):
        if values[at + 1 : at + 2] != ["-m"]:
            return None
        at += 2
        name = values[at] if at < len(values) else ""
    if not re.fullmatch(names, name):
        return None
    at += 1
    while at < len(values) and values[at].startswith("-"):
        at += 2 if values[at] in _TAKES_WORD else 1
    return command.words[at] if at < len(values) and values[at] in wanted else None


# changes


def append_command(run: Run, command: str) -> tuple[Change, ...] | None:
    """Changes that append a command to a script: it runs if everything before it succeeded, and the step fails where it failed
    before.
    """
    script = run.parsed
    if script is None or not command:
        return None if script is None else ()
    last = script.statements[-1]
    if any(statement.background for statement in script.statements):
        return None  # a background command may still be running
    element = last.elements[-1]
    last_command = sole_command(script, element)
    if last_command is not None and last_command.name == "exec" and len(last_command.words) > 1:
        if last_command.words[1].value is None or last_command.values[1].startswith("-"):
            return None
        changes: tuple[Change, ...] = (
            (last_command.words[0].start, last_command.words[1].start, ""),
        )
    elif last_command is not None and last_command.name in ("exit", "return"):
        return _before_exit(script, last, element, last_command, command)
    else:
        changes = ()
    joint = _joint(script, last)
    if joint is None or any(
        _ends_early(each) for each in script.commands if each is not last_command
    ):
        return _behind_all(run, script, command)
    if last.heredoc:
        joint = joint.replace(BREAK, " ").replace("; ;", ";")
    return (*changes, (last.end, last.end, f"{joint}{command}"))


def _ends_early(command: Command) -> bool:
    """Whether a script may end successfully with this command."""
    if command.apart or command.name not in ("exit", "exec") or not command.words:
        return False
    if command.name == "exec":
        return len(command.words) > 1
    return command.values[1:2] in ([], ["0"], [""])


def _behind_all(run: Run, script: Script, command: str) -> tuple[Change, ...] | None:
    """Changes that run the script in a subshell, which fails as before and which `exit` and `exec` end, with a command after it."""
    if script.has_comment and not run.is_script:
        return None
    begin, end = script.statements[0].start, script.statements[-1].end
    if script.statements[-1].heredoc:
        return None
    lenient = not (script.errexit or strict_setting(script))
    head = ("" if script.errexit else f"set -e;{BREAK}") + "("
    if run.is_script:
        head += BREAK + (f"set +e{BREAK}" if lenient else "")
        return ((begin, begin, head), (end, end, f"{BREAK});{BREAK}{command}"))
    head += "set +e; " if lenient else ""
    return ((begin, begin, head), (end, end, f");{BREAK}{command}"))


def _joint(script: Script, last: Statement) -> str | None:
    """The operator that connects another command with the last statement; None if none is right."""
    strict = script.stops_at_failure()
    connected = len(last.elements) > 1 or last.elements[-1].negated
    if strict and not connected:
        return f";{BREAK}"
    if strict is False or all(element.plain for element in last.elements):
        return f"{BREAK}&& "
    return None  # errexit has no effect in loops and groups on the left of `&&`; after `;`, it has none for commands on the left of another `&&`


def _before_exit(
    script: Script, last: Statement, element: Element, final: Command, command: str
) -> tuple[Change, ...] | None:
    if final.name == "return" or final.values[1:] not in ([], ["0"]):
        return None
    if element.connector == "&&":
        return ((element.start, element.start, f"{command} && "),)
    if element.connector or len(last.elements) > 1 or len(script.statements) < 2:
        return None
    return ((element.start, element.start, f"{command};{BREAK}"),)


def sole_command(script: Script, element: Element) -> Command | None:
    """The simple command that an element consists of."""
    inside = [
        command
        for command in script.commands
        if element.start <= command.start < element.end and not command.nested
    ]
    return inside[0] if len(inside) == 1 and element.plain and not element.negated else None


def with_option(
    run: Run, place: Callable[[Command], Word | None], option: str
) -> tuple[Change, ...]:
    """Changes that add an option to each command that accepts it, after the word that `place` returns; none for commands that
    have it.
    """
    changes = []
    for command in run.commands:
        word = place(command)
        if word is not None and option.split()[0] not in command.values:
            changes.append((word.end, word.end, f" {option}"))
    return tuple(changes)


def without_words(command: Command, words: Sequence[Word]) -> tuple[Change, ...]:
    """Changes that remove some words of a command."""
    ends = {word.start: before.end for before, word in zip(command.words, command.words[1:], strict=False)}  # fmt: skip
    return tuple((ends[word.start], word.end, "") for word in words if word.start in ends)


def without_commands(run: Run, removed: Sequence[Command]) -> tuple[Change, ...] | None:
    """Changes that remove some commands of a script; none if it has no others. None if that would change how the rest works."""
    script = run.parsed
    if script is None:
        return None
    starts = {command.start for command in removed}
    changes: list[Change] = []
    remaining = len(script.statements)
    found_count = 0
    for number, statement in enumerate(script.statements):
        removed_elements = [
            element
            for element in statement.elements
            if (sole := sole_command(script, element)) is not None and sole.start in starts
        ]
        found_count += len(removed_elements)
        if not removed_elements:
            continue
        if statement.heredoc or statement.background:
            return None
        if len(removed_elements) == len(statement.elements):
            remaining -= 1
            following = script.statements[number + 1 : number + 2]
            if following:
                changes.append((statement.start, following[0].start, ""))
            else:
                before = script.statements[number - 1].end if number else statement.start
                changes.append((before, statement.end, ""))
            continue
        if any(element.connector == "||" for element in statement.elements):
            return None
        for at, element in enumerate(statement.elements):
            if element in removed_elements:
                if at + 1 < len(statement.elements) and all(
                    earlier in removed_elements for earlier in statement.elements[:at]
                ):
                    changes.append((element.start, statement.elements[at + 1].start, ""))
                else:
                    changes.append((statement.elements[at - 1].end, element.end, ""))
    if found_count < len(starts):
        return None
    return tuple(changes) if remaining else ()


def strict_setting(script: Script) -> str:
    """The `set -e…` at the beginning of a script, as written; "" if there is none, or if it is revoked later."""
    first = script.statements[0]
    sole = sole_command(script, first.elements[0]) if len(first.elements) == 1 else None
    if sole is None or sole.name != "set" or len(script.statements) < 2:
        return ""
    certain = script.stops_at_failure() and len(script.named("set")) == 1
    return script.text[first.start : first.end] if certain else ""


# writing


def apply_changes(text: str, changes: Sequence[Change]) -> str:
    """Apply non-overlapping changes to a text; insertions at one position keep their order."""
    pieces: list[str] = []
    done = 0
    for start, end, new in sorted(changes, key=lambda change: change[:2]):
        if start < done:
            start = min(done, end)
        pieces += (text[done:start], new)
        done = max(done, end)
    return "".join((*pieces, text[done:]))
