"""Memory images of programs that crashed during the build."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.known_paths import Place, removed
from layerscope.analysis.findings.rule import Rule

_PATTERNS = ("core", "core.[0-9]*", "*.core", "vgcore.*")
_HEAD = 18
"""Bytes of an ELF header up to the end of its type (`e_type`, elf(5))."""
_CORE = 4
"""`ET_CORE`."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    named = np.concatenate([evidence.selector.matches(pattern) for pattern in _PATTERNS])
    files = np.zeros(len(evidence.filesystem.table), bool)
    files[named] = True
    files &= evidence.live_files
    for path in np.flatnonzero(files).tolist():
        files[path] = _is_core(evidence.head(int(evidence.live_inodes[path]), _HEAD))
    for group in evidence.by_layer(files):
        yield Claim(
            fix=removed(Place(evidence, group, _PATTERNS)),
            layers=(group.layer,),
            inodes=group.inodes,
            paths=group.paths,
        )


def _is_core(head: bytes) -> bool:
    """Whether a file is an ELF core dump, in either byte order."""
    if len(head) < _HEAD or not head.startswith(b"\x7fELF"):
        return False
    return int.from_bytes(head[16:18], "big" if head[5] == 2 else "little") == _CORE


RULE = Rule(
    "core-dumps",
    title="Core dumps left in the image",
    why="A core dump contains the memory of a crashed program, including any secrets.",
    finds="ELF files of type `ET_CORE` with the names of core dumps.",
    wrong="Core dumps are recognized by content. Accept the path of a sample that a debugger's tests need.",
    find=_find,
)
