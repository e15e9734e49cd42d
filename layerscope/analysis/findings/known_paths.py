"""Rules about what lies at known places in the final image: caches, lists, documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from layerscope.analysis.findings.evidence import Evidence, Group
from layerscope.analysis.findings.finding import Claim, Confidence, Severity
from layerscope.analysis.findings.fixes import instruction_text, run_and, shell_word
from layerscope.analysis.findings.rule import Rule
from layerscope.image.history import Step
from layerscope.text import safe_name

_NAMED = 3
"""Places that a fix names."""


class Place:
    """Files of one rule that one layer stores: what a fix is made for."""

    def __init__(self, evidence: Evidence, group: Group, patterns: Sequence[str]) -> None:
        self.evidence = evidence
        self.group = group
        self._patterns = patterns
        self.step: Step = evidence.step(group.layer)

    def tops(self) -> list[str]:
        """The places that the patterns match themselves, those of the largest files first; a few."""
        table, found = (
            self.evidence.filesystem.table,
            np.unique(
                np.concatenate(
                    [self.evidence.selector.matches(pattern) for pattern in self._patterns]
                )
            ),
        )
        names: dict[str, None] = {}
        for path in self.group.paths.tolist():
            at = path
            while at and not _holds(found, at):
                at = int(table.parents[at])
            names.setdefault(self.evidence.name(at or path))
            if len(names) == _NAMED:
                break
        return list(names)


def _holds(ordered: np.ndarray[tuple[int], np.dtype[np.int64]], number: int) -> bool:
    at = int(np.searchsorted(ordered, number))
    return at < len(ordered) and int(ordered[at]) == number


Fix = Callable[[Place], str]
"""Dockerfile text for the step that stored some files."""


def path_rule(
    name: str,
    *,
    title: str,
    why: str,
    patterns: Sequence[str],
    fix: Fix,
    spare: Sequence[str] = (),
    when: Callable[[Evidence], bool] | None = None,
    steps: Callable[[Step], bool] | None = None,
    severity: Severity = Severity.WARNING,
    confidence: Confidence = Confidence.HIGH,
    min_bytes: int = 100_000,
) -> Rule:
    """A rule that claims the files at or below what `patterns` match, but for those of `spare`, one claim a layer.

    Patterns are those of `filesystem.selecting.Selector`. Nothing is claimed unless `when` holds, and only of `steps`.
    """

    def find(evidence: Evidence) -> Iterator[Claim]:
        files = evidence.live_under(*patterns)
        if not files.any() or (when is not None and not when(evidence)):
            return
        if spare:
            files &= ~evidence.selector.select(spare)
        for group in evidence.by_layer(files):
            if steps is None or steps(evidence.step(group.layer)):
                yield Claim(
                    fix=fix(Place(evidence, group, patterns)),
                    layers=(group.layer,),
                    inodes=group.inodes,
                    paths=group.paths,
                )

    return Rule(name, title, why, find, severity, confidence, min_bytes)


def is_copy(step: Step) -> bool:
    """Whether a step copies from the build context, or from another stage."""
    return step.instruction in ("COPY", "ADD")


def cleaned(command: str) -> Fix:
    """The fix of doing a command at the end of the same RUN; of not copying what was copied."""
    return lambda place: not_copied(place) or run_and(place.step, command)


def removed(place: Place) -> str:
    """The fix of deleting what was found in the same RUN; of not copying it."""
    names = " ".join(map(shell_word, place.tops()))
    return not_copied(place) or run_and(place.step, f"rm -rf {names}")


def mounted(place: Place) -> str:
    """The fix of a cache mount (BuildKit, buildah) where the cache was found."""
    mounts = [f"type=cache,target={shell_word(name)}" for name in place.tops()]
    return not_copied(place) or run_and(place.step, "", mounts)


def with_option(commands: str, option: str, otherwise: Fix) -> Fix:
    """The fix of an option behind a command; `commands` is a regular expression for it. `otherwise` if it is not there."""
    pattern = re.compile(rf"\b(?:{commands})(?=\s)(?![^;&|]*\s{re.escape(option)}(?:\s|$))")

    def fix(place: Place) -> str:
        text = instruction_text(place.step)
        changed = pattern.sub(lambda found: f"{found[0]} {option}", text)
        return otherwise(place) if changed == text or is_copy(place.step) else changed

    return fix


def not_copied(place: Place) -> str:
    """For a COPY or ADD: that it should not bring this; nothing for other steps."""
    if not is_copy(place.step):
        return ""
    names, words = safe_name(", ".join(place.tops())), place.step.arguments.split()
    apart = place.step.instruction == "ADD" or any(word.startswith("--from=") for word in words)
    where = "what is copied" if apart else "the build context (.dockerignore)"
    return f"# leave {names} out of {where}\n{instruction_text(place.step)}"
