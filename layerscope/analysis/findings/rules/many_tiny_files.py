"""Layers with so many tiny files that tar headers take more space than content."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import instruction_text
from layerscope.analysis.findings.rule import Rule
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind
from layerscope.text import size
from layerscope.words import Confidence, Severity

_ENTRIES = 20_000
"""Minimum entries of a layer."""
_OVERHEAD = 10_000_000
"""Minimum bytes of headers and padding. They are not content, so the finding itself has 0 bytes."""


_TITLE = "Tar headers take more space than contents"


def _find(evidence: Evidence) -> Iterator[Claim]:
    for layer, contents in enumerate(evidence.contents):
        index = contents.index
        stored = int(index.columns.stored.sum())
        overhead = index.tar_bytes - stored
        if len(index) < _ENTRIES or overhead < max(_OVERHEAD, stored + 1):
            continue
        yield Claim(
            fix="# pack files that need not be separate: an archive, a bundle (esbuild, zipapp), fewer dependencies\n"
            + instruction_text(evidence, evidence.step(layer)),
            layers=(layer,),
            paths=_files(evidence.filesystem, layer),
            bytes=0,
            title=f"{_TITLE}: {size(overhead)} against {size(stored)}",
            why=f"Headers and padding of its {len(index):,} entries take {size(overhead)}, their contents {size(stored)}: "
            "layers of many tiny files are slow to pull and to unpack.",
        )


def _files(filesystem: Filesystem, layer: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """The files that a layer stores and that are visible after it, largest first."""
    rows = np.flatnonzero(
        (filesystem.born == layer) & (filesystem.died > layer) & (filesystem.kinds == Kind.FILE)
    )
    order = np.argsort(-filesystem.stored[rows], kind="stable")
    paths: np.ndarray[tuple[int], np.dtype[np.int32]] = filesystem.paths[rows[order]]
    return paths


RULE = Rule(
    "many-tiny-files",
    title=_TITLE,
    why="Every entry of a layer takes at least 512 bytes besides its content.",
    finds="Layers whose headers and padding take more bytes than their content.",
    wrong="A hint that saves no content bytes: pack files only if the program can read an archive.",
    find=_find,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=0,
)
