"""How to give files their owner and mode when they are stored, in place of a chown or chmod behind it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import target_of
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import NAMED
from layerscope.analysis.findings.fixes import (
    commands_in,
    commented,
    instruction_text,
    run_in,
    shell_word,
    with_flags,
)
from layerscope.analysis.findings.hidden import Rows
from layerscope.analysis.findings.merging import mergeable, one_run
from layerscope.analysis.findings.runs import called, without_commands
from layerscope.filesystem.inodes import Why
from layerscope.image.dockerfile_syntax import split_flags
from layerscope.image.history import Step
from layerscope.image.shell import Command
from layerscope.layers.index import Kind

_CHANGERS = ("chown", "chmod", "chgrp", "touch", "setcap")
_NAMED_OWNER = re.compile(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?")
_SYMBOLIC = re.compile(r"(?:[ugoa]*[-+=][rwxXst]+,?)+")
_TENTHS = 9
"""Tenths of a COPY's files that are rewritten when it is about all of them."""


def rewriting_fix(
    evidence: Evidence,
    layer: int,
    storers: Sequence[int],
    rows: Rows,
    new: NDArray[np.int32],
    why: int,
) -> Fix:
    """The fix for a layer that stores contents of others again; `new` are the inodes that took their places, `why` is
    what differs, as `Why` bits."""
    stored_in = evidence.accounting.waste.stored_in[rows]
    runs = [storer for storer in storers if mergeable(evidence, storer, layer)]
    others = [storer for storer in storers if storer not in runs]
    blocks: list[Fix | None] = []
    if runs:
        blocks.append(one_run(evidence, [*sorted(runs), layer]))
    for storer in others[:NAMED]:
        mine = stored_in == storer
        blocks.append(_block(evidence, layer, storer, rows[mine], new[mine], why))
    step = evidence.step(layer)
    if not runs and step.instruction == "RUN":
        blocks.append(_without(evidence, step))
    fixes = [block for block in blocks if block is not None]
    together = fixes[0]
    for block in fixes[1:]:
        together = together + "\n" + block
    # The step goes, or is another, for all that it rewrites or for nothing.
    whole = all(block is not None and block.edits for block in blocks) and len(others) <= NAMED
    if whole and not (runs and others):
        return together
    return Fix(together.text, advice=together.advice)


def _block(
    evidence: Evidence, layer: int, storer: int, rows: Rows, new: NDArray[np.int32], why: int
) -> Fix:
    """What to write where one layer stored the contents."""
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
        return Fix(f"# set it in a stage of its own, and copy from there\n{copied}")
    return _copied(evidence, layer, storer, rows, new, why)


def _copied(
    evidence: Evidence, layer: int, storer: int, rows: Rows, new: NDArray[np.int32], why: int
) -> Fix:
    """The COPY with the attributes that its files end up with."""
    step, first = evidence.step(layer), evidence.step(storer)
    flags, head = [], ""
    if why & Why.OWNER:
        paths = evidence.accounting.waste.paths[rows]
        flags.append(f"--chown={_owner(evidence, step, storer, paths, new)}")
    if why & Why.MODE:
        mode = _mode(evidence, step, new)
        flags.append(f"--chmod={mode}")
        if not mode.isdigit():
            head = "# needs `# syntax=docker/dockerfile:1.14`\n"
    if _is_all(evidence, storer, rows):
        return head + with_flags(first, *flags)
    top = shell_word(evidence.name(evidence.common(evidence.accounting.waste.paths[rows])))
    in_context = "" if why & Why.OWNER else ", or set the mode in the build context"
    names = tuple(flag.partition("=")[0] for flag in flags)
    kept = [flag for flag in split_flags(first.arguments)[0] if flag.partition("=")[0] not in names]
    return Fix(
        f"{instruction_text(evidence, first)}\n"
        f"# leave {top} out of it and copy it by itself{in_context}:\n{head}"
        f"# {first.instruction} {' '.join([*flags, *kept])} … {top}"
    )


