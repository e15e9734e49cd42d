"""A step in one line, for lists."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from layerscope.image.history import Step
from layerscope.image.secret_spans import masked

_CONTINUED = re.compile(r"\\\s*\n")
"""A line continuation in a Dockerfile."""
_DIGEST = re.compile(r"\b((?:sha256|file|dir|multi):)?([0-9a-f]{12})[0-9a-f]{52}\b")
_LONGEST = 4096
"""Maximum characters of an instruction in lists."""
NOTHING_RECORDED = "(no instruction recorded)"


def one_line(step: Step) -> str:
    """Instruction and arguments of a step on one line, secrets masked, digests shortened; not yet safe for a terminal."""
    text = whole_text(step, _LONGEST)
    if not text:
        return step.comment.strip() if step.comment and step.comment.strip() else NOTHING_RECORDED
    return " ".join(short_digests(_CONTINUED.sub(" ", text)).split())


def whole_text(step: Step, most: int | None = None) -> str:
    """Instruction and arguments of a step, secrets masked, and no more than `most` characters of them; not yet safe for
    a terminal."""
    arguments = as_in_dockerfile(step.instruction, step.arguments)
    # The cut may split a secret.
    arguments = arguments if most is None else arguments[: 2 * most]
    shown = masked(arguments, step.instruction)
    return f"{step.instruction or ''} {shown}".strip()[:most]


def as_in_dockerfile(instruction: str | None, arguments: str) -> str:
    """Arguments as a Dockerfile has them: the legacy builder and older BuildKit record EXPOSE and HEALTHCHECK as Go prints
    a map and a struct (Moby's `dispatchers.go`, `%v` and `%q`). Any other text is returned as it is."""
    if instruction == "EXPOSE" and (ports := _GO_SET.fullmatch(arguments)):
        return " ".join(word.removesuffix(":{}") for word in ports[1].split())
    if instruction == "HEALTHCHECK" and (check := _GO_CHECK.fullmatch(arguments)):
        return _healthcheck(*check.groups()) or arguments
    return arguments


_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_GO_SET = re.compile(r"map\[((?:[^\s:\[\]{}]+:\{\}\s?)+)\]")
_GO_CHECK = re.compile(
    rf"""&\{{\[({_QUOTED}(?: {_QUOTED})*+)\] ("[0-9a-zµ.]*"(?: "[0-9a-zµ.]*"){{1,3}}) '(\\?[^']*|\\'|)'\}}"""
)
_GO_STRING = re.compile(_QUOTED)
_OPTIONS = ("--interval", "--timeout", "--start-period", "--start-interval")
_GO_CONTROL = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


def _healthcheck(test: str, durations: str, retries: str) -> str | None:
    """The fields of Moby's `HealthConfig`; None for what is not one."""
    try:
        kind, *words = [json.loads(word) for word in _GO_STRING.findall(test)]
    except ValueError:
        return None
    if kind == "NONE":
        return "NONE"
    if kind not in ("CMD", "CMD-SHELL") or not words:
        return None
    options = [
        f"{name}={value}"
        for name, value in zip(_OPTIONS, durations.replace('"', "").split(), strict=False)
        if value not in ("", "0s")
    ]
    if count := _go_rune(retries):
        options.append(f"--retries={count}")
    command = " ".join(words) if kind == "CMD-SHELL" else json.dumps(words, ensure_ascii=False)
    return " ".join([*options, "CMD", command])


def _go_rune(written: str) -> int:
    """A number that Go printed as the character of that number, without its quotes; 0 for what is none."""
    if len(written) == 1:
        return ord(written)
    if written[:2] in ("\\x", "\\u", "\\U"):
        return int(written[2:], 16) if re.fullmatch("[0-9a-f]{2,8}", written[2:]) else 0
    return _GO_CONTROL.get(written[1:], ord(written[1]) if len(written) == 2 else 0)


def prelude(command: str) -> int:
    """How many characters at the start of a RUN's command, on one line, say nothing of what it is for: options of the shell,
    and updates of package lists."""
    found = _PRELUDE.match(command)
    return 0 if found is None or found.end() == len(command) else found.end()


_PRELUDE = re.compile(
    r"(?:(?:set(?: [-+][a-z]++(?: (?:errexit|nounset|pipefail|verbose|xtrace)\b)?)++|(?:apt|apt-get) (?:-[\w=:./-]++ )*+update(?: -[\w=-]++)*+"
    r"|apk update|(?:export )?DEBIAN_FRONTEND=[a-z]++|:) ?(?:;|&&) ?)++"
)


def step_name(step: Step) -> str:
    """The name of a step: its layer, or `step 7 (ENV)` without one; not yet safe for a terminal."""
    if step.layer is not None:
        return f"layer {step.layer}"
    return f"step {step.index}" + (f" ({step.instruction})" if step.instruction else "")


def step_names(steps: Sequence[Step], most: int, more: str = " and more") -> str:
    """The name of several steps: `layers 1, 2, 4 and more`. At most `most` are listed."""
    names = [step_name(step) for step in steps[:most]]
    layers = [name.removeprefix("layer ") for name in names if name.startswith("layer ")]
    others = [name for name in names if not name.startswith("layer ")]
    if layers:
        others.insert(0, f"layer{'' if len(layers) == 1 else 's'} {', '.join(layers)}")
    return ", ".join(others) + (more if len(steps) > most else "")


def short_digests(text: str) -> str:
    """A text with the digests in it shortened to twelve digits."""
    return _DIGEST.sub(r"\1\2…", text)
