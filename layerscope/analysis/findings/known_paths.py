"""Rules about what lies at known places in the final image: caches, lists, documentation."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.copy_steps import context_paths, ignoring, is_from_elsewhere
from layerscope.analysis.findings.deleting import deletion
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import (
    changed_commands,
    instruction_text,
    run_and,
    run_in,
    shell_word,
    sources_of,
    user_of,
)
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.runs import programs, runs_as_other_user, subcommand
from layerscope.image.history import Step
from layerscope.text import safe_name
from layerscope.words import Confidence, Severity

_EVERYWHERE = ("rm", "find")
"""Programs that a step with a shell has."""
_NAMED = 3
"""Places that a sentence names."""


class Place:
    """Files of one rule that one layer stores: what a fix is made for."""

    def __init__(self, evidence: Evidence, group: Group, patterns: Sequence[str]) -> None:
        self.evidence = evidence
        self.group = group
        self.patterns = patterns
        self.step: Step = evidence.step(group.layer)

    def topmost_names(self) -> list[str]:
        """The places that the patterns match themselves, those of the largest files first."""
        return [self.evidence.name(top) for top in self.topmost_paths().tolist()]

    def topmost_paths(self) -> NDArray[np.int32]:
        """The same as paths of the filesystem's table."""
        parents = self.evidence.filesystem.table.parents
        found = np.zeros(len(parents), bool)
        for pattern in self.patterns:
            found[self.evidence.selector.matches(pattern)] = True
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


Fixer = Callable[[Place], Fix]
"""Dockerfile text for the step that stored some files."""


def path_rule(
    name: str,
    *,
    title: str,
    why: str,
    patterns: Sequence[str],
    fix: Fixer,
    spare: Sequence[str] = (),
    steps: Callable[[Step], bool] | None = None,
    severity: Severity = Severity.WARNING,
    confidence: Confidence = Confidence.HIGH,
    min_bytes: int = 100_000,
) -> Rule:
    """A rule that claims the files at or below what `patterns` match, but for those of `spare`, one claim a layer.

    Patterns are those of `filesystem.selecting.Selector`. If `steps` is given, only what such steps
    store is claimed.
    """

    def find(evidence: Evidence) -> Iterator[Claim]:
        files = evidence.live_under(*patterns)
        if not files.any():
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


def cleaned(command: str) -> Fixer:
    """The fix of doing a command at the end of the same RUN, if that runs its program, else of deleting what was found; of not
    copying what was copied."""
    tool = command.split()[0]

    def fix(place: Place) -> Fix:
        run = run_in(place.evidence, place.step)
        if tool not in _EVERYWHERE and run is not None and run.read is not None:
            called = {name.removesuffix("-get") for name in programs(run)}
            if tool.removesuffix("-get") not in called:
                return removed(place)
        return not_copied(place) or run_and(place.evidence, place.step, command)

    return fix


def removed(place: Place) -> Fix:
    """The fix of deleting what was found in the same RUN; of not copying it."""
    return not_copied(place) or run_and(
        place.evidence, place.step, deletion(place.evidence, place.topmost_paths(), place.patterns)
    )


def cleaned_at_home(command: str, *homes: str) -> Fixer:
    """The fix of a command that cleans what lies in one of `homes`, which are root's; elsewhere, or of another user, what was found is deleted."""

    def fix(place: Place) -> Fix:
        run = run_in(place.evidence, place.step)
        as_root = not user_of(place.evidence, place.step) and all(
            any(f"{name}/".startswith(f"{home}/") for home in homes)
            for name in place.topmost_names()
        )
        if run is not None and as_root and not (run.read and runs_as_other_user(run.read)):
            return cleaned(command)(place)
        return removed(place)

    return fix


def mounted(place: Place) -> Fix:
    """The fix of a cache mount (BuildKit, buildah) where the cache was found, for the user whose it is."""
    columns, mounts = place.evidence.filesystem.inodes.columns, []
    for path in place.topmost_paths().tolist():
        inode = int(place.evidence.live_inodes[path])
        uid, gid = int(columns.uids[inode]), int(columns.gids[inode])
        owner = f",uid={uid},gid={gid}" if uid or gid else ""
        mounts.append(f"type=cache,target={shell_word(place.evidence.name(path))}{owner}")
    return not_copied(place) or run_and(place.evidence, place.step, "", mounts)


def with_option(names: str, wanted: Sequence[str], option: str, otherwise: Fixer) -> Fixer:
    """The fix of an option behind the subcommands `wanted` of a program; `names` is a regular expression for its name.
    `otherwise` if no command takes it."""

    def fix(place: Place) -> Fix:
        changes = changed_commands(
            place.evidence, place.step, lambda command: subcommand(command, names, wanted), option
        )
        if not changes:
            return otherwise(place)
        return run_and(place.evidence, place.step, "", changes=changes, advice=f"# with {option}")

    return fix


def not_copied(place: Place) -> Fix | None:
    """For a COPY or ADD: that it should not bring this; None for other steps."""
    step, evidence = place.step, place.evidence
    if not is_copy(step):
        return None
    anywhere = [f"**/{pattern}" for pattern in place.patterns if "/" not in pattern]
    elsewhere = step.instruction == "ADD" or is_from_elsewhere(step)
    if not elsewhere and len(anywhere) == len(place.patterns):
        return ignoring(evidence, step, anywhere, patterns=True)
    paths = [] if elsewhere else context_paths(evidence, step, place.topmost_names())
    sources, _ = sources_of(step)
    if paths and not {posixpath.normpath(source) for source in sources} & {*paths}:
        return ignoring(evidence, step, paths)
    what = "what is copied" if not paths else "the build context, or leave out the instruction"
    return Fix(
        f"# leave {_listed(paths) or place.named()} out of {what}\n{instruction_text(evidence, step)}"
    )


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return safe_name(", ".join(paths[:_NAMED])) + more
