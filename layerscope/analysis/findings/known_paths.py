"""Rules about what lies at known places in the final image: caches, lists, documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.cache_shapes import Shape, shaped
from layerscope.analysis.findings.deleting import deletion
from layerscope.analysis.findings.filled_caches import without_filled
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import instruction_text, run_and, shell_word
from layerscope.analysis.findings.in_use import find_in_use, spared
from layerscope.analysis.findings.rule import Rule
from layerscope.filesystem.paths import with_ancestors
from layerscope.filesystem.selector import Mask
from layerscope.image.history import Step
from layerscope.text import safe_name
from layerscope.words import Confidence, Severity

_NAMED = 3
"""Places that a sentence names."""


class Place:
    """Files of one rule that one layer stores: what a fix is made for."""

    def __init__(
        self, evidence: Evidence, group: Group, patterns: Sequence[str], tops: Mask | None = None
    ) -> None:
        """`tops` are the places themselves, if more than what the patterns match."""
        self.evidence = evidence
        self.group = group
        self.patterns = patterns
        self.step: Step = evidence.step(group.layer)
        self._tops = tops

    def topmost_names(self) -> list[str]:
        """The places that the patterns match themselves, those of the largest files first."""
        return [self.evidence.name(top) for top in self.topmost_paths().tolist()]

    def topmost_paths(self) -> NDArray[np.int32]:
        """The same as paths of the filesystem's table."""
        parents = self.evidence.filesystem.table.parents
        found = _matching(self.evidence, self.patterns) if self._tops is None else self._tops
        tops = self.group.paths.copy()
        while (climb := (tops > 0) & ~found[tops]).any():
            tops[climb] = parents[tops[climb]]
        tops = np.where(tops > 0, tops, self.group.paths)
        _, first = np.unique(tops, return_index=True)
        ordered: NDArray[np.int32] = tops[np.sort(first)]
        return ordered

    def named(self) -> str:
        """The first places in words, and how many more there are; safe for a terminal."""
        names = self.topmost_names()
        more = f" and {len(names) - _NAMED:,} more like them" if len(names) > _NAMED else ""
        return safe_name(", ".join(names[:_NAMED])) + more


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
    keep: Sequence[str] = (),
    steps: Callable[[Step], bool] | None = None,
    severity: Severity = Severity.WARNING,
    confidence: Confidence = Confidence.HIGH,
    min_bytes: int = 100_000,
    shapes: Sequence[Shape] = (),
    runs: str = "",
    configured: bool = False,
    needed: Callable[[Evidence], Sequence[str]] | None = None,
    finds: str = "",
    wrong: str = "",
    codes: Sequence[str] = (),
) -> Rule:
    """A rule that claims the files at or below what `patterns` match, but for those of `spare`, one claim a layer.

    Patterns are those of `filesystem.selecting.Selector`; directories of one of the `shapes` count, too. If `steps` is given, only
    what such steps store is claimed. What the image says that it uses is not: nothing is claimed if it starts one of the
    programs `runs`, nor what holds something that it starts, or, if `configured`, that its variables name, nor what a step was
    run to download. A place that holds something of `keep` is left alone as a whole. `needed` returns patterns of what an image
    needs for other reasons.
    """

    def find(evidence: Evidence) -> Iterator[Claim]:
        tops = _matching(evidence, patterns)
        if shapes:
            tops[shaped(evidence, shapes)] = True
        files = evidence.selector.below(np.flatnonzero(tops)) & evidence.live_files
        if not files.any() or (runs and evidence.once(find_in_use).runs(runs)):
            return
        left_out = [*spare, *(needed(evidence) if needed else ())]
        if left_out:
            files &= ~evidence.selector.select(left_out)
        used = spared(evidence, tops, configured=configured)
        if used is not None:
            files &= ~used
        kept = files & ~without_filled(evidence, files)
        if keep:
            kept |= evidence.selector.select(keep) & files
        if kept.any():
            holding = with_ancestors(evidence.filesystem.table, kept) & tops
            files &= ~evidence.selector.below(np.flatnonzero(holding))
        for group in evidence.by_layer(files):
            if steps is None or steps(evidence.step(group.layer)):
                yield Claim(
                    fix=fix(Place(evidence, group, patterns, tops)),
                    layers=(group.layer,),
                    inodes=group.inodes,
                    paths=group.paths,
                )

    return Rule(
        name,
        title,
        why,
        find,
        severity,
        confidence,
        min_bytes,
        finds=finds,
        places=tuple(patterns),
        wrong=wrong,
        codes=tuple(codes),
    )


def _matching(evidence: Evidence, patterns: Sequence[str]) -> Mask:
    """Mask of the paths that patterns match themselves."""
    found = np.zeros(len(evidence.filesystem.table), bool)
    for pattern in patterns:
        found[evidence.selector.matches(pattern)] = True
    return found


def is_copy(step: Step) -> bool:
    """Whether a step copies from the build context, or from another stage."""
    return step.instruction in ("COPY", "ADD")


def cleaned(command: str) -> Fix:
    """The fix of doing a command at the end of the same RUN; of not copying what was copied."""
    return lambda place: not_copied(place) or run_and(place.step, command)


def cleaned_at(usual: Sequence[str], command: str) -> Fix:
    """The fix of a manager's own command where its cache is at a usual place, as it cleans no other; else of deleting it."""

    def fix(place: Place) -> str:
        there = place.evidence.selector.select(usual)
        return (cleaned(command) if there[place.topmost_paths()].all() else removed)(place)

    return fix


def removed(place: Place) -> str:
    """The fix of deleting what was found in the same RUN; of not copying it."""
    return not_copied(place) or run_and(
        place.step, deletion(place.evidence, place.topmost_paths(), place.patterns)
    )


def mounted(place: Place) -> str:
    """The fix of a cache mount (BuildKit, buildah) where the cache was found."""
    mounts = [f"type=cache,target={shell_word(name)}" for name in place.topmost_names()]
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
    words = place.step.arguments.split()
    apart = place.step.instruction == "ADD" or any(word.startswith("--from=") for word in words)
    anywhere = [f"**/{pattern}" for pattern in place.patterns if "/" not in pattern]
    lines = f": {' '.join(anywhere)}" if len(anywhere) == len(place.patterns) else ""
    where = "what is copied" if apart else f"the build context (.dockerignore{lines})"
    return f"# leave {place.named()} out of {where}\n{instruction_text(place.step)}"
