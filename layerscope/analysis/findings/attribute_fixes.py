"""Fixes that set owner and mode when files are stored, instead of by a later chown or chmod."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import target_of
from layerscope.analysis.findings.deleting import directories_before
from layerscope.analysis.findings.edits import IN_PLACE_OF_LAYER, LEFT_OUT_OF_LAYER, Edit, Fix
from layerscope.analysis.findings.finding import MAX_NAMED
from layerscope.analysis.findings.fixes import (
    commands_in,
    commented,
    instruction_text,
    run_in,
    run_text,
    shell_word,
    with_flags,
)
from layerscope.analysis.findings.hidden import Rows
from layerscope.analysis.findings.merging import mergeable, one_run
from layerscope.analysis.findings.runs import (
    Change,
    Run,
    called_words,
    program_index,
    without_commands,
    without_words,
)
from layerscope.filesystem.inodes import Why
from layerscope.image.dockerfile_syntax import split_flags
from layerscope.image.history import Step
from layerscope.image.shell import Command
from layerscope.layers.index import Kind

_CHANGERS = ("chown", "chmod", "chgrp", "touch", "setcap")
_NAMED_OWNER = re.compile(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?")
_DIRECTORIES = 8
"""Directories whose attributes are set by name."""


def rewriting_fix(
    evidence: Evidence,
    layer: int,
    storers: Sequence[int],
    rows: Rows,
    new: NDArray[np.int32],
    why: int,
) -> Fix:
    """The fix for a layer that stores contents of other layers again; `new` are the inodes that replaced them, `why` has what
    differs, as `Why` bits.
    """
    stored_in = evidence.accounting.waste.stored_in[rows]
    runs = [storer for storer in storers if mergeable(evidence, storer, layer)]
    others = [storer for storer in storers if storer not in runs]
    blocks: list[Fix | None] = []
    if runs:
        blocks.append(one_run(evidence, [*sorted(runs), layer]))
    for storer in others[:MAX_NAMED]:
        of_storer = stored_in == storer
        blocks.append(_block(evidence, layer, storer, rows[of_storer], new[of_storer], why))
    step = evidence.step(layer)
    if not runs and step.instruction == "RUN":
        blocks.append(_without_attribute_commands(evidence, layer, others))
    fixes = [block for block in blocks if block is not None]
    fix = fixes[0]
    for block in fixes[1:]:
        fix = fix + "\n" + block
    # The step is removed or changed for everything that it rewrites, or not at all.
    for_all = (
        all(block is not None and block.edits for block in blocks) and len(others) <= MAX_NAMED
    )
    if for_all and not (runs and others):
        return fix
    return Fix(fix.text, advice=fix.advice)


def _block(
    evidence: Evidence, layer: int, storer: int, rows: Rows, new: NDArray[np.int32], why: int
) -> Fix:
    """The fix at the step that stored the contents."""
    step, first = evidence.step(layer), evidence.step(storer)
    if evidence.is_base(storer) and not evidence.is_base(layer):
        return Fix(
            f"# layer {step.layer} rewrites what the base image stores: name only the files that need it"
        )
    if not why & (Why.OWNER | Why.MODE | Why.XATTRS):
        return Fix(
            "# only times change: leave them, or build with SOURCE_DATE_EPOCH if they must be reproducible\n"
            + instruction_text(evidence, first)
        )
    if step.instruction != "RUN":
        return Fix(
            f"# the same content is stored again: store it once\n{instruction_text(evidence, first)}"
        )
    if first.instruction not in ("COPY", "ADD"):
        return Fix(
            f"# set owner and mode where the files are made\n{instruction_text(evidence, first)}"
        )
    if why & Why.XATTRS:
        copied = with_flags(first, "--from=build").text
        return Fix(f"# set it in a separate stage, and copy from there\n{copied}")
    return _copied(evidence, layer, storer, rows, new, why)


def _copied(
    evidence: Evidence, layer: int, storer: int, rows: Rows, new: NDArray[np.int32], why: int
) -> Fix:
    """The COPY with the final attributes of its files; a comment if these are not the same for all."""
    step, first = evidence.step(layer), evidence.step(storer)
    columns = evidence.filesystem.inodes.columns
    files, directories = _copied_inodes(evidence, layer, storer)
    known = directories[directories != evidence.filesystem.inodes.implicit]
    all_inodes = np.concatenate([files, known])
    flags: list[str] = []
    alike = len(files) > 0
    top = evidence.deepest_common(evidence.accounting.waste.paths[rows])
    if why & Why.OWNER:
        uid, gid = _most_frequent(np.stack([columns.uids[new], columns.gids[new]]).astype(np.int64))
        flags.append(f"--chown={_owner(evidence, step, storer, top, uid, gid)}")
        alike &= bool(((columns.uids[all_inodes] == uid) & (columns.gids[all_inodes] == gid)).all())
    if why & Why.MODE:
        (mode,) = _most_frequent(columns.modes[new][None].astype(np.int64))
        flags.append(f"--chmod={mode:o}")
        # COPY gives directories the same mode.
        alike &= bool((columns.modes[all_inodes] == mode).all()) and not (
            len(directories) and not mode & 0o100
        )
    if alike:
        return with_flags(first, *flags)
    name = shell_word(evidence.name(top))
    in_context = "" if why & Why.OWNER else ", or set the mode in the build context"
    names = tuple(flag.partition("=")[0] for flag in flags)
    kept = [flag for flag in split_flags(first.arguments)[0] if flag.partition("=")[0] not in names]
    words = " ".join([*flags, *kept])
    if len(rows) > 1 and why & Why.MODE:
        return Fix(
            f"{instruction_text(evidence, first)}\n"
            f"# files and directories end up with different modes: set them in the build context, or copy such files separately:\n"
            f"# {first.instruction} {words} …"
        )
    return Fix(
        f"{instruction_text(evidence, first)}\n"
        f"# leave {name} out of it and copy it separately{in_context}:\n"
        f"# {first.instruction} {words} … {name}"
    )


def _copied_inodes(
    evidence: Evidence, layer: int, storer: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The inodes after a layer at the paths of files that a COPY stores, and of directories that it creates."""
    filesystem = evidence.filesystem
    after = _shown_after(evidence, layer)
    copied = (filesystem.born == storer) & (filesystem.died >= layer)
    of_kind = []
    before = directories_before(evidence, storer)
    for kind in (Kind.FILE, Kind.DIRECTORY):
        paths = filesystem.paths[copied & (filesystem.kinds == kind)]
        if kind == Kind.DIRECTORY:
            paths = paths[~before[paths]]
        inodes = after[paths]
        of_kind.append(inodes[inodes >= 0])
    return of_kind[0], of_kind[1]


