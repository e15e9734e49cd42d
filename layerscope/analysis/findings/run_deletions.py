"""Fixes for files that a RUN creates and a later step deletes: in one RUN, or deleted in the step that creates them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import target_of
from layerscope.analysis.findings.deleting import left_by_others
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import NAMED, layers_named
from layerscope.analysis.findings.fixes import (
    commented,
    instruction_text,
    run_and,
    run_in,
    run_text,
    shell_word,
)
from layerscope.analysis.findings.merging import mergeable, one_run
from layerscope.analysis.findings.package_lists import LISTS, users_of_lists
from layerscope.analysis.findings.runs import Change, Run, applied
from layerscope.image.history import Step
from layerscope.image.shell import Command, Word
from layerscope.layers.index import Kind

_STEPS = 6
"""Maximum steps from the first to the last to merge into one RUN."""
_LISTED = 8
"""Maximum paths that one command names."""
_NEVER_UNNAMED = ("/usr/src/", "/usr/local/src/")
_FOUND_UNNAMED = ("/usr/", "/bin/", "/sbin/", "/lib", "/etc/", "/var/lib/", "/opt/conda/")
"""Directories where programs look for files without naming them."""
_DELETERS = ("rm", "rmdir", "unlink")


def in_one_run(
    evidence: Evidence, layer: int, hiding_layers: Sequence[int], tops: Sequence[str]
) -> Fix:
    """A fix that creates and deletes in the same RUN, with the user's own commands, and those in between that may need the files."""
    users = users_of_lists(evidence, layer, hiding_layers[-1])
    if users and any(top.startswith(LISTS) for top in tops):
        others = [top for top in tops if not top.startswith(LISTS)]
        fix = lists_in_one_run(evidence, layer, users, others if len(others) <= _LISTED else ())
        return _without_deleting(evidence, fix, layer, hiding_layers, tops)
    if len(hiding_layers) == 1 and len(tops) <= NAMED and hiding_layers[0] > layer + 1:
        apart = _where_it_is_made(evidence, layer, hiding_layers[0], tops)
        if apart is not None:
            return apart
    span = list(range(layer, hiding_layers[-1] + 1)) if len(hiding_layers) == 1 else []
    runs = [found for found in span if evidence.step(found).instruction == "RUN"]
    if (
        runs
        and runs[-1] == hiding_layers[-1]
        and len(span) <= _STEPS
        and mergeable(evidence, layer, runs[-1])
    ):
        return one_run(evidence, runs)
    if len(tops) > NAMED:
        steps = [evidence.step(found) for found in hiding_layers[:NAMED]]
        comment = "\n".join(commented(instruction_text(evidence, step)) for step in steps)
        return Fix(
            f"# at its end, do what is now done by\n{comment}\n{instruction_text(evidence, evidence.step(layer))}"
        )
    fix = f"# if no step up to layer {hiding_layers[-1]} needs it:\n" + run_and(
        evidence, evidence.step(layer), f"rm -rf {' '.join(map(shell_word, tops))}"
    )
    return Fix(fix.text, advice=fix.advice)  # whether a step needs it is not known


def lists_in_one_run(
    evidence: Evidence, layer: int, users: Sequence[int], others: Sequence[str] = ()
) -> Fix:
    """A fix for apt's lists. Deleting them where they are fetched would break later steps that use them, so they are kept for
    these steps, but not in the image. `others` are deleted together with them, if these steps are the last that need them.
    """
    steps = [found for found in sorted({layer, *users}) if mergeable(evidence, layer, found)]
    end = f"rm -rf {' '.join([f'{LISTS}/*', *map(shell_word, others)])}"
    before = left_by_others(evidence, min(layer, *users), empty=False) & evidence.live_files
    if (before & evidence.selector.select((LISTS,))).any():
        said = f"# at the end of the last step that needs them: {end}"
        note = (
            f"# {layers_named([layer, *users])} use these lists; earlier layers have others there"
        )
        text = instruction_text(evidence, evidence.step(layer))
        return Fix(f"{note}\n{said}\n{text}", advice=f"{note}\n{said}")
    if len(steps) < 2:
        later = layers_named(users)
        return (
            f"# {later} installs with these lists: with its own `apt-get update` it no longer needs them\n"
            + run_and(evidence, evidence.step(layer), end)
        )
    numbers = layers_named(steps)
    mount = f"RUN --mount=type=cache,target={LISTS} …"
    hint = f"# {numbers} install with the same lists: make them one RUN, or give each of them a cache mount ({mount})"
    return f"{hint}\n" + one_run(evidence, steps, end)


