"""Fixes for duplicate directories: a link if they are equal, otherwise a list of differences to check."""

from __future__ import annotations

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copies import Copies, files_of
from layerscope.analysis.findings.deleting import directories_before
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import MAX_NAMED
from layerscope.analysis.findings.fixes import commented, instruction_text, run_and, shell_word
from layerscope.analysis.findings.links import is_untouched_later, link_command, stores_only

_MODULES = "/node_modules/"


def equal_fix(evidence: Evidence, layer: int, alike: list[Copies]) -> Fix:
    """Links that replace the copies: in the RUN that creates them, after a COPY that excludes them, or instead of a COPY that
    stores nothing else.
    """
    step = evidence.step(layer)
    links = [(copies.kept, other) for copies in alike for other in copies.others]
    linkable = [
        (kept, other)
        for kept, other in links[: 10 * MAX_NAMED]
        if is_untouched_later(evidence, layer, other)
    ]
    if not linkable:
        names = [shell_word(evidence.name(path)) for path in links[0]]
        return Fix(
            f"# store {names[0]} only once: in the final image {names[1]} is the same, but later steps change files in it\n"
            f"{instruction_text(evidence, step)}"
        )
    shown, copied = linkable[:MAX_NAMED], step.instruction != "RUN"
    more = f" (and {len(links) - len(shown)} more like it)" if len(links) > len(shown) else ""
    commands = " && ".join(link_command(evidence, layer, *pair, without=copied) for pair in shown)
    removed = " ".join(shell_word(evidence.name(other)) for _, other in shown)
    note = f"# a link is enough for each{more}, if nothing writes to them:\n"
    if not copied:
        fix = note + run_and(evidence, step, f"rm -rf {removed} && {commands}")
        existing = directories_before(evidence, layer)[[other for _, other in shown]]
        # Only some of them, or mixed with files of lower layers: the reader has to check.
        return fix if not more and not existing.any() else Fix(fix.text, advice=fix.advice)
    if len(links) == 1 and stores_only(evidence, layer, links[0][1]):
        return Fix(
            f"{note}# in place of\n{commented(instruction_text(evidence, step))}\nRUN {commands}",
            (Edit("insert", step.index, f"RUN {commands}"), Edit("drop", step.index)),
        )
    return Fix(
        f"# leave {removed} out of\n{instruction_text(evidence, step)}\n{note}RUN {commands}"
    )


def near_fix(evidence: Evidence, layer: int, near: Copies) -> Fix:
    """A comment on what differs, and how to keep only one if it works for both: software that needs one may break with the other."""
    (copy,) = near.others
    step, kept, other = evidence.step(layer), evidence.name(near.kept), evidence.name(copy)
    text, words = instruction_text(evidence, step), (shell_word(kept), shell_word(other))
    comment = _difference(evidence, near)
    if _MODULES in kept and _MODULES in other:
        project = [name.partition(_MODULES)[0] or "/" for name in (kept, other)]
        if project[0] == project[1]:
            dedupe = f"npm dedupe --prefix {shell_word(project[0])}"
            fix = f"{comment}\n# npm keeps one of them if versions agree:\n" + (
                run_and(evidence, step, dedupe)
                if step.instruction == "RUN"
                else Fix(f"{text}\n# {dedupe}")
            )
            return Fix(fix.text, advice=fix.advice)
    if step.instruction == "RUN":
        fix = (
            f"{comment}\n# if {words[0]} works for both, create it once and remove the other one:\n"
            + run_and(evidence, step, f"rm -rf {words[1]}")
        )
        return Fix(fix.text, advice=fix.advice)
    if stores_only(evidence, layer, copy):
        return Fix(f"{comment}\n# if {words[0]} works for both, leave out\n{commented(text)}")
    return Fix(f"{comment}\n# if {words[0]} works for both, leave {words[1]} out of\n{text}")


def _difference(evidence: Evidence, near: Copies) -> str:
    """A comment with the first files that differ or that only one of the two has."""
    (copy,) = near.others
    differing = {
        evidence.name(path).removeprefix(f"{evidence.name(top)}/"): None
        for top in (copy, near.kept)
        for path in _only_in(evidence, near, top)
    }
    names = list(differing)
    if not names:
        return f"# diff -r {shell_word(evidence.name(near.kept))} {shell_word(evidence.name(copy))}"
    more = " …" if len(names) > MAX_NAMED else ""
    return f"# they differ in {', '.join(map(shell_word, names[:MAX_NAMED]))}{more}"


def _only_in(evidence: Evidence, near: Copies, top: int) -> list[int]:
    """The first files of one directory that are not in the other."""
    files = files_of(evidence, [top])
    unmatched: list[int] = files[~np.isin(files, near.shared)][: MAX_NAMED + 1].tolist()
    return unmatched
