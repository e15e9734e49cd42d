"""Whole directories that the final image holds several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.duplicate_trees import DuplicateTree
from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.finding import Claim, Confidence
from layerscope.analysis.findings.fixes import instruction_text, run_and, shell_word
from layerscope.analysis.findings.hidden import origins
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.words import NAMED
from layerscope.analysis.near_trees import NearTree
from layerscope.filesystem.selecting import Mask
from layerscope.image.history import Step


def _find(evidence: Evidence) -> Iterator[Claim]:
    """Directories whose copies lie in the same two or more places are one finding; so are two that are nearly the same,
    with all that is exactly the same in them."""
    for near in evidence.near_trees:
        yield from _near_claim(evidence, near)
    covered = evidence.once(copied_nearly)
    places: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for tree in evidence.duplicate_trees:
        kept, *others = kept_first(evidence, tree)
        copies = (kept, *(other for other in others if not covered[other]))
        if len(copies) < 2:
            continue
        parents = tuple(int(evidence.filesystem.table.parents[copy]) for copy in copies)
        places.setdefault(parents, []).append(copies)
    for copies_of in places.values():
        yield from _claim(evidence, copies_of)


def _kept_of(evidence: Evidence, near: NearTree) -> tuple[int, int, NDArray[np.int32]]:
    """Of two directories that are nearly the same the one that is best kept, the other, and the shared files in that."""
    origin = [
        int(origins(evidence, evidence.live_inodes[files]).max())
        for files in (near.firsts, near.seconds)
    ]
    if origin[1] < origin[0]:
        return near.second, near.first, near.firsts
    return near.first, near.second, near.seconds


def copied_nearly(evidence: Evidence) -> Mask:
    """Files that are told with a directory that is nearly the same as another, and the directories they are in."""
    covered = np.zeros(len(evidence.filesystem.table), bool)
    for near in evidence.near_trees:
        _, copy, files = _kept_of(evidence, near)
        covered[files] = True
        inside = np.arange(copy, int(evidence.filesystem.table.ends[copy]))
        covered[inside[~evidence.live_files[inside]]] = True
    return covered


def _near_claim(evidence: Evidence, near: NearTree) -> Iterator[Claim]:
    kept, copy, files = _kept_of(evidence, near)
    files = evidence.sole(files)
    if not len(files):
        return
    inodes = evidence.live_inodes[files]
    sizes, layers = evidence.stored(inodes), origins(evidence, inodes)
    found, place = np.unique(layers, return_inverse=True)
    heaviest = found[np.lexsort((found, -np.bincount(place, sizes)))].tolist()
    if of_packages(evidence, heaviest[0]) and evidence.packaged[copy]:
        return
    names = evidence.name(kept), evidence.name(copy)
    share = "nearly all" if near.share > 0.995 else f"{100 * near.share:.0f} %"
    yield Claim(
        fix=_of_base(names[0])
        if evidence.is_base(heaviest[0])
        else _near_fix(evidence.step(heaviest[0]), *names),
        layers=tuple(heaviest),
        inodes=np.unique(inodes),
        paths=files[np.lexsort((files, -sizes))],
        title=f"{names[1]} is nearly the same as {names[0]} ({share} of its bytes)",
    )


def _near_fix(step: Step, kept: str, copy: str) -> str:
    """One directory for both; what differs is to be looked at."""
    words = shell_word(kept), shell_word(copy)
    told = f"# diff -r {words[0]} {words[1]}: where they may be the same, keep one and link to it"
    if step.instruction == "RUN":
        return f"{told}\n{run_and(step, f'rm -rf {words[1]} && ln -s {words[0]} {words[1]}')}"
    return f"{told}\n# in place of\n# {instruction_text(step)}\nRUN ln -s {words[0]} {words[1]}"


def kept_first(evidence: Evidence, tree: DuplicateTree) -> tuple[int, ...]:
    """The copies of a directory, the one that is best kept first: that of the lowest layers."""

    def age(copy: int) -> tuple[int, int]:
        layers = origins(evidence, evidence.live_inodes[files_of(evidence, [copy])])
        return int(layers.max(initial=0)), copy

    return tuple(sorted(tree.paths, key=age))


def files_of(evidence: Evidence, directories: Sequence[int]) -> NDArray[np.int32]:
    """Files of the final image in these directories, of which none lies in another."""
    ends = evidence.filesystem.table.ends
    spans = [np.arange(top, int(ends[top]), dtype=np.int32) for top in directories]
    paths = np.concatenate([np.zeros(0, np.int32), *spans])
    files: NDArray[np.int32] = paths[evidence.live_files[paths]]
    return files


def _claim(evidence: Evidence, copies_of: list[tuple[int, ...]]) -> Iterator[Claim]:
    files = files_of(evidence, [copy for copies in copies_of for copy in copies[1:]])
    files = evidence.sole(files)
    if not len(files):
        return
    inodes = evidence.live_inodes[files]
    sizes = evidence.stored(inodes)
    layers = origins(evidence, inodes)
    found, place = np.unique(layers, return_inverse=True)
    heaviest = found[np.lexsort((found, -np.bincount(place, sizes)))].tolist()
    step = evidence.step(heaviest[0])
    copies = np.array([copy for found in copies_of for copy in found[1:]])
    if of_packages(evidence, heaviest[0]) and evidence.packaged[copies].all():
        return
    kept, *others = (evidence.name(copy) for copy in copies_of[0])
    count = len(copies_of)
    yield Claim(
        fix=_of_base(kept)
        if evidence.is_base(heaviest[0])
        else _fix(
            step,
            [tuple(map(evidence.name, copies)) for copies in copies_of],
        ),
        layers=tuple(heaviest),
        inodes=np.unique(inodes),
        paths=files[np.lexsort((files, -sizes))],
        title=f"{others[0]} is the same as {kept}"
        if count == 1 and len(others) == 1
        else f"{kept} is there {len(others) + 1} times"
        if count == 1
        else f"{count:,} directories of {_parent(others[0])} are in {_parent(kept)} too",
    )


def of_packages(evidence: Evidence, layer: int) -> bool:
    """Whether what a layer puts into the folders of packages is a package manager's: no COPY of the user's own."""
    return evidence.is_base(layer) or evidence.step(layer).instruction not in ("COPY", "ADD")


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "/"


def _of_base(kept: str) -> str:
    return (
        f"# the base image has {shell_word(kept)} several times: only another base image is smaller"
    )


def _fix(step: Step, copies_of: list[tuple[str, ...]]) -> str:
    """Links in place of the copies: in the RUN that makes them, or behind a COPY that leaves them out."""
    links = [(kept, other) for kept, *others in copies_of for other in others]
    more = f" (and {len(links) - NAMED} more like it)" if len(links) > NAMED else ""
    links = links[:NAMED]
    made = " && ".join(f"ln -s {shell_word(kept)} {shell_word(other)}" for kept, other in links)
    gone = " ".join(shell_word(other) for _, other in links)
    note = f"# a link does for each{more}, if nothing writes to them:\n"
    if step.instruction == "RUN":
        return note + run_and(step, f"rm -rf {gone} && {made}")
    return f"# leave {gone} out of\n{instruction_text(step)}\n{note}RUN {made}"


RULE = Rule(
    "duplicate-directories",
    title="A directory that is there twice",
    why="All files in it are stored, pushed and pulled once for each copy.",
    find=_find,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
