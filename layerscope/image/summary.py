"""Texts and names of steps, for lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layerscope.image.history import Step

_CONTINUED = re.compile(r"\\\s*\n")
"""A line continuation in a Dockerfile."""
_DIGEST = re.compile(r"\b((?:sha256|file|dir|multi):)?([0-9a-f]{12})[0-9a-f]{52}\b")
_PRELUDE = re.compile(
    r"""(?:(?:
        set(?:[ ][-+](?:[A-Za-z]*o[ ][a-z]++ | [A-Za-z]++))++
      | (?:export[ ])?DEBIAN_FRONTEND=noninteractive
      | (?:apt-get|apt|apk)(?:[ ]-\S++)*+[ ]update(?:[ ]-\S++)*+
      | (?:yum|dnf|microdnf)(?:[ ]-\S++)*+[ ]makecache(?:[ ]-\S++)*+
    )[ ]*+(?:;|&&)[ ]++)++(?=\S)""",
    re.VERBOSE,
)
"""Statements that many RUN steps begin with."""
_MAX_CHARACTERS = 4096
"""Maximum characters of an instruction in lists."""
NOTHING_RECORDED = "(no instruction recorded)"


def one_line(step: Step) -> str:
    """Instruction and arguments of a step on one line in Dockerfile syntax, with secrets masked and digests shortened; not
    escaped for a terminal."""
    text = full_text(step, _MAX_CHARACTERS)
    if not text:
        return step.comment.strip() if step.comment and step.comment.strip() else NOTHING_RECORDED
    return " ".join(short_digests(_CONTINUED.sub(" ", text)).split())


def full_text(step: Step, max_characters: int | None = None) -> str:
    """Instruction and arguments of a step with secrets masked, cut to `max_characters`; not escaped for a terminal."""
    # Imported when a step is shown: JSON reports have steps as recorded.
    from layerscope.image.go_values import without_go_values
    from layerscope.image.secret_spans import masked

    # Cut later than necessary, as this cut may split a secret.
    arguments = step.arguments if max_characters is None else step.arguments[: 2 * max_characters]
    shown = masked(arguments, step.instruction)
    restored = without_go_values(step.instruction, shown)
    if restored != shown:
        shown = masked(restored, step.instruction)
    return f"{step.instruction or ''} {shown}".strip()[:max_characters]


def split_run(line: str) -> tuple[str, str, str]:
    """A RUN on one line, split into its keyword, a common prelude (`set -eux; apt-get update; `) and the rest.

    Joined, they are the line. The prelude may be empty; the keyword is empty for other instructions.
    """
    keyword = "RUN "
    if not line.startswith(keyword):
        return "", "", line
    prelude = _PRELUDE.match(line, len(keyword))
    end = len(keyword) if prelude is None else prelude.end()
    return keyword, line[len(keyword) : end], line[end:]


def step_name(step: Step) -> str:
    """The name of a step: its layer, or `step 7 (ENV)` without one; not escaped for a terminal."""
    if step.layer is not None:
        return f"layer {step.layer}"
    return f"step {step.index}" + (f" ({step.instruction})" if step.instruction else "")


def step_names(steps: Sequence[Step], max_names: int, suffix: str = " and more") -> str:
    """The names of several steps: `layers 1, 2, 4 and more`. `suffix` follows if there are more than `max_names`."""
    names = [step_name(step) for step in steps[:max_names]]
    layers = [name.removeprefix("layer ") for name in names if name.startswith("layer ")]
    others = [name for name in names if not name.startswith("layer ")]
    if layers:
        layers.sort(key=int)
        others.insert(0, f"layer{'' if len(layers) == 1 else 's'} {', '.join(layers)}")
    return ", ".join(others) + (suffix if len(steps) > max_names else "")


def short_digests(text: str) -> str:
    """A text with its digests shortened to twelve digits."""
    return _DIGEST.sub(r"\1\2…", text)
