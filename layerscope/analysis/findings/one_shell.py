"""Runs the scripts of several RUNs in one shell: each sees the same as before, and the first failure fails all."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

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
"""Commands that affect later commands other than through files."""


class MergedScripts(Struct, frozen=True):
    """Scripts joined in one RUN."""

    changes: tuple[tuple[Change, ...], ...]
    """The changes of each script."""
    head: str
    """Text before the first script."""
    joints: tuple[str, ...]
    """Text between each two scripts."""


def merge_scripts(runs: Sequence[Run]) -> MergedScripts | None:
    """How to run scripts one after the other in one shell: each sees the same as before, and the first failure fails all."""
    scripts = [run.parsed for run in runs if run.parsed is not None]
    if len(scripts) < len(runs) or len({(run.shell, _security(run)) for run in runs}) > 1:
        return None
    lines = any(run.is_script for run in runs)
    if any(script.has_comment or _has_heredoc(script) for script in scripts) and not lines:
        return None
    endings = [_drop_ending(script) for script in scripts]
    # Nothing can follow the line that ends a here-document.
    chained = not any(_has_heredoc(script) for script in scripts[:-1])
    anywhere = all(_is_deletion(script) for script in scripts[1:])
    if (
        chained
        and all(_is_chain(script, anywhere=anywhere) for script in scripts[:-1])
        and _is_list(scripts[-1])
    ):
        return MergedScripts(tuple(endings), "", (f"{BREAK}&& ",) * (len(runs) - 1))
    settings = [strict_setting(script) for script in scripts]
    strict = scripts[0].errexit
    shared_setting = settings[0] if strict or settings[0] else None
    changes: list[tuple[Change, ...]] = []
    closing = f"{BREAK})" if lines else ")"
    for script, setting, ending in zip(scripts, settings, endings, strict=True):
        begin, end = script.statements[0].start, _end(script)
        is_last = script is scripts[-1]
        lenient = not strict and not setting and not _is_list(script)
        if (shared_setting is not None and setting == shared_setting) or (strict and not setting):
            begin = script.statements[1].start if setting else begin
            wrap = _leaks(script, 1 if setting else 0) or _may_ignore_failure(script)
            removed: tuple[Change, ...] = (
                ((script.statements[0].start, begin, ""),) if setting else ()
            )
        else:
            wrap, removed = not _is_chain(script) or _may_ignore_failure(script), ()
        head = "(" + ("set +e; " if lenient else "")
        if lines:
            head = "(" + BREAK + (f"set +e{BREAK}" if lenient else "")
        wrap = wrap and not (is_last and not lenient and not _may_ignore_failure(script))
        if wrap and script.statements[-1].heredoc:
            return None
        if wrap:
            changes.append((*removed, (begin, begin, head), (end, end, closing), *ending))
        else:
            changes.append((*removed, *ending))
    first = "" if strict else f"{shared_setting or 'set -e'};{BREAK}"
    return MergedScripts(tuple(changes), first, (f";{BREAK}",) * (len(runs) - 1))


def _security(run: Run) -> tuple[str, ...]:
    return tuple(flag for flag in run.flags if not flag.startswith("--mount="))


def _has_heredoc(script: Script) -> bool:
    """Whether a statement ends with a here-document."""
    return any(statement.heredoc for statement in script.statements)


def _drop_ending(script: Script) -> tuple[Change, ...]:
    """A change that drops what follows the last statement: a `;`, white space."""
    end = _end(script)
    if script.statements[-1].heredoc or not script.text[end:]:
        return ()
    return ((end, len(script.text), ""),)


def _end(script: Script) -> int:
    """One past the last statement, including a `&` after it."""
    last = script.statements[-1]
    return script.text.index("&", last.end) + 1 if last.background else last.end


def _is_list(script: Script) -> bool:
    """Whether it is one statement of simple commands joined by `&&`."""
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
    """Whether another script can follow after `&&`; `anywhere` if that does the same in any directory."""
    return _is_list(script) and not _leaks(script, 0, but="cd" if anywhere else "")


def _leaks(script: Script, first: int, but: str = "") -> bool:
    """Whether statements from `first` on change the shell itself for what follows, other than with the command `but`."""
    for command in script.commands:
        leaking = command.name in _LEAKING and command.name != but
        if command.statement >= first and not command.apart and leaking:
            return True
    return script.assigns


def _is_deletion(script: Script) -> bool:
    """Whether a script only deletes absolute paths."""
    return not script.assigns and all(
        command.name in ("rm", "rmdir", "unlink")
        and all(script.word_text(word).startswith(("/", "-")) for word in command.words[1:])
        for command in script.commands
    )


def _may_ignore_failure(script: Script) -> bool:
    """Whether a failure in the last statement might not end a shell with `set -e`."""
    last = script.statements[-1]
    return len(last.elements) > 1 or last.elements[-1].negated or last.background