def _shown_after(evidence: Evidence, layer: int) -> NDArray[np.int32]:
    """The inode at each path after a layer, -1 for none; shape (paths,)."""
    filesystem = evidence.filesystem
    shown = np.full(len(filesystem.table), -1, np.int32)
    rows = filesystem.visible(layer)
    shown[filesystem.paths[rows]] = filesystem.inode_of[rows]
    return shown


def _most_frequent(values: NDArray[np.int64]) -> list[int]:
    """The most frequent column."""
    columns, counts = np.unique(values, axis=1, return_counts=True)
    column: list[int] = columns[:, int(counts.argmax())].tolist()
    return column


def _owner(evidence: Evidence, step: Step, storer: int, top: int, uid: int, gid: int) -> str:
    """`NAME:GROUP` as in the command if these names exist at the COPY, otherwise the numbers."""
    commands = _commands_for(evidence, step, "chown", evidence.name(top))
    every = _attribute_commands(evidence, step, ("chown",))
    for command in commands or (every if len(every) == 1 else []):
        words = [word for word in called_words(command)[1:] if word[:1] != "-"]
        named = words[0] if words else ""
        if _NAMED_OWNER.fullmatch(named) and _knows_users(evidence, storer):
            # Without a group, COPY uses the number of the user as group; chown leaves the group alone.
            return named if ":" in named or uid == gid else f"{named}:{gid}"
    return f"{uid}:{gid}"


def _commands_for(evidence: Evidence, step: Step, name: str, top: str) -> list[Command]:
    """The commands of a step that change attributes at `top`, last one first."""
    folder = target_of(evidence, step, ".")
    commands = []
    for command in commands_in(evidence, step):
        program, *values = called_words(command)
        if program == name:
            places = [
                posixpath.normpath(posixpath.join(folder, value)) for value in values if value
            ]
            if any(f"{top}/".startswith(f"{place.rstrip('/')}/") for place in places):
                commands.append(command)
    return commands[::-1]


def _knows_users(evidence: Evidence, storer: int) -> bool:
    """Whether the users of the final image already exist when a layer is stored."""
    table, filesystem = evidence.filesystem.table, evidence.filesystem
    for name in (b"etc/passwd", b"etc/group"):
        path = table.find(name)
        if path is None or evidence.live_inodes[path] < 0:
            return False
        if filesystem.inodes.layer(int(evidence.live_inodes[path])) >= storer:
            return False
    return True


def _attribute_commands(
    evidence: Evidence, step: Step, names: Sequence[str] = _CHANGERS
) -> list[Command]:
    """The commands of a RUN that change attributes."""
    return [command for command in commands_in(evidence, step) if called_words(command)[0] in names]