def _without_deleting(
    evidence: Evidence, fix: Fix, layer: int, hiding_layers: Sequence[int], tops: Sequence[str]
) -> Fix:
    """A fix that deletes package lists, and drops the steps that only deleted these and other things that the fix deletes."""
    if not fix.edits:
        return fix
    filesystem = evidence.filesystem
    gone = evidence.selector.select((LISTS,))
    for top in tops:
        found = filesystem.table.find(top.lstrip("/").encode(errors="surrogateescape"))
        if found is not None:
            gone[found : int(filesystem.table.ends[found])] = True
    for hiding in hiding_layers:
        step = evidence.step(hiding)
        run = run_in(evidence, step)
        if run is None or run.read is None or run.flags:
            continue
        files = filesystem.kinds != Kind.DIRECTORY
        removed = files & (filesystem.died == hiding) & (filesystem.born < hiding)
        made = files & (filesystem.born == hiding)
        plain = all(command.name in _DELETERS for command in run.read.commands)
        own = (filesystem.born[removed] >= layer) & gone[filesystem.paths[removed]]
        if plain and run.read.commands and not made.any() and own.all():
            text = commented(instruction_text(evidence, step))
            fix = fix + Fix(f"\n# and without layer {hiding}:\n{text}", (Edit("drop", step.index),))
    return fix


def _where_it_is_made(
    evidence: Evidence, layer: int, hiding_layer: int, tops: Sequence[str]
) -> Fix | None:
    """A fix that deletes it at the end of the last step that names it; None if a step may need it without naming it, or if the
    step that deletes it does something else with it.
    """
    if found_unnamed(tops):
        return None
    deleting = evidence.step(hiding_layer)
    run = run_in(evidence, deleting)
    if run is None or run.read is None:
        return None
    deletions = [
        (found.start, found.end, "")
        for found in run.read.commands
        if found.name in _DELETERS or (found.name == "find" and "-delete" in found.values)
    ]
    kept = applied(run.script, deletions)
    if deleting.instruction != "RUN" or names_any(evidence, deleting, kept, tops):
        return None
    if not names_any(evidence, deleting, deleting.arguments, tops):
        return None
    between = [
        found
        for found in range(layer + 1, hiding_layer)
        if evidence.step(found).instruction == "RUN"
    ]
    users = [
        found
        for found in between
        if names_any(evidence, evidence.step(found), evidence.step(found).arguments, tops)
    ]
    command = f"rm -rf {' '.join(map(shell_word, tops))}"
    if not users:
        fix = run_and(evidence, evidence.step(layer), command)
        return no_longer_deleting(evidence, fix, [hiding_layer], tops, drop=True)
    runs = [found for found in (layer, *between) if found <= users[-1]]
    if len(runs) > _STEPS or not all(mergeable(evidence, layer, found) for found in runs):
        return None
    fix = one_run(evidence, runs, command)
    return no_longer_deleting(evidence, fix, [hiding_layer], tops, drop=True)


@dataclass(frozen=True, slots=True)
class Deletion:
    """A command that deletes some of the given paths."""

    command: Command
    words: tuple[Word, ...]
    """Its arguments that name such paths."""
    alone: bool
    """Whether it names no other paths."""
    forced: bool
    """Whether it succeeds if paths are missing."""


