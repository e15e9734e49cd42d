"""Files that COPY takes from the build context although no container needs them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.copy_steps import ignoring, is_from_elsewhere
from layerscope.analysis.findings.edits import IN_DOCKERIGNORE, Fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import instruction_text, sources_of
from layerscope.analysis.findings.hidden import origin_layers
from layerscope.analysis.findings.rule import Rule
from layerscope.image.history import Step
from layerscope.text import size as in_words
from layerscope.words import Confidence, Severity

_PATTERNS = (
    *(".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".env", ".idea", ".vscode"),
    *("__pycache__", ".DS_Store", "*.swp", ".pytest_cache", ".mypy_cache"),
)
"""Names at any depth, as `**/NAME` in .dockerignore."""
_NEEDED = {
    "node_modules": "npm ci --omit=dev",
    ".venv": "pip install -r requirements.txt",
    "venv": "pip install -r requirements.txt",
}
"""Names that most applications need, and the commands that install them in the image: leaving them out saves nothing."""
_MAY_BE_READ = frozenset((".env",))
"""Names that an application may read at run time: the reader has to decide whether it does."""
_ANY_SIZE = frozenset((".git", ".hg", ".svn", ".env"))
"""Names reported at any size: history and secrets."""
_LARGE = 1_000_000
_SMALL = 10_000
"""Minimum bytes of a finding about other names."""
_INSTALLED = ("site-packages", "dist-packages", "/usr/lib/**", "/opt/conda/**")
"""Places where such names belong to installed software."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    layers = {
        layer.index
        for layer in evidence.image.layers
        if _is_context(evidence.step(layer.index)) and not evidence.is_base(layer.index)
    }
    if not layers:
        return
    tops = {pattern: evidence.selector.matches(pattern) for pattern in _PATTERNS}
    matches = np.concatenate(list(tops.values()))
    if not len(matches):
        return
    is_inside = evidence.selector.below(matches)
    is_inside &= ~evidence.selector.select(_INSTALLED)
    paths = np.flatnonzero(is_inside & evidence.live_files).astype(np.int32)
    paths = evidence.without_other_names(paths)
    inodes = evidence.live_inodes[paths]
    for group in evidence.groups(paths, inodes, origin_layers(evidence, inodes)):
        if group.layer in layers:
            yield from _claim(evidence, group, tops)


def _is_context(step: Step) -> bool:
    """Whether a step copies from the build context without naming an absolute source."""
    if step.instruction not in ("COPY", "ADD") or is_from_elsewhere(step):
        return False
    sources, _ = sources_of(step)
    return not any(source.startswith("/") for source in sources)


def _claim(evidence: Evidence, group: Group, tops: dict[str, NDArray[np.int64]]) -> Iterator[Claim]:
    """The claims about one COPY, without sources that it names itself: unneeded files, and files better installed in the image."""
    step = evidence.step(group.layer)
    sources, _ = sources_of(step)
    named = {source.rstrip("/").rpartition("/")[2] for source in sources}
    ends = evidence.filesystem.table.ends
    in_sources, covered = np.zeros(len(group.paths), bool), np.zeros(len(group.paths), bool)
    chosen: dict[str, NDArray[np.bool_]] = {}
    for pattern, matches in tops.items():
        inside = _inside(matches, ends, group.paths)
        if pattern in named:
            in_sources |= inside
        elif (inside & ~covered).any():
            chosen[pattern] = inside & ~covered
            covered |= inside
    kinds = {name: (name in _NEEDED, name in _MAY_BE_READ) for name in chosen}
    for kind in ((False, False), (False, True), (True, False)):
        lines = [
            name for name in chosen if kinds[name] == kind and (chosen[name] & ~in_sources).any()
        ]
        if lines:
            files = np.logical_or.reduce([chosen[name] for name in lines]) & ~in_sources
            yield from _names_claim(evidence, group, group.paths[files], lines, needed=kind[0])


def _names_claim(
    evidence: Evidence, group: Group, paths: NDArray[np.int32], lines: list[str], *, needed: bool
) -> Iterator[Claim]:
    """The claim about files at or below these names, if it is large enough."""
    step = evidence.step(group.layer)
    inodes = np.unique(evidence.live_inodes[paths])
    size = int(evidence.stored(inodes).sum())
    matters = not _ANY_SIZE.isdisjoint(lines)
    if size < _SMALL and not matters:
        return
    ignored = f"{IN_DOCKERIGNORE}\n" + "\n".join(f"**/{line}" for line in lines)
    title = f"From the build context: {', '.join(lines[:3])}" + (
        " and more" if len(lines) > 3 else ""
    )
    if needed:
        # 0 bytes: a finding shows what its fix saves, and this one saves nothing.
        commands = dict.fromkeys(_NEEDED[name] for name in lines)
        install = "".join(f"\nRUN {command}" for command in commands)
        yield Claim(
            fix=f"{ignored}\n# and install them in the image instead:\n{instruction_text(evidence, step)}{install}",
            layers=(group.layer,),
            paths=paths,
            bytes=0,
            title=f"{title} ({in_words(size)}, and about the same once installed)",
            why=_BETTER_INSTALLED,
            severity=Severity.NOTE,
            confidence=Confidence.LOW,
        )
        return
    fix = ignoring(evidence, step, [f"**/{line}" for line in lines], patterns=True)
    if not _MAY_BE_READ.isdisjoint(lines):
        fix = Fix(f"# unless the application reads it at run time:\n{fix.text}", advice=fix.advice)
    yield Claim(
        fix=fix,
        layers=(group.layer,),
        inodes=inodes,
        paths=paths,
        title=title,
        severity=Severity.WARNING if matters or size >= _LARGE else Severity.NOTE,
        confidence=Confidence.HIGH if ".git" in lines and sources_of(step)[0] else None,
    )


_BETTER_INSTALLED = (
    "These packages were installed on the build machine, for its system and versions. Installing them in the image "
    "takes the same space, but is reproducible and cached."
)


def _inside(
    tops: NDArray[np.int64], ends: NDArray[np.int32], paths: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Which paths are at or below one of `tops`."""
    if not len(tops):
        return np.zeros(len(paths), bool)
    tops = np.sort(tops)
    reach = np.maximum.accumulate(ends[tops])
    place = np.searchsorted(tops, paths, "right") - 1
    return (place >= 0) & (paths < reach[np.maximum(place, 0)])


RULE = Rule(
    "copied-context",
    title="Unwanted files from the build context",
    why="Git history, editor files and locally installed packages end up in the image. "
    "A .dockerignore keeps them out, and keeps the build cache valid.",
    finds="`.git`, `node_modules`, virtual environments, `.env`, caches and editor settings that `COPY` takes from the build context. Sources that the `COPY` names explicitly are not reported.",
    wrong="If the application reads one of them, name it in the `COPY`, or negate it in `.dockerignore` (`!name`).",
    find=_find,
    confidence=Confidence.MEDIUM,
    min_bytes=0,
)
