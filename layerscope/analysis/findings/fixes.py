"""Fixes as Dockerfile text: the user's own instruction, changed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from layerscope.image.history import Step
from layerscope.image.instruction import readable

_SOURCE = re.compile(r"(?:(?:file|dir|multi):[0-9a-f]{16,64}\s*)+ ?in (?=\S)")
"""What classic Docker and buildah record in place of the names of sources."""
_HIDDEN = re.compile(r"<<|(?:^|\s)#|&\s*$|\n")
"""What makes it unsafe to write something behind a command: here-documents, comments, background jobs, scripts."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

MAX_LINES = 200
"""Lines of an instruction that are quoted."""


def instruction_text(step: Step) -> str:
    """The instruction of a step as a Dockerfile has it; a comment where that is not known."""
    if step.instruction is None:
        return f"# {_one_line(step.arguments or step.created_by or 'an instruction that is not recorded')}"
    if step.instruction == "RUN":
        return _run([], step.arguments)
    if step.instruction in ("COPY", "ADD"):
        return f"{step.instruction} {_SOURCE.sub('… ', step.arguments)}"
    return f"{step.instruction} {step.arguments}".rstrip()


def commented(text: str) -> str:
    """Dockerfile text as a comment."""
    return "\n".join(f"# {line}" for line in text.split("\n"))


def run_and(step: Step, command: str, mounts: Sequence[str] = ()) -> str:
    """A RUN with a command added at its end, and with mounts (the values of `--mount=`).

    If the instruction is not a RUN in shell form that can be extended, a comment says what to do.
    """
    flags = [f"--mount={mount}" for mount in mounts]
    if not is_open_run(step):
        comment = f"# in the same RUN: {command}" if command else f"# with {' '.join(flags)}"
        return f"{comment}\n{instruction_text(step)}"
    text = step.arguments
    if command:
        text = (
            f"{text.rstrip()} {command}" if text.rstrip().endswith(";") else f"{text} && {command}"
        )
    return _run(flags, text)


def shell_word(name: str) -> str:
    """A path as one word of a shell command on one line: what no line can hold is matched by `?`."""
    return "?".join(shlex.quote(part) if part else "" for part in _UNPRINTABLE.split(name))


def is_open_run(step: Step) -> bool:
    """Whether a step is a RUN in shell form, behind which a further command can be written."""
    return (
        step.instruction == "RUN"
        and bool(step.arguments)
        and not step.arguments.startswith("[")
        and _HIDDEN.search(step.arguments) is None
    )


def with_flags(step: Step, *flags: str) -> str:
    """A COPY or ADD with further flags, such as `--chown=app`; those of these names that it has are replaced."""
    names = tuple(flag.partition("=")[0] for flag in flags)
    words = _SOURCE.sub("… ", step.arguments).split(" ")
    kept = [word for word in words if word.partition("=")[0] not in names]
    return " ".join([step.instruction or "COPY", *flags, *kept])


def sources_of(step: Step) -> tuple[list[str], str]:
    """What a COPY or ADD names: its sources, none where the builder recorded digests in their place, and its target."""
    if step.instruction not in ("COPY", "ADD") or step.arguments.startswith("["):
        return [], ""
    words = [word for word in step.arguments.split() if not word.startswith("--")]
    target = words[-1] if words else ""
    named = _SOURCE.search(step.arguments) is None and "<<" not in step.arguments
    return (words[:-1] if named else []), target


def recorded_source(step: Step) -> str:
    """The digest that classic Docker and buildah record in place of a COPY's sources; "" for a builder that names them."""
    found = _SOURCE.match(re.sub(r"^(?:--\S+\s+)*", "", step.arguments))
    return "" if found is None else found[0].removesuffix("in ").strip()


def _run(flags: Sequence[str], command: str) -> str:
    lines = readable(command)
    if len(lines) > MAX_LINES:
        left = len(lines) - MAX_LINES + 1
        lines = [*lines[: MAX_LINES - 2], f"    # … {left:,} more lines …", lines[-1]]
    script = "\n" in command.strip()
    return " ".join(["RUN", *flags, ("\n" if script else " \\\n").join(lines)])


def _one_line(text: str) -> str:
    return " ".join(text.split())
