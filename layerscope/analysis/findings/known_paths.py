"""Rules about what lies at known places in the final image: caches, lists, documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from layerscope.analysis.findings.evidence import Evidence, Group
from layerscope.analysis.findings.finding import Claim, Confidence, Severity
from layerscope.analysis.findings.fixes import run_and
from layerscope.analysis.findings.rule import Rule
from layerscope.image.history import Step

Fix = Callable[[Step, Evidence, Group], str]
"""Dockerfile text for the step that stored a group of files."""


def path_rule(
    name: str,
    *,
    title: str,
    why: str,
    patterns: Sequence[str],
    fix: Fix,
    spare: Sequence[str] = (),
    when: Callable[[Evidence], bool] | None = None,
    severity: Severity = Severity.WARNING,
    confidence: Confidence = Confidence.HIGH,
    min_bytes: int = 100_000,
) -> Rule:
    """A rule that claims the files at or below what `patterns` match, but for those of `spare`, one claim a layer.

    Patterns are those of `filesystem.selecting.Selector`. Nothing is claimed unless `when` holds.
    """

    def find(evidence: Evidence) -> Iterator[Claim]:
        files = evidence.live_under(*patterns)
        if not files.any() or (when is not None and not when(evidence)):
            return
        if spare:
            files &= ~evidence.selector.select(spare)
        for group in evidence.by_layer(files):
            step = evidence.step(group.layer)
            yield Claim(
                fix=fix(step, evidence, group),
                layers=(group.layer,),
                inodes=group.inodes,
                paths=group.paths,
            )

    return Rule(name, title, why, find, severity, confidence, min_bytes)


def cleaned(command: str, *mounts: str) -> Fix:
    """The fix of doing `command` at the end of the same RUN or, where there are mounts, of a cache mount in its place."""

    def fix(step: Step, _evidence: Evidence, _group: Group) -> str:
        return run_and(step, "" if mounts else command, mounts)

    return fix