def deletions_in(evidence: Evidence, run: Run, tops: Sequence[str]) -> list[Deletion]:
    """The commands of a RUN that delete paths at or below `tops`."""
    script = run.read
    if script is None:
        return []
    folder = target_of(evidence, run.step, ".")
    found = []
    for command in script.named(*_DELETERS):
        values = [
            word.value if word.value is not None else script.word_text(word)
            for word in command.words[1:]
        ]
        words = []
        for word, value in zip(command.words[1:], values, strict=True):
            path = posixpath.normpath(posixpath.join(folder, value.rstrip("/*")))
            inside = any(path == top or path.startswith(f"{top}/") for top in tops)
            if inside and not value.startswith("-") and "$" not in value:
                words.append(word)
        if words:
            options = [value for value in values if value.startswith("-")]
            named = len(values) - len(options)
            forced = command.name == "rm" and any(
                option == "--force" or (option[1:2] != "-" and "f" in option) for option in options
            )
            found.append(Deletion(command, tuple(words), named == len(words), forced))
    return found


def no_longer_deleting(
    evidence: Evidence, fix: Fix, hiding_layers: Sequence[int], tops: Sequence[str], *, drop: bool
) -> Fix | None:
    """A fix that also changes the steps which delete paths that no longer exist: they still succeed, or, with `drop`, are left
    out if they do nothing else. None if one cannot be changed. Comments stay comments.
    """
    if not fix.edits:
        return fix
    for layer in hiding_layers:
        step = evidence.step(layer)
        run = run_in(evidence, step)
        if run is None:
            continue
        if run.read is None:
            return None
        deletions = deletions_in(evidence, run, tops)
        if (
            drop
            and deletions
            and len(deletions) == len(run.read.commands)
            and all(deletion.alone for deletion in deletions)
        ):
            text = commented(instruction_text(evidence, step))
            fix = fix + Fix(f"\n# and without layer {layer}:\n{text}", (Edit("drop", step.index),))
            continue
        changes: list[Change] = []
        for deletion in deletions:
            if deletion.command.name != "rm":
                return None
            if not deletion.forced:
                end = deletion.command.words[0].end
                changes.append((end, end, " -f"))
        if changes:
            edits = tuple(
                Edit("change", step.index, new, start, end) for start, end, new in changes
            )
            fix = fix + Fix(f"\n# and layer {layer}:\n{run_text(run, changes)}", edits)
    return fix


def found_unnamed(tops: Sequence[str]) -> bool:
    """Whether programs may read one of these paths without naming it."""
    return any(
        f"{top}/".startswith(_FOUND_UNNAMED) and not f"{top}/".startswith(_NEVER_UNNAMED)
        for top in tops
    )


def names_any(evidence: Evidence, step: Step, command: str, tops: Sequence[str]) -> bool:
    """Whether a command of a step names one of these paths or a directory above it, or runs in such a directory."""
    folder = target_of(evidence, step, ".")
    for top in tops:
        above = posixpath.dirname(top)
        name = posixpath.basename(top)
        if _holds_word(command, name) or f"{top}/" in command or _begins_path(command, name):
            return True
        if command.strip() and folder != "/" and f"{above}/".startswith(f"{folder}/"):
            return True
        while above != "/":
            if _holds_word(command, above):
                return True
            above = posixpath.dirname(above)
    return False


def _holds_word(text: str, word: str) -> bool:
    """Whether a command contains a name as a whole word."""
    return re.search(rf"(?<![\w.-]){re.escape(word)}/?(?:[*.]*)(?![\w/-])", text) is not None


def _begins_path(text: str, name: str) -> bool:
    """Whether a command contains a relative path that begins with a name: `./name/x`."""
    return re.search(rf"(?<![\w./-])(?:\./)*{re.escape(name)}/", text) is not None
