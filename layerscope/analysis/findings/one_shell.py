"""Scripts of several RUNs in one shell: each sees what it saw, and the first that fails fails them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.analysis.findings.runs import BREAK, Change, Run, strict_setting
from layerscope.image.shell import Script

_LEAKING = frozenset(
    (
        *(
            "cd",
            "pushd",
            "popd",
            "export",
            "set",
            "umask",
            "exec",
            "exit",
            "return",
            "shopt",
            "trap",
        ),
        *(
            "ulimit",
            "alias",
            "unset",
            "eval",
            ".",
            "source",
            "read",
            "declare",
            "typeset",
            "readonly",
        ),
        *("local", "hash", "shift", "wait", "break", "continue"),
    )
)
"""Commands that a command behind them can see the effect of, other than in files."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Scripts that follow each other in one RUN."""

    changes: tuple[tuple[Change, ...], ...]
    """Of each script."""
    head: str
    """What stands before the first script."""
    joints: tuple[str, ...]
    """What stands between each two."""


def merged(runs: Sequence[Run]) -> Merged | None:
    """How to run scripts one after the other in one shell: each sees what it saw, and the first that fails fails them all."""
    scripts = [run.read for run in runs if run.read is not None]
    if len(scripts) < len(runs) or len({(run.shell, _security(run)) for run in runs}) > 1:
        return None
    lines = any(run.is_script for run in runs)
    if any(script.has_comment or _is_open(script) for script in scripts) and not lines:
        return None
    cut = [_cut(script) for script in scripts]
    # Nothing can stand behind the line that ends a here-document.
    chained = not any(_is_open(script) for script in scripts[:-1])
    anywhere = all(_is_deletion(script) for script in scripts[1:])
    if (
        chained
        and all(_is_chain(script, anywhere=anywhere) for script in scripts[:-1])
        and _is_list(scripts[-1])
    ):
        return Merged(tuple(cut), "", (f"{BREAK}&& ",) * (len(runs) - 1))
    settings = [strict_setting(script) for script in scripts]
    strict = scripts[0].errexit
    same = settings[0] if strict or settings[0] else None
    changes: list[tuple[Change, ...]] = []
    ends = f"{BREAK})" if lines else ")"
    for script, setting, own in zip(scripts, settings, cut, strict=True):
        begin, end = script.statements[0].start, _end(script)
        is_last = script is scripts[-1]
        lenient = not strict and not setting and not _is_list(script)
        if (same is not None and setting == same) or (strict and not setting):
            begin = script.statements[1].start if setting else begin
            wrap = _leaks(script, 1 if setting else 0) or _ends_open(script)
            gone: tuple[Change, ...] = ((script.statements[0].start, begin, ""),) if setting else ()
        else:
            wrap, gone = not _is_chain(script) or _ends_open(script), ()
        head = "(" + ("set +e; " if lenient else "")
        if lines:
            head = "(" + BREAK + (f"set +e{BREAK}" if lenient else "")
        wrap = wrap and not (is_last and not lenient and not _ends_open(script))
        if wrap and script.statements[-1].heredoc:
            return None
        if wrap:
            changes.append((*gone, (begin, begin, head), (end, end, ends), *own))
        else:
            changes.append((*gone, *own))
    first = "" if strict else f"{same or 'set -e'};{BREAK}"
    return Merged(tuple(changes), first, (f";{BREAK}",) * (len(runs) - 1))


def _security(run: Run) -> tuple[str, ...]:
    return tuple(flag for flag in run.flags if not flag.startswith("--mount="))


def _is_open(script: Script) -> bool:
    return any(statement.heredoc for statement in script.statements)


def _cut(script: Script) -> tuple[Change, ...]:
    """What stands behind the last statement is left out: a `;`, white space."""
    end = _end(script)
    if script.statements[-1].heredoc or not script.text[end:]:
        return ()
    return ((end, len(script.text), ""),)


def _end(script: Script) -> int:
    """One past the last statement, with the `&` behind it."""
    last = script.statements[-1]
    return script.text.index("&", last.end) + 1 if last.background else last.end


def _is_list(script: Script) -> bool:
    """One statement of simple commands, of which each needs all before it."""
    if len(script.statements) > 1:
        return False
    (only,) = script.statements
    plain = all(element.plain for element in only.elements)
    return (
        plain
        and not only.background
        and all(
            element.connector in ("", "&&") and not element.negated for element in only.elements
        )
    )


def _is_chain(script: Script, *, anywhere: bool = False) -> bool:
    """Whether what follows can stand behind `&&`; `anywhere` if it does the same in any directory."""
    return _is_list(script) and not _leaks(script, 0, but="cd" if anywhere else "")


def _leaks(script: Script, first: int, but: str = "") -> bool:
    """Whether statements from `first` on change the shell itself for what follows, other than by the command `but`."""
    for command in script.commands:
        leaking = command.name in _LEAKING and command.name != but
        if command.statement >= first and not command.apart and leaking:
            return True
    return script.assigns


def _is_deletion(script: Script) -> bool:
    """Whether a script only deletes what it names from the root."""
    return not script.assigns and all(
        command.name in ("rm", "rmdir", "unlink")
        and all(script.word_text(word).startswith(("/", "-")) for word in command.words[1:])
        for command in script.commands
    )


def _ends_open(script: Script) -> bool:
    """Whether a failure of the last statement need not end a strict shell."""
    last = script.statements[-1]
    return len(last.elements) > 1 or last.elements[-1].negated or last.background
