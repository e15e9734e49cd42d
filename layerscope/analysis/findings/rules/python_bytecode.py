"""Python bytecode (.pyc files)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.findings.deleting import found_by_name
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.fixes import changed_commands, instruction_text, run_and
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule
from layerscope.analysis.findings.runs import Change, subcommand
from layerscope.analysis.packages.apt_dependencies import read_apt_database
from layerscope.words import Confidence, Severity

_NAME = "__pycache__"


def _uncompiled(place: Place) -> Fix:
    """Do not compile: use an option of pip, or an environment variable, which also keeps later RUNs from compiling what they
    import. Distribution packages ignore both during installation: delete their bytecode in the same RUN."""
    copied = not_copied(place)
    if copied:
        return copied
    tops = place.topmost_paths()
    packaged = _packaged(place, tops)
    evidence, step, head = place.evidence, place.step, Fix("")
    changes: tuple[Change, ...] = ()
    if not packaged.all():
        changes = changed_commands(
            evidence,
            step,
            lambda command: subcommand(command, r"pip[\d.]*", ("install",)),
            "--no-compile",
        )
    later = any(after.instruction == "RUN" for after in evidence.image.steps[step.index + 1 :])
    if later or not (packaged.all() or changes):
        setting = "ENV PYTHONDONTWRITEBYTECODE=1"
        head = Fix(f"{setting}\n", (Edit("before", step.index, setting),))
    command = ""
    if packaged.any():
        inside = evidence.selector.below(tops[packaged].astype(np.int64))[place.group.paths]
        created = place.created_paths()
        created = created[
            np.isin(created, tops[packaged]) | np.isin(created, place.group.paths[inside])
        ]
        command = found_by_name(evidence, place.group.layer, created, [_NAME], "d")
        if not command:
            return place.deletion_fix("")
    if not command and not changes:
        return head + instruction_text(evidence, step)
    advice = "# with --no-compile" if changes else ""
    return head + run_and(evidence, step, command, changes=changes, advice=advice)


def _packaged(place: Place, tops: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of these directories belong to sources installed by a package manager."""
    evidence = place.evidence
    packaged: NDArray[np.bool_] = evidence.packaged[tops]
    database = None if packaged.all() else evidence.once(read_apt_database)
    if database is None:
        return packaged
    table, folders = evidence.filesystem.table, database.folders(b".py")
    listed = [table.full(parent) in folders for parent in table.parents[tops].tolist()]
    packaged |= np.array(listed, bool)
    return packaged


RULE = path_rule(
    "python-bytecode",
    title="Python bytecode (.pyc)",
    why="Python recreates it from the sources. It speeds up the first start: keep it if that matters.",
    wrong="Without it, each start of a container compiles again what it imports: keep it where starts must be fast or the file system is read-only.",
    patterns=(_NAME,),
    fix=_uncompiled,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    min_bytes=5_000_000,
)
