"""How to do without content that a later step deletes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import excluding, kept_by_another, target_of
from layerscope.analysis.findings.finding import NAMED
from layerscope.analysis.findings.fixes import (
    instruction_text,
    is_open_run,
    run_and,
    shell_word,
    sources_of,
)
from layerscope.analysis.findings.package_lists import LISTS
from layerscope.analysis.findings.run_deletions import in_one_run
from layerscope.image.history import Step
from layerscope.image.instruction import readable

_BUILDS = re.compile(
    r"\b(?:make|gcc|g\+\+|cmake|ninja|meson|cargo|rustc|javac|mvn|gradle|tsc|curl|wget|go (?:build|install)|git clone"
    r"|(?:npm|yarn|pnpm) (?:run|ci|install)|build-essential|build-base|pip wheel|setup\.py)\b"
)
"""What downloads or compiles: better done in a stage of its own."""

_LINES = 40
"""Lines of a .dockerignore."""


def deletion_fix(
    evidence: Evidence,
    layer: int,
    hiding_layers: Sequence[int],
    paths: NDArray[np.int32],
    size: int,
) -> str:
    """The fix for a layer with paths, of this many content bytes, that later layers delete."""
    step = evidence.step(layer)
    tops = [evidence.name(path) for path in evidence.topmost_deleted(paths)[: _LINES + 1]]
    names = " ".join(map(shell_word, tops[:NAMED])) + (" …" if len(tops) > NAMED else "")
    if evidence.is_base(layer) and not all(map(evidence.is_base, hiding_layers)):
        return (
            f"# {names}: the base image stores it, and deleting it saves nothing: only another base image is smaller\n"
            + "\n".join(
                instruction_text(evidence.step(hiding_layer))
                for hiding_layer in hiding_layers[:NAMED]
            )
        )
    if step.instruction == "RUN":
        hint = (
            "# or do it in a stage of its own (FROM … AS build), and COPY --from=build what is needed\n"
            if _BUILDS.search(step.arguments) and not any(top.startswith(LISTS) for top in tops)
            else ""
        )
        return hint + in_one_run(evidence, layer, hiding_layers, tops)
    whole = size >= evidence.accounting.layers[layer].stored
    mounted = _mounted(evidence, layer, hiding_layers, tops) if whole else None
    if mounted is not None:
        return mounted
    keeper = kept_by_another(evidence, step, tops)
    if keeper is not None:
        return excluding(evidence, step, keeper, tops, whole)
    ignored = [] if whole else _in_context(evidence, step, tops)
    if ignored:
        return (
            "# in .dockerignore:\n"
            + "\n".join(ignored)
            + f"\n# so that this does not copy it:\n{instruction_text(step)}"
        )
    return (
        f"# keep {names} out of the build context (.dockerignore), or use it without storing it:\n"
        f"# RUN --mount=type=bind,target=/mnt …\n{instruction_text(step)}"
    )


def _in_context(evidence: Evidence, step: Step, tops: Sequence[str]) -> list[str]:
    """Where the build context has these paths that a COPY of one directory stored; nothing where that is not known."""
    sources, target = sources_of(step)
    if len(sources) != 1 or "*" in sources[0] or sources[0].startswith("/"):
        return []
    where = target_of(evidence, step, target)
    source = posixpath.normpath(sources[0])
    inside = [posixpath.relpath(top, where) for top in tops]
    if any(path == "." or path.startswith("..") for path in inside) or "--from=" in step.arguments:
        return []
    if inside == [posixpath.basename(source)]:
        return []
    lines = [shell_word(posixpath.normpath(posixpath.join(source, path))) for path in inside]
    return [*lines[:_LINES], *(["# …"] if len(lines) > _LINES else [])]


def _mounted(
    evidence: Evidence, layer: int, hiding_layers: Sequence[int], tops: Sequence[str]
) -> str | None:
    """Mount the files of a COPY in the steps that use them up to the deletion; None if its source is unknown."""
    step = evidence.step(layer)
    sources, target = sources_of(step)
    if (
        len(sources) != 1
        or len(hiding_layers) != 1
        or len(tops) != 1
        or "--from=" in step.arguments
    ):
        return None
    source, top = sources[0], tops[0]
    same_name = posixpath.basename(top) == posixpath.basename(posixpath.normpath(source))
    if "*" in source or source.startswith("/"):
        return None
    if top not in (target_of(evidence, step, target), same_name and top):
        return None
    mount = f"type=bind,source={source},target={shell_word(top)}"
    lines = [f"# in place of layers {layer} to {hiding_layers[0]}:"]
    for found in range(layer + 1, hiding_layers[0] + 1):
        used = evidence.step(found)
        if used.instruction == "RUN" and len(lines) <= NAMED:
            kept = _without_deletion(used, top, target_of(evidence, used, "."))
            if kept is not None:
                lines.append(run_and(kept, "", [mount]))
    return (
        "\n".join(lines)
        if len(lines) > 1 and is_open_run(evidence.step(hiding_layers[0]))
        else None
    )


def _without_deletion(step: Step, top: str, folder: str) -> Step | None:
    """A step that no longer deletes a path, which is mounted now and cannot be deleted; None if it did nothing else."""

    def is_deleted(word: str) -> bool:
        path = posixpath.join(folder, word.rstrip("/*"))
        return not word.startswith("-") and (path == top or path.startswith(top + "/"))

    parts = []
    for part in readable(step.arguments):
        words = part.split()
        command = words[1:2] if words[0] == "&&" else words[:1]
        if command in (["rm"], ["rmdir"]) and any(map(is_deleted, words)):
            words = [word for word in words if not is_deleted(word.rstrip(";"))]
            if all(word.startswith("-") or word in ("&&", "rm", "rmdir") for word in words):
                continue
        parts.append(" ".join(words))
    text = " ".join(parts).removeprefix("&&").rstrip(" ;").strip()
    return replace(step, arguments=text) if text else None
