"""How to do without content that a later step deletes."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import (
    context_paths,
    excluding,
    ignoring,
    is_from_elsewhere,
    kept_by_another,
    target_of,
)
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import NAMED
from layerscope.analysis.findings.fixes import (
    commands_in,
    instruction_text,
    run_in,
    run_text,
    shell_word,
    sources_of,
)
from layerscope.analysis.findings.package_lists import LISTS
from layerscope.analysis.findings.run_deletions import (
    deletions_in,
    in_one_run,
    no_longer_deleting,
)
from layerscope.analysis.findings.runs import (
    Change,
    Run,
    applied,
    called,
    without_commands,
    without_words,
)
from layerscope.image.history import Step
from layerscope.image.shell import Command

_BUILDS = frozenset(
    (
        *(
            "make",
            "gcc",
            "g++",
            "cc",
            "c++",
            "cmake",
            "ninja",
            "meson",
            "cargo",
            "rustc",
            "javac",
            "mvn",
        ),
        *("gradle", "tsc", "curl", "wget", "./configure", "configure"),
    )
)
"""Programs that download or compile: better done in a stage of its own."""
_BUILD_COMMANDS = {
    "go": ("build", "install"),
    "git": ("clone",),
    "npm": ("run", "ci", "install"),
    "yarn": ("run", "install"),
    "pnpm": ("run", "install"),
    "pip": ("wheel",),
    "pip3": ("wheel",),
}

_LINES = 40
"""Lines of a .dockerignore."""


def deletion_fix(
    evidence: Evidence,
    layer: int,
    hiding_layers: Sequence[int],
    paths: NDArray[np.int32],
    size: int,
) -> Fix:
    """The fix for a layer with paths, of this many content bytes, that later layers delete."""
    step = evidence.step(layer)
    tops = [evidence.name(path) for path in evidence.topmost_deleted(paths)[: _LINES + 1]]
    names = " ".join(map(shell_word, tops[:NAMED])) + (" …" if len(tops) > NAMED else "")
    if evidence.is_base(layer) and not all(map(evidence.is_base, hiding_layers)):
        quoted = (instruction_text(evidence, evidence.step(one)) for one in hiding_layers[:NAMED])
        return Fix(
            f"# {names}: the base image stores it, and deleting it saves nothing: only another base image is smaller\n"
            + "\n".join(quoted)
        )
    if step.instruction == "RUN":
        hint = (
            "# or do it in a stage of its own (FROM … AS build), and COPY --from=build what is needed\n"
            if _builds(evidence, step) and not any(top.startswith(LISTS) for top in tops)
            else ""
        )
        return hint + in_one_run(evidence, layer, hiding_layers, tops)
    whole = size >= evidence.accounting.layers[layer].stored
    mounted = _mounted(evidence, layer, hiding_layers, tops) if whole else None
    if mounted is not None:
        return mounted
    keeper = kept_by_another(evidence, step, tops)
    if keeper is not None:
        return excluding(evidence, step, keeper, tops, whole)
    ignored = [] if whole else context_paths(evidence, step, tops)
    if ignored:
        fix = ignoring(evidence, step, ignored)
        then = no_longer_deleting(evidence, fix, hiding_layers, tops, drop=False)
        return then or Fix(fix.text, advice=fix.advice)
    sources = context_paths(evidence, step, tops)
    what = "the build context (.dockerignore)" if sources else "what is copied"
    if sources:
        names = " ".join(map(shell_word, sources[:NAMED])) + (" …" if len(tops) > NAMED else "")
    return Fix(
        f"# keep {names} out of {what}, or use it without storing it:\n"
        f"# RUN --mount=type=bind,target=/mnt …\n{instruction_text(evidence, step)}"
    )


def _builds(evidence: Evidence, step: Step) -> bool:
    """Whether a RUN downloads or compiles."""
    for command in commands_in(evidence, step):
        name, *arguments = called(command)
        if name in _BUILDS or set(arguments[:1]) & set(_BUILD_COMMANDS.get(name, ())):
            return True
    return False


def _mounted(
    evidence: Evidence, layer: int, hiding_layers: Sequence[int], tops: Sequence[str]
) -> Fix | None:
    """Mount the files of a COPY in the steps that use them up to the deletion; None if its source is unknown."""
    step = evidence.step(layer)
    sources, target = sources_of(step)
    if (
        len(sources) != 1
        or len(hiding_layers) != 1
        or len(tops) != 1
        or step.instruction == "ADD"
        or is_from_elsewhere(step)
    ):
        return None
    source, top = sources[0], tops[0]
    same_name = posixpath.basename(top) == posixpath.basename(posixpath.normpath(source))
    if "*" in source or source.startswith("/"):
        return None
    if top not in (target_of(evidence, step, target), same_name and top):
        return None
    mount = f"--mount=type=bind,source={shell_word(source)},target={shell_word(top)}"
    text = f"# in place of layers {layer} to {hiding_layers[0]}:"
    edits: list[Edit] = [Edit("drop", step.index)]
    for found in range(layer + 1, hiding_layers[0] + 1):
        used = evidence.step(found)
        run = run_in(evidence, used)
        if run is None:
            continue
        changes = _without_deletion(evidence, run, top)
        if changes is None or run.exec_form:
            return None
        if not applied(run.script, changes).strip():
            edits.append(Edit("drop", used.index))
            continue
        text += "\n" + run_text(run, changes, [mount])
        edits.append(Edit("flag", used.index, mount))
        edits += [Edit("change", used.index, new, start, end) for start, end, new in changes]
    return Fix(text, tuple(edits)) if "\n" in text else None


def _without_deletion(evidence: Evidence, run: Run, top: str) -> tuple[Change, ...] | None:
    """A RUN that no longer deletes a path, which is mounted now and cannot be deleted: all of it goes if it did nothing else.
    None if that cannot be written."""

    script = run.read
    if script is None:
        return None

    gone: list[Command] = []
    changes: list[Change] = []
    for deletion in deletions_in(evidence, run, [top]):
        if deletion.alone:
            gone.append(deletion.command)
        else:
            changes += without_words(deletion.command, deletion.words)
    if gone and len(gone) == len(script.commands):
        return ((0, len(run.script), ""),)
    without = without_commands(run, gone)
    return None if without is None else (*changes, *without)
