"""Rules about files at known places in the final image: caches, lists, documentation."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.cache_shapes import Shape, find_shapes
from layerscope.analysis.findings.copy_steps import context_paths, ignoring, is_from_elsewhere
from layerscope.analysis.findings.deleting import deletion, files_of_lower_layers, tops_of_step
from layerscope.analysis.findings.edits import IN_LATER_STEPS, Fix
from layerscope.analysis.findings.filled_caches import without_filled
from layerscope.analysis.findings.finding import MAX_NAMED, Claim
from layerscope.analysis.findings.fixes import (
    changed_commands,
    instruction_text,
    run_and,
    run_in,
    shell_word,
    sources_of,
    user_of,
)
from layerscope.analysis.findings.in_use import find_in_use, mask_in_use
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.runs import programs, runs_as_other_user, subcommand
from layerscope.filesystem.paths import with_ancestors
from layerscope.filesystem.selector import Mask
from layerscope.image.history import Step
from layerscope.text import safe_name
from layerscope.words import Confidence, Severity

_HOMES = ("/root/", "/usr/local/share/.cache/")
"""Usual places of root's caches."""
_EVERYWHERE = ("rm", "find")
"""Programs that any step with a shell has."""
_REFRESHING = ("apt", "dnf", "yum", "microdnf", "zypper")
"""Managers that refill their caches in every step."""


class Place:
    """Files of one rule that one layer stores: the input of a fix."""

    def __init__(
        self,
        evidence: Evidence,
        group: Group,
        patterns: Sequence[str],
        tops: Mask | None = None,
        claimed: Mask | None = None,
    ) -> None:
        """`tops` are the places themselves, in addition to what the patterns match; `claimed` are the files that the rule claims
        in all layers.
        """
        self.evidence = evidence
        self.group = group
        self.patterns = patterns
        self.step: Step = evidence.step(group.layer)
        self._tops = tops
        self._claimed = claimed

    def topmost_names(self) -> list[str]:
        """The places that the patterns match, those of the largest files first."""
        return [self.evidence.name(top) for top in self.topmost_paths().tolist()]

    def topmost_paths(self) -> NDArray[np.int32]:
        """`topmost_names` as paths of the filesystem's table."""
        parents = self.evidence.filesystem.table.parents
        matched = self._found()
        tops = self.group.paths.copy()
        while (climb := (tops > 0) & ~matched[tops]).any():
            tops[climb] = parents[tops[climb]]
        tops = np.where(tops > 0, tops, self.group.paths)
        _, first = np.unique(tops, return_index=True)
        ordered: NDArray[np.int32] = tops[np.sort(first)]
        return ordered

    def created_paths(self, tops: bool = True) -> NDArray[np.int32]:
        """The files and directories that the step itself created there, see `tops_of_step`; without `tops`, only files."""
        if not tops:
            return self.group.paths
        return tops_of_step(self.evidence, self.group.layer, self.group.paths, self._found())

    def has_lower_files(self, spare: Sequence[str] = (), *, empty: bool = True) -> bool:
        """Whether lower layers have other files at these places, except `spare`, which a command for all of them would delete.
        Without `empty`, only files with content count.
        """
        below = files_of_lower_layers(self.evidence, self.group.layer, empty=empty)
        below &= self.evidence.selector.below(np.flatnonzero(self._found()))
        if spare and below.any():
            below &= ~self.evidence.selector.select(spare)
        if self._claimed is None:
            return bool(below.any())
        # Files that the rule claims in earlier steps of the same Dockerfile should be removed, too.
        layers = self.evidence.filesystem.inodes.layers(self.evidence.live_inodes)
        own_layers = [
            layer for layer in range(self.group.layer) if not self.evidence.is_base(layer)
        ]
        return bool((below & ~(self._claimed & np.isin(layers, own_layers))).any())

    def deletion_fix(self, command: str) -> Fix:
        """A RUN that deletes these files at its end; a comment if no command can."""
        if command:
            return run_and(self.evidence, self.step, command)
        count = len(self.group.paths)
        advice = (
            f"# at the end of the same RUN, delete what it adds below {self.summary()} ({count:,} files):"
            " earlier layers have other files there"
        )
        return Fix(f"{advice}\n{instruction_text(self.evidence, self.step)}", advice=advice)

    def _found(self) -> Mask:
        return _matching(self.evidence, self.patterns) if self._tops is None else self._tops

    def summary(self) -> str:
        """The first places, and the number of others, in words; safe for a terminal."""
        names = self.topmost_names()
        more = f" and {len(names) - MAX_NAMED:,} more like them" if len(names) > MAX_NAMED else ""
        return safe_name(", ".join(names[:MAX_NAMED])) + more


