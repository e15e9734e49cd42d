"""Fixes for content that a later step deletes."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import (
    MAX_IGNORE_LINES,
    context_paths,
    excluding,
    ignoring,
    is_from_elsewhere,
    kept_by_another,
    target_of,
)
from layerscope.analysis.findings.edits import IN_PLACE_OF_LAYER, Edit, Fix
from layerscope.analysis.findings.finding import MAX_NAMED
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
    in_searched_directory,
    names_any,
    no_longer_deleting,
)
from layerscope.analysis.findings.runs import (
    Change,
    Run,
    apply_changes,
    called_words,
    without_commands,
    without_words,
)
from layerscope.image.history import Step
from layerscope.image.shell import Command

_BUILDERS = frozenset(
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
"""Programs that download or compile: better used in a separate stage."""
_BUILD_COMMANDS = {
    "go": ("build", "install"),
    "git": ("clone",),
    "npm": ("run", "ci", "install"),
    "yarn": ("run", "install"),
    "pnpm": ("run", "install"),
    "pip": ("wheel",),
    "pip3": ("wheel",),
}
_READERS = frozenset(
    """
    apk apt apt-get awk bsdtar cat cd chmod chown cp dnf dpkg echo export grep gunzip head install ln ls microdnf mkdir mv rm
    rpm rsync sed set sha256sum tar test true unzip useradd yum zypper [
    """.split()  # noqa: SIM905 - a list of words
)
"""Programs that do not write to their source arguments."""

_DISCARDED_NOTE = "# writes to the mount are discarded; older versions of Podman and Buildah write them to the build context"


def deletion_fix(
    evidence: Evidence,
    layer: int,
    hiding_layers: Sequence[int],
    paths: NDArray[np.int32],
    size: int,
) -> Fix:
    """The fix for a layer with paths that later layers delete; `size` is their content in bytes."""
    step = evidence.step(layer)
    topmost = evidence.topmost_deleted(paths)[: MAX_IGNORE_LINES + 1]
    tops = [evidence.name(path) for path in topmost]
    names = " ".join(map(shell_word, tops[:MAX_NAMED])) + (" …" if len(tops) > MAX_NAMED else "")
    if evidence.is_base(layer) and not all(map(evidence.is_base, hiding_layers)):
        quoted = (
            instruction_text(evidence, evidence.step(one)) for one in hiding_layers[:MAX_NAMED]
        )
        return Fix(
            f"# {names}: stored by the base image, and deleting it saves nothing: only another base image is smaller\n"
            + "\n".join(quoted)
        )
    if step.instruction == "RUN":
        hint = (
            "# or do it in a separate stage (FROM … AS build), and COPY --from=build what is needed\n"
            if _builds(evidence, step) and not any(top.startswith(LISTS) for top in tops)
            else ""
        )
        return hint + in_one_run(evidence, layer, hiding_layers, tops)
    stores_nothing_else = size >= evidence.accounting.layers[layer].stored
    keeper = kept_by_another(evidence, step, tops)
    if keeper is not None:
        return excluding(evidence, step, keeper, tops, stores_nothing_else)
    ignored = [] if stores_nothing_else else context_paths(evidence, step, tops)
    if ignored:
        fix = ignoring(evidence, step, ignored)
        changed = no_longer_deleting(evidence, fix, hiding_layers, tops, drop=False)
        return changed or Fix(fix.text, advice=fix.advice)
    sources = context_paths(evidence, step, tops)
    place = "the build context (.dockerignore)" if sources else "what is copied"
    if sources:
        names = " ".join(map(shell_word, sources[:MAX_NAMED])) + (
            " …" if len(tops) > MAX_NAMED else ""
        )
    return Fix(
        f"# keep {names} out of {place}, or use it without storing it:\n"
        f"# RUN --mount=type=bind,target=/mnt …\n{instruction_text(evidence, step)}"
    )


def _builds(evidence: Evidence, step: Step) -> bool:
    """Whether a RUN downloads or compiles."""
    for command in commands_in(evidence, step):
        name, *arguments = called_words(command)
        if name in _BUILDERS or set(arguments[:1]) & set(_BUILD_COMMANDS.get(name, ())):
            return True
    return False


def mount_instead_of_copy(
    evidence: Evidence,
    layer: int,
    hiding_layers: Sequence[int],
    paths: NDArray[np.int32],
    size: int,
) -> tuple[Fix, int] | None:
    """A fix that mounts everything that a COPY stores in the steps that use it up to the deletion, and the path of the mount:
    what these steps write there is not stored either.

    Arguments as for `deletion_fix`. None if the source is unknown, or if a step may use something that an earlier one wrote
    there, which would be gone.
    """
    step, tops = evidence.step(layer), evidence.topmost_deleted(paths)
    sources, target = sources_of(step)
    if (
        size < evidence.accounting.layers[layer].stored
        or evidence.is_base(layer)
        or len(sources) != 1
        or len(hiding_layers) != 1
        or len(tops) != 1
        or step.instruction == "ADD"
        or is_from_elsewhere(step)
    ):
        return None
    source, top, last = sources[0], evidence.name(tops[0]), hiding_layers[0]
    same_name = posixpath.basename(top) == posixpath.basename(posixpath.normpath(source))
    if "*" in source or source.startswith("/"):
        return None
    if top not in (target_of(evidence, step, target), same_name and top):
        return None
    writers = _written_between(evidence, layer, last, tops[0])
    changed: list[tuple[int, Run, tuple[Change, ...]]] = []
    for number in range(layer + 1, last + 1):
        run = run_in(evidence, evidence.step(number))
        if run is None:
            continue
        changes = _without_deletion(evidence, run, top)
        if changes is None or run.exec_form:
            return None
        changed.append((number, run, changes))
    naming = [
        number
        for number, run, changes in changed
        if names_any(evidence, run.step, apply_changes(run.script, changes), [top])
    ]
    if writers and (in_searched_directory([top]) or max(naming, default=layer) > writers[0]):
        return None
    mount = f"--mount=type=bind,source={shell_word(source)},target={shell_word(top)}"
    text, written = f"{IN_PLACE_OF_LAYER}s {layer} to {last}:", False
    edits: list[Edit] = [Edit("drop", step.index)]
    for number, run, changes in changed:
        if not apply_changes(run.script, changes).strip():
            edits.append(Edit("drop", run.step.index))
            continue
        if number in naming or not naming or in_searched_directory([top]):
            writes = number in writers or not _only_reads(evidence, run, tops[0])
            flags = [f"{mount},rw" if writes else mount]
            written |= writes
        elif changes:
            flags = []
        else:
            continue
        text += "\n" + run_text(run, changes, flags)
        edits += [Edit("flag", run.step.index, flag) for flag in flags]
        edits += [Edit("change", run.step.index, new, start, end) for start, end, new in changes]
    if "\n" not in text:
        return None
    return Fix(f"{_DISCARDED_NOTE}\n{text}" if written else text, tuple(edits)), tops[0]


def _written_between(evidence: Evidence, layer: int, last: int, top: int) -> list[int]:
    """The layers between two layers that store something at or below a path, lowest first."""
    filesystem = evidence.filesystem
    inside = (filesystem.paths >= top) & (filesystem.paths < filesystem.table.ends[top])
    return [born for born in np.unique(filesystem.born[inside]).tolist() if layer < born < last]


def _only_reads(evidence: Evidence, run: Run, top: int) -> bool:
    """Whether a RUN certainly writes nothing to a directory that it uses; single files are assumed to be only read."""
    if evidence.filesystem.table.ends[top] == top + 1:
        return True
    name, folder = evidence.name(top), target_of(evidence, run.step, ".")
    for command in run.commands:
        program, *arguments = called_words(command)
        paths = [posixpath.normpath(posixpath.join(folder, word)) for word in arguments]
        # pip builds a source directory in place.
        builds = program.startswith("pip") and name in paths
        if (program not in _READERS and not program.startswith("pip")) or builds:
            return False
    return bool(run.commands)


def _without_deletion(evidence: Evidence, run: Run, top: str) -> tuple[Change, ...] | None:
    """A RUN that no longer deletes a path, which is now a mount and cannot be deleted; it is removed if it did nothing else. None
    if that cannot be written.
    """

    script = run.parsed
    if script is None:
        return None

    deletions: list[Command] = []
    changes: list[Change] = []
    for deletion in deletions_in(evidence, run, [top]):
        if deletion.alone:
            deletions.append(deletion.command)
        else:
            changes += without_words(deletion.command, deletion.words)
    if deletions and len(deletions) == len(script.commands):
        return ((0, len(run.script), ""),)
    without = without_commands(run, deletions)
    return None if without is None else (*changes, *without)
