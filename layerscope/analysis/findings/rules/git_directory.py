"""The history of a Git repository that a step cloned."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import is_remote
from layerscope.analysis.findings.deleting import directories_before
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import (
    changed_commands,
    instruction_text,
    run_and,
    shell_word,
)
from layerscope.analysis.findings.in_use import find_in_use
from layerscope.analysis.findings.known_paths import Place, is_copy
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.runs import subcommand
from layerscope.filesystem.selector import Mask
from layerscope.words import Confidence

_PATTERNS = ("**/.git/objects", "**/.git/lfs", "**/.git/modules")
_TOOLS = (
    *("**/bin/flutter", "**/Library/Homebrew", "**/.vcpkg-root", "**/depot_tools/gclient"),
    *("**/libexec/pyenv", "**/libexec/rbenv", "**/libexec/nodenv", "**/libexec/goenv"),
    *("**/libexec/jenv", "**/libexec/phpenv", "**/libexec/plenv", "**/bin/tfenv", "**/nvm.sh"),
    *(
        "**/asdf.sh",
        "**/oh-my-zsh.sh",
        "**/emsdk.py",
        "**/bin/spack",
        "**/bin/kerl",
        "**/repo/main.py",
    ),
)
"""Files and directories of tools that run Git in their own clone: to update, or to find their version."""
_PROGRAMS = (b"bin", b"sbin", b"libexec", b"shims", b"scripts")
"""Directories of a tool that are usually in PATH."""
_NEAR = 3
"""Maximum depth in a clone of the files that identify it."""


def _shallow(place: Place) -> Fix:
    """Clone without history, and delete the rest of it."""
    evidence, step = place.evidence, place.step
    parents = evidence.filesystem.table.parents[place.topmost_paths()]
    if directories_before(evidence, place.group.layer)[parents].any():
        return place.deletion_fix("")
    gits = " ".join(dict.fromkeys(shell_word(evidence.name(git)) for git in parents.tolist()))
    changes = changed_commands(
        evidence, step, lambda command: subcommand(command, "git", ("clone",)), "--depth 1"
    )
    advice = "# with --depth 1" if changes else ""
    return run_and(evidence, step, f"rm -rf {gits}", changes=changes, advice=advice)


def _without_history(place: Place) -> Fix:
    """Leave out the history when ADD fetches the repository; see `_shallow` for a clone."""
    if not is_remote(place.step):
        return _shallow(place)
    text = re.sub(r"\s--keep-git-dir(?:=\S+)?", "", instruction_text(place.evidence, place.step))
    return Fix(f"# without --keep-git-dir, ADD leaves the history out\n{text}")


def _find(evidence: Evidence) -> Iterator[Claim]:
    tops = np.concatenate([evidence.selector.matches(pattern) for pattern in _PATTERNS])
    files = evidence.selector.below(np.unique(tops)) & evidence.live_files
    if not files.any():
        return
    tools, named = _clones_of_tools(evidence)
    chosen = (
        (files & ~tools & ~named, None, None),
        (files & named & ~tools, _NAMED_WHY, Confidence.MEDIUM),
        (files & tools, _TOOL_WHY, Confidence.LOW),
    )
    for mask, why, confidence in chosen:
        for group in evidence.by_layer(mask):
            step = evidence.step(group.layer)
            if not is_copy(step) or is_remote(step):
                yield Claim(
                    fix=_without_history(Place(evidence, group, _PATTERNS)),
                    layers=(group.layer,),
                    inodes=group.inodes,
                    paths=group.paths,
                    why=why,
                    confidence=confidence,
                )


def _clones_of_tools(evidence: Evidence) -> tuple[Mask, Mask]:
    """Masks of clones from which tools run, and of clones that a variable names."""
    table, in_use = evidence.filesystem.table, evidence.once(find_in_use)
    repositories = np.unique(table.parents[evidence.selector.matches("**/.git")])
    marks = np.concatenate([evidence.selector.matches(pattern) for pattern in _TOOLS])
    above = marks[evidence.live_inodes[marks] >= 0]
    directories = [np.array(sorted(in_use.search), np.int64)]
    programs = [path for path in in_use.search if table.name(path) in _PROGRAMS]
    directories.append(table.parents[np.array(programs, np.int64)].astype(np.int64))
    for _ in range(_NEAR):
        above = table.parents[above].astype(np.int64)
        directories.append(above)
    tools = np.intersect1d(repositories[repositories > 0], np.concatenate(directories))
    named = np.intersect1d(repositories, np.array(sorted(in_use.configured), np.int64))
    return evidence.selector.below(tools), evidence.selector.below(np.setdiff1d(named, tools))


_TOOL_WHY = "A clone contains every version of every file. But this tool runs from its own clone: some, such as Flutter's SDK, run Git in it and fail without the history."
_NAMED_WHY = "A clone contains every version of every file. But a variable names this one, so it may be a tool that runs Git in it."

RULE = Rule(
    "git-directory",
    title="Git history left in the image",
    why="A clone contains every version of every file. Only one is needed to run.",
    finds="The history of clones, and of repositories that `ADD` fetches with `--keep-git-dir`. Files from a `COPY` belong to `copied-context`.",
    wrong="For tools that run Git in their own clone, such as Flutter's SDK, it has low confidence. A program that asks Git for its version fails without the history: write the version to a file during the build.",
    find=_find,
    places=_PATTERNS,
)