def _without_attribute_commands(
    evidence: Evidence, layer: int, storers: Sequence[int]
) -> Fix | None:
    """The fix for the RUN that changed the attributes: it is removed, except for directories that no COPY of `storers` creates. A
    comment if it changes anything else.
    """
    step = evidence.step(layer)
    run, changing = run_in(evidence, step), _attribute_commands(evidence, step)
    if run is None or not changing:
        return None
    kept = _kept_directories(evidence, layer, storers)
    if kept is None:
        return None
    if kept:
        return _only_on_directories(evidence, run, layer, changing, kept)
    if len(changing) == len(run.commands):
        return Fix(
            f"{IN_PLACE_OF_LAYER} {step.layer}:\n{commented(instruction_text(evidence, step))}",
            (Edit("drop", step.index),),
        )
    commands = "; ".join(run.script[command.start : command.end] for command in changing)
    edits = without_commands(run, changing)
    return Fix(
        f"{LEFT_OUT_OF_LAYER} {step.layer}: {' '.join(commands.split())}",
        tuple(Edit("change", step.index, new, start, end) for start, end, new in edits or ()),
    )


def _kept_directories(evidence: Evidence, layer: int, storers: Sequence[int]) -> list[int] | None:
    """Directories whose owner or mode a layer changes and that no COPY of `storers` creates: from WORKDIR, mkdir or the base
    image. COPY leaves existing directories as they are. None if the layer changes other files, too.
    """
    filesystem, columns = evidence.filesystem, evidence.filesystem.inodes.columns
    old, new = _shown_after(evidence, layer - 1), _shown_after(evidence, layer)
    born = np.full(len(filesystem.table), -1, np.int32)
    rows = filesystem.visible(layer - 1)
    born[filesystem.paths[rows]] = filesystem.born[rows]
    paths = np.flatnonzero((old >= 0) & (new >= 0) & (old != new))
    paths = paths[new[paths] != filesystem.inodes.implicit]
    old, new, born = old[paths], new[paths], born[paths]
    differ = columns.uids[old] != columns.uids[new]
    differ |= (columns.gids[old] != columns.gids[new]) | (columns.modes[old] != columns.modes[new])
    paths, old, born = paths[differ], old[differ], born[differ]
    folder = columns.kinds[old] == Kind.DIRECTORY
    copied = np.isin(born, storers)
    if (~folder & ~copied).any():
        return None
    for storer in storers:
        copied &= ~(folder & (born == storer) & directories_before(evidence, storer)[paths])
    kept: list[int] = paths[folder & ~copied].tolist()
    return kept


def _only_on_directories(
    evidence: Evidence, run: Run, layer: int, changing: Sequence[Command], kept: Sequence[int]
) -> Fix | None:
    """The RUN changed to set the attributes of some directories only, so that it stores no contents; None for many directories."""
    columns, step = evidence.filesystem.inodes.columns, run.step
    inodes = _shown_after(evidence, layer)[np.array(kept)]
    owners = set(zip(columns.uids[inodes].tolist(), columns.gids[inodes].tolist(), strict=True))
    modes = set(columns.modes[inodes].tolist())
    before = _shown_after(evidence, layer - 1)[np.array(kept)]
    changes_mode = bool((columns.modes[before] != columns.modes[inodes]).any())
    if len(kept) > _DIRECTORIES or len(owners) > 1 or (changes_mode and len(modes) > 1):
        return None
    first, *others = changing
    names = " ".join(shell_word(evidence.name(path)) for path in kept)
    (uid, gid), mode = owners.pop(), modes.pop()
    commands = []
    if (columns.uids[before] != uid).any() or (columns.gids[before] != gid).any():
        owner = _owner(evidence, step, layer, kept[0], uid, gid)
        commands.append(f"chown {owner} {names}")
    if changes_mode:
        commands.append(f"chmod {mode:o} {names}")
    head = run.script[first.start : first.words[program_index(first)].start]
    changes: tuple[Change, ...] = (
        (first.start, first.end, " && ".join(f"{head}{command}" for command in commands)),
    )
    recursive = [word for word in first.words if word.value in ("-R", "--recursive")]
    # An option, an owner and a path.
    plain = not others and len(called_words(first)) == 4 and len(kept) == 1
    if len(recursive) == 1 and plain and len(commands) == 1 and called_words(first)[0] == "chown":
        changes = without_words(first, recursive)  # as written by its author
    without = without_commands(run, others) if others else ()
    if without is None:
        return None
    all_changes = (*changes, *without)
    return Fix(
        f"# and in layer {layer} change only the directory, which COPY leaves as it is:\n{run_text(run, all_changes)}",
        tuple(Edit("change", step.index, new, start, end) for start, end, new in all_changes),
    )
