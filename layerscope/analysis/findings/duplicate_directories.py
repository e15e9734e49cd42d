"""Whole directories that the final image holds several times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.findings.copies import Copies, deal
from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.finding import Claim, Confidence
from layerscope.analysis.findings.fixes import instruction_text, run_and, shell_word
from layerscope.analysis.findings.hidden import origins
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.words import NAMED
from layerscope.image.history import Step


def _find(evidence: Evidence) -> Iterator[Claim]:
    """Directories whose copies lie in the same two or more places are one finding; so are two that are nearly the same,
    with all that is exactly the same in them."""
    dealt = evidence.once(deal)
    for near in dealt.near:
        yield from _near_claim(evidence, near)
    parents = evidence.filesystem.table.parents
    places: dict[tuple[int, ...], list[Copies]] = {}
    for copies in dealt.exact:
        place = tuple(int(parents[copy]) for copy in (copies.kept, *copies.others))
        places.setdefault(place, []).append(copies)
    for alike in places.values():
        yield from _claim(evidence, alike)


def _near_claim(evidence: Evidence, near: Copies) -> Iterator[Claim]:
    files = evidence.sole(near.files)
    if not len(files):
        return
    (copy,) = near.others
    layers = _heaviest_first(evidence, files)
    if of_packages(evidence, layers[0]) and evidence.packaged[copy]:
        return
    names = evidence.name(near.kept), evidence.name(copy)
    share = "nearly all" if near.share > 0.995 else f"{100 * near.share:.0f} %"
    yield Claim(
        fix=_of_base(names[0])
        if evidence.is_base(layers[0])
        else _near_fix(evidence.step(layers[0]), *names),
        layers=layers,
        inodes=np.unique(evidence.live_inodes[files]),
        paths=_largest_first(evidence, files),
        title=f"{names[1]} is nearly the same as {names[0]} ({share} of its bytes)",
    )


def _heaviest_first(evidence: Evidence, files: NDArray[np.int32]) -> tuple[int, ...]:
    """The layers whose steps brought files, that of most bytes first."""
    inodes = evidence.live_inodes[files]
    found, place = np.unique(origins(evidence, inodes), return_inverse=True)
    sums = np.bincount(place, evidence.stored(inodes))
    return tuple(found[np.lexsort((found, -sums))].tolist())


def _largest_first(evidence: Evidence, files: NDArray[np.int32]) -> NDArray[np.int32]:
    sizes = evidence.stored(evidence.live_inodes[files])
    ordered: NDArray[np.int32] = files[np.lexsort((files, -sizes))]
    return ordered


def _near_fix(step: Step, kept: str, copy: str) -> str:
    """One directory for both; what differs is to be looked at."""
    words = shell_word(kept), shell_word(copy)
    told = f"# diff -r {words[0]} {words[1]}: where they may be the same, keep one and link to it"
    if step.instruction == "RUN":
        return f"{told}\n{run_and(step, f'rm -rf {words[1]} && ln -s {words[0]} {words[1]}')}"
    return f"{told}\n# in place of\n# {instruction_text(step)}\nRUN ln -s {words[0]} {words[1]}"


def _claim(evidence: Evidence, alike: list[Copies]) -> Iterator[Claim]:
    files = evidence.sole(np.concatenate([copies.files for copies in alike]))
    if not len(files):
        return
    layers = _heaviest_first(evidence, files)
    others = np.array([copy for copies in alike for copy in copies.others])
    if of_packages(evidence, layers[0]) and evidence.packaged[others].all():
        return
    named = [
        tuple(evidence.name(copy) for copy in (copies.kept, *copies.others)) for copies in alike
    ]
    kept, first, *more = named[0]
    yield Claim(
        fix=_of_base(kept)
        if evidence.is_base(layers[0])
        else _fix(evidence.step(layers[0]), named),
        layers=layers,
        inodes=np.unique(evidence.live_inodes[files]),
        paths=_largest_first(evidence, files),
        title=f"{len(alike):,} directories of {_parent(first)} are in {_parent(kept)} too"
        if len(alike) > 1
        else f"{kept} is there {len(more) + 2} times"
        if more
        else f"{first} is the same as {kept}",
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
    last=True,
)
