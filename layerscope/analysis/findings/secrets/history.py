"""Secrets in the history and in the config: build arguments, ENV, and what commands were given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.finding import Claim, Confidence, Severity
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.analysis.findings.secrets.files import is_secret
from layerscope.image.history import Step
from layerscope.text import safe_name

_LONGEST = 64 * 1024
"""Characters of a command that are looked at."""
_PAIR = re.compile(r"""([A-Za-z_][A-Za-z0-9_]*)=("(?:[^"\\]|\\.)*+"|'[^']*+'|\S*+)""")
_IN_URL = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"$]{1,100}:[^\s/@'\"$]{3,200}@", re.IGNORECASE
)


def _find(evidence: Evidence) -> Iterator[Claim]:
    told: set[str] = set()
    for step in evidence.image.steps:
        names = [name for name, value in _pairs(step) if is_secret(name, value)]
        told.update(names)
        kinds = detect((step.created_by or "")[:_LONGEST].encode(errors="replace"))
        if _IN_URL.search((step.created_by or "")[:_LONGEST]):
            kinds.add("password in a URL")
        if names or kinds:
            yield Claim(
                fix=_fix(step, names),
                steps=(step.index,),
                layers=() if step.layer is None else (step.layer,),
                title=f"Secret in the history: {', '.join([*dict.fromkeys(map(safe_name, names)), *sorted(kinds)])}",
                confidence=None if kinds else Confidence.MEDIUM,
            )
    left = [
        name
        for name, _, value in (pair.partition("=") for pair in evidence.image.config.env)
        if name not in told and is_secret(name, value)
    ]
    if left:
        yield Claim(
            fix="# set it when the container starts: docker run --env-file …",
            steps=(),
            title=f"Secret in the config: {', '.join(map(safe_name, left))}",
            confidence=Confidence.MEDIUM,
        )


def _pairs(step: Step) -> Iterator[tuple[str, str]]:
    """What a step sets: build arguments, and the pairs of ENV, ARG and LABEL."""
    for pair in step.build_args:
        name, _, value = pair.partition("=")
        yield name, value
    if step.instruction in ("ENV", "ARG", "LABEL"):
        text = step.arguments[:_LONGEST]
        name, space, rest = text.partition(" ")
        if step.instruction == "ENV" and space and "=" not in name:
            yield name, rest  # the old form: ENV NAME value
            return
        for found in _PAIR.finditer(text):
            yield found[1], found[2]


def _fix(step: Step, names: list[str]) -> str:
    """The instruction without the secret; it is not quoted, as it holds it."""
    name = safe_name(names[0]) if names else "TOKEN"
    if step.instruction == "RUN":
        return f"RUN --mount=type=secret,id={name},env={name} …"
    if step.instruction == "ARG":
        return f"# ARG is kept in the history: mount it where it is needed\nRUN --mount=type=secret,id={name},env={name} …"
    return f"# leave {name} out of {step.instruction or 'the image'}; set it when the container starts: docker run -e {name} …"


RULE = Rule(
    "secret-history",
    title="Secret in the history",
    why="Build arguments and ENV are part of the image's config: `docker history` and `docker inspect` show them to everyone.",
    find=_find,
    severity=Severity.ERROR,
    min_bytes=0,
)
