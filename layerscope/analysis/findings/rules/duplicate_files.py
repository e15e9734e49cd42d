"""Duplicate files in the final image, without those of duplicate directories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copies import choose_copies
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import MAX_NAMED, Claim
from layerscope.analysis.findings.fixes import commented, instruction_text, run_and, shell_word
from layerscope.analysis.findings.hidden import origin_layers, split_by_key
from layerscope.analysis.findings.links import is_untouched_later, link_command, stores_only
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules.duplicate_directories import from_package_manager
from layerscope.text import count_of
from layerscope.words import Confidence, Severity

_MIN_FILE_BYTES = 50_000
"""Smaller files are not reported."""
_MAX_CHECKED = 100
"""How many files are checked for writes by later steps."""
_SPARED = ("/usr/share/doc", "copyright", "LICENSE*", "LICENCE*", "COPYING*", "NOTICE*")
"""Files that must stay next to what they describe."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    if not evidence.duplicates:
        return
    groups = evidence.duplicates.groups
    is_large = evidence.duplicates.sizes[groups] >= _MIN_FILE_BYTES
    paths, groups = evidence.duplicates.paths[is_large], groups[is_large]
    if not len(paths):
        return
    spared = evidence.selector.select(_SPARED)
    spared |= evidence.once(choose_copies).removed
    reported = ~spared[paths] & ~evidence.claimed[evidence.live_inodes[paths]]
    paths, groups = paths[reported], groups[reported]
    layers = origin_layers(evidence, evidence.live_inodes[paths])
    order = np.lexsort((paths, layers, groups))
    paths, groups, layers = paths[order], groups[order], layers[order]
    first = np.diff(groups, prepend=-1) > 0
    keepers = paths[np.maximum.accumulate(np.where(first, np.arange(len(paths)), 0))]
    copies = np.flatnonzero(~first)
    copies = copies[np.isin(paths[copies], evidence.without_other_names(paths[copies]))]
    for layer, of_layer in split_by_key(layers[copies], copies):
        if from_package_manager(evidence, layer):
            of_layer = of_layer[~evidence.packaged[paths[of_layer]]]
        if len(of_layer):
            yield _claim(evidence, layer, paths[of_layer], keepers[of_layer])


def _claim(
    evidence: Evidence, layer: int, paths: NDArray[np.int32], keepers: NDArray[np.int32]
) -> Claim:
    inodes = evidence.live_inodes[paths]
    order = np.lexsort((paths, -evidence.stored(inodes)))
    paths, keepers = paths[order], keepers[order]
    return Claim(
        fix=_fix(evidence, layer, paths, keepers),
        layers=(layer,),
        inodes=np.unique(inodes),
        paths=paths,
        title=f"Layer {layer} stores {count_of(len(paths), 'duplicate')} of large files",
    )


def _fix(
    evidence: Evidence, layer: int, paths: NDArray[np.int32], keepers: NDArray[np.int32]
) -> str | Fix:
    step = evidence.step(layer)
    inodes = evidence.filesystem.inodes
    if evidence.is_base(layer):
        return f"# the base image has {shell_word(evidence.name(int(keepers[0])))} several times: only another base image is smaller"
    copied = step.instruction != "RUN"
    linkable = np.array(
        [is_untouched_later(evidence, layer, path) for path in paths[:_MAX_CHECKED].tolist()]
    )
    if not linkable.any():
        names = [shell_word(evidence.name(int(path))) for path in (keepers[0], paths[0])]
        return f"# store {names[0]} only once: after this step {names[1]} is the same, but later steps change files there\n{instruction_text(evidence, step)}"
    first = np.flatnonzero(linkable)[:MAX_NAMED]
    links = []
    for path, kept in zip(paths[first].tolist(), keepers[first].tolist(), strict=True):
        # A hard link to a file of a lower layer would store the file again.
        hard = inodes.layer(int(evidence.live_inodes[kept])) == layer
        option = "-f" if hard and not copied else "-sf"
        links.append(link_command(evidence, layer, kept, path, option, without=copied))
    more = f" (and {len(paths) - len(first)} more like it)" if len(paths) > len(first) else ""
    commands = " && ".join(links)
    note = f"# a link is enough for each{more}, if nothing writes to them:\n"
    if not copied:
        fix = note + run_and(evidence, step, commands)
        return Fix(fix.text, advice=fix.advice) if more else fix  # not for all of them
    removed = " ".join(shell_word(evidence.name(path)) for path in paths[first].tolist())
    if len(paths) == 1 and stores_only(evidence, layer, int(paths[0])):
        return f"{note}# in place of\n{commented(instruction_text(evidence, step))}\nRUN {commands}"
    return f"# leave {removed} out of\n{instruction_text(evidence, step)}\n{note}RUN {commands}"


RULE = Rule(
    "duplicate-files",
    title="Duplicate files",
    why="Every copy is stored, pushed and pulled, unless it is a hard link.",
    finds="Files of equal content at different paths.",
    wrong="Programs may expect a real file at each path. A hard link made in the same step keeps all paths; if that is not possible, ignore it.",
    find=_find,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=1_000_000,
    last=True,
)