Fixer = Callable[[Place], Fix]
"""Makes the fix for the step that stored some files."""


def path_rule(
    name: str,
    *,
    title: str,
    why: str,
    patterns: Sequence[str],
    fix: Fixer,
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
    """A rule that claims the files at or below matches of `patterns`, except `spare`; one claim per layer.

    Patterns are those of `filesystem.selector.Selector`; directories with one of the `shapes` count, too. With `steps`, only
    files stored by such steps are claimed. Files that the image declares to use are not claimed: nothing if it starts one of the
    programs in `runs`, and no place that contains something that it starts, that a step downloads on purpose, or, if
    `configured`, that its variables name. A place that contains something matching `keep` is left alone entirely. `needed`
    returns patterns of files that an image needs for other reasons.
    """

    def find(evidence: Evidence) -> Iterator[Claim]:
        tops = _matching(evidence, patterns)
        if shapes:
            tops[find_shapes(evidence, shapes)] = True
        places = np.flatnonzero(tops)
        if not len(places):
            return
        files = evidence.selector.below(places) & evidence.live_files
        if not files.any() or (runs and evidence.once(find_in_use).runs(runs)):
            return
        left_out = [*spare, *(needed(evidence) if needed else ())]
        if left_out:
            files &= ~evidence.selector.select(left_out)
        in_use = mask_in_use(evidence, tops, configured=configured)
        if in_use is not None:
            files &= ~in_use
        to_keep = files & ~without_filled(evidence, files)
        if keep:
            to_keep |= evidence.selector.select(keep) & files
        if to_keep.any():
            with_kept = with_ancestors(evidence.filesystem.table, to_keep) & tops
            files &= ~evidence.selector.below(np.flatnonzero(with_kept))
        for group in evidence.by_layer(files):
            if steps is None or steps(evidence.step(group.layer)):
                yield Claim(
                    fix=fix(Place(evidence, group, patterns, tops, files)),
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
    """Mask of the paths that patterns match, without those below."""
    mask = np.zeros(len(evidence.filesystem.table), bool)
    for pattern in patterns:
        if len(found := evidence.selector.matches(pattern)):
            mask[found] = True
    return mask


def is_copy(step: Step) -> bool:
    """Whether a step copies from the build context, or from another stage."""
    return step.instruction in ("COPY", "ADD")


def cleaned(command: str) -> Fixer:
    """A fix that runs a command at the end of the same RUN, if that already runs the program and lower layers have nothing that
    the command would delete; otherwise deletes what was found, or does not copy it.
    """
    tool = command.split()[0]

    def fix(place: Place) -> Fix:
        copied = not_copied(place)
        if copied is not None:
            return copied
        if place.has_lower_files(empty=False):
            return removed(place)
        run = run_in(place.evidence, place.step)
        if tool not in _EVERYWHERE and run is not None and run.parsed is not None:
            called = {name.removesuffix("-get") for name in programs(run)}
            if tool.removesuffix("-get") not in called:
                return removed(place)
        return _cleaned_again(place, run_and(place.evidence, place.step, command), command)

    return fix


def _cleaned_again(place: Place, fix: Fix, command: str) -> Fix:
    """A fix that also cleans up in later RUNs, which store nothing of the kind now but would fetch or build it again."""
    tool = command.split()[0].removesuffix("-get")
    evidence = place.evidence
    if not fix.edits or tool not in _REFRESHING:
        return fix
    names = evidence.filesystem.table.full_paths(place.group.paths)
    if tool == "apt" and not any(name.endswith(b".bin") for name in names):
        return fix  # a package is fetched once
    files = np.flatnonzero(evidence.live_under(*place.patterns))
    storing = {*evidence.filesystem.inodes.layers(evidence.live_inodes[files]).tolist()}
    for layer in range(place.group.layer + 1, len(evidence.image.layers)):
        step = evidence.step(layer)
        run = run_in(evidence, step)
        if run is None or layer in storing or command in run.script:
            continue
        if tool in {name.removesuffix("-get") for name in programs(run)}:
            other = run_and(evidence, step, command)
            if not other.edits:
                return Fix(fix.text, advice=fix.advice)
            fix = fix + f"\n{IN_LATER_STEPS}\n" + other
    return fix


def removed(place: Place) -> Fix:
    """A fix that deletes what was found in the same RUN, or does not copy it."""
    return not_copied(place) or place.deletion_fix(
        deletion(place.evidence, place.group.layer, place.created_paths(), place.patterns)
    )


def cleaned_at(usual: Sequence[str], command: str) -> Fixer:
    """A fix with a manager's own command if its cache is at the usual place of root, the only one that it cleans; elsewhere, or
    if another user runs the step, what was found is deleted.
    """

    def fix(place: Place) -> Fix:
        run = run_in(place.evidence, place.step)
        is_usual = place.evidence.selector.select(usual)[place.topmost_paths()].all()
        at_home = all(name.startswith(_HOMES) for name in place.topmost_names())
        other_user = run is None or (run.parsed is not None and runs_as_other_user(run.parsed))
        if other_user or not is_usual or not at_home or user_of(place.evidence, place.step):
            return removed(place)
        return cleaned(command)(place)

    return fix


def mounted(place: Place) -> Fix:
    """A fix with a cache mount (BuildKit, buildah) where the cache was found, for the user who owns it."""
    evidence, paths, mounts = place.evidence, place.group.paths, []
    columns, ends = evidence.filesystem.inodes.columns, evidence.filesystem.table.ends
    for path in place.topmost_paths().tolist():
        inside = paths[(paths >= path) & (paths < int(ends[path]))]
        inode = int(evidence.live_inodes[inside[0]])
        uid, gid = int(columns.uids[inode]), int(columns.gids[inode])
        owner = f",uid={uid},gid={gid}" if uid or gid else ""
        mounts.append(f"type=cache,target={shell_word(evidence.name(path))}{owner}")
    return not_copied(place) or run_and(evidence, place.step, "", mounts)


def with_option(names: str, wanted: Sequence[str], option: str, otherwise: Fixer) -> Fixer:
    """A fix that adds an option after the subcommands `wanted` of a program; `names` is a regular expression for its name.
    `otherwise` is used if no command accepts it.
    """

    def fix(place: Place) -> Fix:
        changes = changed_commands(
            place.evidence, place.step, lambda command: subcommand(command, names, wanted), option
        )
        if not changes:
            return otherwise(place)
        return run_and(place.evidence, place.step, "", changes=changes, advice=f"# with {option}")

    return fix


def not_copied(place: Place) -> Fix | None:
    """For a COPY or ADD, a fix that does not copy this; None for other steps."""
    step, evidence = place.step, place.evidence
    if not is_copy(step):
        return None
    names = [f"**/{pattern}" for pattern in place.patterns if "/" not in pattern]
    elsewhere = step.instruction == "ADD" or is_from_elsewhere(step)
    if not elsewhere and len(names) == len(place.patterns):
        return ignoring(evidence, step, names, patterns=True)
    paths = [] if elsewhere else context_paths(evidence, step, place.topmost_names())
    sources, _ = sources_of(step)
    if paths and not {posixpath.normpath(source) for source in sources} & {*paths}:
        return ignoring(evidence, step, paths)
    copied_from = (
        "what is copied" if not paths else "the build context, or leave out the instruction"
    )
    return Fix(
        f"# leave {_listed(paths) or place.summary()} out of {copied_from}\n{instruction_text(evidence, step)}"
    )


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MAX_NAMED:,} more" if len(paths) > MAX_NAMED else ""
    return safe_name(", ".join(paths[:MAX_NAMED])) + more
