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
from layerscope.image.history import Step


def _find(evidence: Evidence) -> Iterator[Claim]:
    """Directories whose copies lie in the same two or more places are one finding."""
    places: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for tree in evidence.duplicate_trees:
        copies = kept_first(evidence, tree)
        parents = tuple(int(evidence.filesystem.table.parents[copy]) for copy in copies)
        places.setdefault(parents, []).append(copies)
    for copies_of in places.values():
        yield from _claim(evidence, copies_of)


def kept_first(evidence: Evidence, tree: DuplicateTree) -> tuple[int, ...]:
    """The copies of a directory, the one that is best kept first: that of the lowest layers."""
    inodes = evidence.filesystem.inodes

    def age(copy: int) -> tuple[int, int]:
        layers = inodes.layers(evidence.live_inodes[files_of(evidence, [copy])])
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
