"""How to give files their owner and mode when they are stored, in place of a chown or chmod behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import NAMED
from layerscope.analysis.findings.fixes import commented, instruction_text, shell_word, with_flags
from layerscope.analysis.findings.hidden import Rows
from layerscope.analysis.findings.merging import mergeable, one_run
from layerscope.filesystem.inodes import Why
from layerscope.image.history import Step
from layerscope.image.instruction import readable
from layerscope.layers.index import Kind

_CHANGES = re.compile(r"(?:&&\s*)?(?:chown|chmod|chgrp|touch|setcap)\s")
_OWNER = re.compile(r"\bchown\s+(?:-\S+\s+)*([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)(?=\s)")
_SYMBOLIC = re.compile(r"\bchmod\s+(?:-[A-Za-z-]+\s+)*((?:[ugoa]*[-+=][rwxXst]+,?)+)(?=\s)")
_TENTHS = 9
"""Tenths of a COPY's files that are rewritten when it is about all of them."""


def rewriting_fix(
    evidence: Evidence,
    layer: int,
    storers: Sequence[int],
    rows: Rows,
    new: NDArray[np.int32],
    why: int,
) -> str:
    """The fix for a layer that stores contents of others again; `new` are the inodes that took their places, `why` is
    what differs, as `Why` bits."""
    stored_in = evidence.accounting.waste.stored_in[rows]
    blocks = []
    runs = [storer for storer in storers if mergeable(evidence, storer, layer)]
    if runs:
        blocks.append(one_run(evidence, [*sorted(runs), layer]))
    for storer in [storer for storer in storers if storer not in runs][:NAMED]:
        mine = stored_in == storer
        blocks.append(_block(evidence, layer, storer, rows[mine], new[mine], why))
    step = evidence.step(layer)
    if not runs and step.instruction == "RUN":
        blocks.append(_without(step))
    return "\n".join(filter(None, blocks))


def _block(
    evidence: Evidence, layer: int, storer: int, rows: Rows, new: NDArray[np.int32], why: int
) -> str:
    """What to write where one layer stored the contents."""
    step, first = evidence.step(layer), evidence.step(storer)
    if evidence.is_base(storer) and not evidence.is_base(layer):
        return f"# layer {step.layer} rewrites what the base image stores: name only the files that need it"
    if not why & (Why.OWNER | Why.MODE | Why.XATTRS):
        return f"# only times change: leave them, or build with SOURCE_DATE_EPOCH if they must be reproducible\n{instruction_text(first)}"
    if step.instruction != "RUN":
        return f"# the same content is stored again: store it once\n{instruction_text(first)}"
    if first.instruction not in ("COPY", "ADD"):
        return f"# set owner and mode where the files are made\n{instruction_text(first)}"
    if why & Why.XATTRS:
        return f"# set it in a stage of its own, and copy from there\n{with_flags(first, '--from=build')}"
    return _copied(evidence, layer, storer, rows, new, why)


def _copied(
    evidence: Evidence, layer: int, storer: int, rows: Rows, new: NDArray[np.int32], why: int
) -> str:
    """The COPY with the attributes that its files end up with."""
    step, first = evidence.step(layer), evidence.step(storer)
    flags, head = [], ""
    if why & Why.OWNER:
        flags.append(f"--chown={_owner(evidence, step, storer, new)}")
    if why & Why.MODE:
        mode = _mode(evidence, step, new)
        flags.append(f"--chmod={mode}")
        if not mode.isdigit():
            head = "# needs `# syntax=docker/dockerfile:1.14`\n"
    if _is_all(evidence, storer, rows):
        return head + with_flags(first, *flags)
    top = shell_word(evidence.name(evidence.common(evidence.accounting.waste.paths[rows])))
    in_context = "" if why & Why.OWNER else ", or set the mode in the build context"
    return (
        f"{instruction_text(first)}\n"
        f"# leave {top} out of it and copy it by itself{in_context}:\n{head}"
        f"{first.instruction} {' '.join(flags)} … {top}"
    )


def _is_all(evidence: Evidence, storer: int, rows: Rows) -> bool:
    """Whether these are about all files that a layer stores."""
    first = evidence.filesystem.inodes.first
    span = slice(int(first[storer]), int(first[storer + 1]))
    columns = evidence.filesystem.inodes.columns
    files = int(((columns.kinds[span] == Kind.FILE) & (columns.stored[span] > 0)).sum())
    return len(rows) * 10 >= files * _TENTHS


def _owner(evidence: Evidence, step: Step, storer: int, new: NDArray[np.int32]) -> str:
    """`NAME:GROUP` as the command has it if the COPY can know the names, else the numbers of most files."""
    columns = evidence.filesystem.inodes.columns
    owners, counts = np.unique(
        np.stack([columns.uids[new], columns.gids[new]]), axis=1, return_counts=True
    )
    uid, gid = owners[:, int(counts.argmax())].tolist()
    named = _OWNER.search(step.arguments)
    if named and _knows_users(evidence, storer):
        # Without a group, COPY takes the number of the user for it; chown leaves the group alone.
        return named[1] if ":" in named[1] or uid == gid else f"{named[1]}:{gid}"
    return f"{uid}:{gid}"


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
    symbolic = _SYMBOLIC.search(step.arguments)
    if symbolic and (len(modes) > 1 or len(new) > 1):
        return symbolic[1].rstrip(",")
    mode = int(modes[int(counts.argmax())])
    if mode & 0o111 or len(new) == 1:
        return f"{mode:o}"
    return ",".join(
        f"{who}={'r' * bool(mode >> shift & 4)}{'w' * bool(mode >> shift & 2)}X"
        for who, shift in (("u", 6), ("g", 3), ("o", 0))
    )


def _without(step: Step) -> str:
    """What becomes of the RUN that changed the attributes."""
    parts = readable(step.arguments)
    changing = [part for part in parts if _CHANGES.match(part.strip())]
    if changing and len(changing) == len(parts):
        return f"# in place of layer {step.layer}:\n{commented(instruction_text(step))}"
    if not changing:
        return ""
    commands = "; ".join(part.strip().removeprefix("&&").strip() for part in changing)
    return f"# and layer {step.layer} without: {commands}"
