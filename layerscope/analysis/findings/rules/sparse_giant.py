"""Files with a logical size far above their content: login records of large user IDs, other sparse files."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import (
    changed_commands,
    instruction_text,
    run_and,
    shell_word,
)
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.runs import program_index
from layerscope.image.history import Step
from layerscope.image.shell import Command, Word
from layerscope.text import size

_LOGS = ("/var/log/lastlog", "/var/log/faillog", "/var/log/tallylog")
"""One record per user ID: their size grows with the largest ID."""
_GIANT = 1_000_000_000
"""Minimum logical bytes of any other sparse file."""
_TIMES = 100
"""Minimum ratio of logical to stored bytes."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    inodes = evidence.filesystem.inodes
    logs = evidence.live_under(*_LOGS)
    sparse = [
        inode
        for inode, file in inodes.sparse.items()
        if file.real_size >= max(_GIANT, _TIMES * int(inodes.columns.stored[inode]))
    ]
    giants = evidence.live_files & np.isin(evidence.live_inodes, np.array(sparse, np.int32))
    for files, is_log in ((logs, True), (giants & ~logs, False)):
        for group in evidence.by_layer(files):
            yield _claim(evidence, group, is_log=is_log)


def _claim(evidence: Evidence, group: Group, *, is_log: bool) -> Claim:
    logical = sum(evidence.filesystem.inodes.logical(inode) for inode in group.inodes.tolist())
    step = evidence.step(group.layer)
    names = " ".join(shell_word(evidence.name(path)) for path in group.paths[:3].tolist())
    grown = logical > group.bytes
    fix: str | Fix
    if evidence.is_base(group.layer):
        fix = f"# {names}: in the base image: only another base image avoids it"
    else:
        fix = _fix_of_log(evidence, step, names) if is_log else _fix_of_giant(evidence, step, names)
    return Claim(
        fix=fix,
        layers=(group.layer,),
        inodes=group.inodes if is_log else group.inodes[:0],
        paths=group.paths,
        bytes=logical,
        title="Login records that grew with a user ID" if is_log else None,
        why=None
        if not is_log
        else "useradd writes a record for every ID up to the new user's: a large ID makes a huge file"
        + (
            f", here {size(logical)}, of which {size(group.bytes)} are stored."
            if grown
            else " of zeros."
        ),
    )


def _fix_of_log(evidence: Evidence, step: Step, names: str) -> Fix:
    changes = changed_commands(evidence, step, _useradd, "--no-log-init")
    if changes:
        return run_and(evidence, step, "", changes=changes, advice="# useradd --no-log-init")
    return run_and(evidence, step, f"rm -f {names}")


def _useradd(command: Command) -> Word | None:
    """The name of a `useradd` command that writes the login log."""
    at = program_index(command)
    values = command.values[at:]
    if values[:1] != ["useradd"] or any(re.match("-[a-zA-Z]*l", value) for value in values):
        return None
    return command.words[at]


def _fix_of_giant(evidence: Evidence, step: Step, names: str) -> Fix:
    return Fix(
        f"# {names}: create it when the container starts, or keep its real size small\n"
        + instruction_text(evidence, step)
    )


RULE = Rule(
    "sparse-giant",
    title="Sparse file with a huge logical size",
    why="Tools without support for sparse files write all of it: a push, copy or start may fill the disk.",
    finds="Sparse files whose logical size is huge, such as `/var/log/lastlog` after `useradd` with a large ID.",
    wrong="Builders and engines that support holes store little. If all of yours do, turn the rule off.",
    find=_find,
    min_bytes=10_000_000,
)
