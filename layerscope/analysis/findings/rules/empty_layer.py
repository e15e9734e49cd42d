"""RUN steps with an empty layer."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import commented, instruction_text
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.steps import step_kind
from layerscope.words import Confidence, Severity, StepKind


def _find(evidence: Evidence) -> Iterator[Claim]:
    for layer, contents in enumerate(evidence.contents):
        step = evidence.step(layer)
        if step.index < evidence.base_steps or step.instruction != "RUN":
            continue
        if contents.index.broken is not None:
            continue  # its contents are unknown
        if step_kind(evidence.filesystem, contents.index, layer) is not StepKind.EMPTY:
            continue
        yield Claim(fix=_fix(instruction_text(evidence, step), step.arguments), layers=(layer,))


def _fix(text: str, command: str) -> str:
    """`cd` becomes WORKDIR, `export` becomes ENV; anything else can be left out."""
    words = command.split()
    if len(words) == 2 and words[0] == "cd":
        return f"WORKDIR {words[1]}"
    if len(words) == 2 and words[0] == "export" and "=" in words[1]:
        return f"ENV {words[1]}"
    return f"# leave it out, unless it only checks something:\n{commented(text)}"


RULE = Rule(
    "empty-layer",
    title="RUN without effect",
    why="Each RUN has its own shell: cd, export and started services end with it, and the layer is empty.",
    finds="`RUN` steps whose layer has no entries.",
    wrong="A step that checks something, or runs tests, is right to leave no trace: ignore it then.",
    find=_find,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    min_bytes=0,
)