def _is_all(evidence: Evidence, storer: int, rows: Rows) -> bool:
    """Whether these are about all files that a layer stores."""
    first = evidence.filesystem.inodes.first
    span = slice(int(first[storer]), int(first[storer + 1]))
    columns = evidence.filesystem.inodes.columns
    files = int(((columns.kinds[span] == Kind.FILE) & (columns.stored[span] > 0)).sum())
    return len(rows) * 10 >= files * _TENTHS


def _owner(
    evidence: Evidence,
    step: Step,
    storer: int,
    paths: NDArray[np.int32],
    new: NDArray[np.int32],
) -> str:
    """`NAME:GROUP` as the command has it if the COPY can know the names, else the numbers of most files."""
    columns = evidence.filesystem.inodes.columns
    owners, counts = np.unique(
        np.stack([columns.uids[new], columns.gids[new]]), axis=1, return_counts=True
    )
    uid, gid = owners[:, int(counts.argmax())].tolist()
    top = evidence.name(evidence.common(paths))
    for command in _about(evidence, step, "chown", top):
        words = [word for word in called(command)[1:] if word[:1] != "-"]
        named = words[0] if words else ""
        if _NAMED_OWNER.fullmatch(named) and _knows_users(evidence, storer):
            # Without a group, COPY takes the number of the user for it; chown leaves the group alone.
            return named if ":" in named or uid == gid else f"{named}:{gid}"
    return f"{uid}:{gid}"


def _about(evidence: Evidence, step: Step, name: str, top: str) -> list[Command]:
    """The commands of a step, the last one first, that change what lies at `top`."""
    folder = target_of(evidence, step, ".")
    found = []
    for command in commands_in(evidence, step):
        program, *values = called(command)
        if program == name:
            places = [
                posixpath.normpath(posixpath.join(folder, value)) for value in values if value
            ]
            if any(f"{top}/".startswith(f"{place.rstrip('/')}/") for place in places):
                found.append(command)
    return found[::-1]


def _knows_users(evidence: Evidence, storer: int) -> bool:
    """Whether the users of the final image are there when a layer is stored."""
    table, filesystem = evidence.filesystem.table, evidence.filesystem
    for name in (b"etc/passwd", b"etc/group"):
        path = table.find(name)
        if path is None or evidence.live_inodes[path] < 0:
            return False
        if filesystem.inodes.layer(int(evidence.live_inodes[path])) >= storer:
            return False
    return True


def _mode(evidence: Evidence, step: Step, new: NDArray[np.int32]) -> str:
    """What `--chmod` takes: COPY sets it for directories, too, so a mode for files alone is put in letters."""
    modes, counts = np.unique(evidence.filesystem.inodes.columns.modes[new], return_counts=True)
    if len(modes) > 1 or len(new) > 1:
        for command in _changing(evidence, step, ("chmod",)):
            words = [word for word in command.values[1:] if _SYMBOLIC.fullmatch(word)]
            if words:
                return words[0].rstrip(",")
    mode = int(modes[int(counts.argmax())])
    if mode & 0o111 or len(new) == 1:
        return f"{mode:o}"
    return ",".join(
        f"{who}={'r' * bool(mode >> shift & 4)}{'w' * bool(mode >> shift & 2)}X"
        for who, shift in (("u", 6), ("g", 3), ("o", 0))
    )


def _changing(evidence: Evidence, step: Step, names: Sequence[str] = _CHANGERS) -> list[Command]:
    """The commands of a RUN that change attributes."""
    return [command for command in commands_in(evidence, step) if called(command)[0] in names]


def _without(evidence: Evidence, step: Step) -> Fix | None:
    """What becomes of the RUN that changed the attributes."""
    run, changing = run_in(evidence, step), _changing(evidence, step)
    if run is None or not changing:
        return None
    if len(changing) == len(run.commands):
        return Fix(
            f"# in place of layer {step.layer}:\n{commented(instruction_text(evidence, step))}",
            (Edit("drop", step.index),),
        )
    commands = "; ".join(run.script[command.start : command.end] for command in changing)
    edits = without_commands(run, changing)
    return Fix(
        f"# and layer {step.layer} without: {' '.join(commands.split())}",
        tuple(Edit("change", step.index, new, start, end) for start, end, new in edits or ()),
    )
