"""Fixes for files that a RUN creates and a later step deletes: in one RUN, or deleted in the step that creates them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import target_of
from layerscope.analysis.findings.deleting import files_of_lower_layers
from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.finding import MAX_NAMED, layers_text
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
from layerscope.analysis.findings.runs import Change, Run, apply_changes
from layerscope.image.history import Step
from layerscope.image.shell import Command, Word
from layerscope.layers.index import Kind

_MAX_STEPS = 6
"""Maximum steps from the first to the last to merge into one RUN."""
_MAX_LISTED = 8
"""Maximum paths that one command names."""
_SOURCE_DIRECTORIES = ("/usr/src/", "/usr/local/src/")
_SEARCHED_DIRECTORIES = ("/usr/", "/bin/", "/sbin/", "/lib", "/etc/", "/var/lib/", "/opt/conda/")
"""Directories where programs look for files without naming them."""
_DELETERS = ("rm", "rmdir", "unlink")


def in_one_run(
    evidence: Evidence, layer: int, hiding_layers: Sequence[int], tops: Sequence[str]
) -> Fix:
    """A fix that creates and deletes the files in one RUN, together with the commands in between that may need them."""
    users = users_of_lists(evidence, layer, hiding_layers[-1])
    if users and any(top.startswith(LISTS) for top in tops):
        others = [top for top in tops if not top.startswith(LISTS)]
        fix = lists_in_one_run(evidence, layer, users, others if len(others) <= _MAX_LISTED else ())
        return _without_deleting_steps(evidence, fix, layer, hiding_layers, tops)
    if len(hiding_layers) == 1 and len(tops) <= MAX_NAMED and hiding_layers[0] > layer + 1:
        fix_at_last_use = _deleted_after_last_use(evidence, layer, hiding_layers[0], tops)
        if fix_at_last_use is not None:
            return fix_at_last_use
    span = list(range(layer, hiding_layers[-1] + 1)) if len(hiding_layers) == 1 else []
    run_layers = [number for number in span if evidence.step(number).instruction == "RUN"]
    if (
        run_layers
        and run_layers[-1] == hiding_layers[-1]
        and len(span) <= _MAX_STEPS
        and mergeable(evidence, layer, run_layers[-1])
    ):
        return one_run(evidence, run_layers)
    if len(tops) > MAX_NAMED:
        steps = [evidence.step(number) for number in hiding_layers[:MAX_NAMED]]
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
    steps = [number for number in sorted({layer, *users}) if mergeable(evidence, layer, number)]
    end = f"rm -rf {' '.join([f'{LISTS}/*', *map(shell_word, others)])}"
    older = files_of_lower_layers(evidence, min(layer, *users), empty=False) & evidence.live_files
    if (older & evidence.selector.select((LISTS,))).any():
        advice = f"# at the end of the last step that needs them: {end}"
        note = f"# {layers_text([layer, *users])} use these lists; earlier layers have others there"
        text = instruction_text(evidence, evidence.step(layer))
        return Fix(f"{note}\n{advice}\n{text}", advice=f"{note}\n{advice}")
    if len(steps) < 2:
        later = layers_text(users)
        return (
            f"# {later} installs with these lists: with its own `apt-get update` it no longer needs them\n"
            + run_and(evidence, evidence.step(layer), end)
        )
    numbers = layers_text(steps)
    mount = f"RUN --mount=type=cache,target={LISTS} …"
    hint = f"# {numbers} install with the same lists: make them one RUN, or give each of them a cache mount ({mount})"
    return f"{hint}\n" + one_run(evidence, steps, end)


def _without_deleting_steps(
    evidence: Evidence, fix: Fix, layer: int, hiding_layers: Sequence[int], tops: Sequence[str]
) -> Fix:
    """A fix that deletes package lists, and drops the steps that only deleted these and other things that the fix deletes."""
    if not fix.edits:
        return fix
    filesystem = evidence.filesystem
    deleted = evidence.selector.select((LISTS,))
    for top in tops:
        path = filesystem.table.find(top.lstrip("/").encode(errors="surrogateescape"))
        if path is not None:
            deleted[path : int(filesystem.table.ends[path])] = True
    for hiding in hiding_layers:
        step = evidence.step(hiding)
        run = run_in(evidence, step)
        if run is None or run.parsed is None or run.flags:
            continue
        files = filesystem.kinds != Kind.DIRECTORY
        removed = files & (filesystem.died == hiding) & (filesystem.born < hiding)
        stores = files & (filesystem.born == hiding)
        only_deletes = all(command.name in _DELETERS for command in run.parsed.commands)
        only_these = (filesystem.born[removed] >= layer) & deleted[filesystem.paths[removed]]
        if only_deletes and run.parsed.commands and not stores.any() and only_these.all():
            text = commented(instruction_text(evidence, step))
            fix = fix + Fix(f"\n# and without layer {hiding}:\n{text}", (Edit("drop", step.index),))
    return fix


def _deleted_after_last_use(
    evidence: Evidence, layer: int, hiding_layer: int, tops: Sequence[str]
) -> Fix | None:
    """A fix that deletes paths at the end of the last step that names them; None if a step may need them without naming them, or
    if the step that deletes them also uses them.
    """
    if in_searched_directory(tops):
        return None
    deleting = evidence.step(hiding_layer)
    run = run_in(evidence, deleting)
    if run is None or run.parsed is None:
        return None
    deletions = [
        (number.start, number.end, "")
        for number in run.parsed.commands
        if number.name in _DELETERS or (number.name == "find" and "-delete" in number.values)
    ]
    other_commands = apply_changes(run.script, deletions)
    if deleting.instruction != "RUN" or names_any(evidence, deleting, other_commands, tops):
        return None
    if not names_any(evidence, deleting, deleting.arguments, tops):
        return None
    between = [
        number
        for number in range(layer + 1, hiding_layer)
        if evidence.step(number).instruction == "RUN"
    ]
    users = [
        number
        for number in between
        if names_any(evidence, evidence.step(number), evidence.step(number).arguments, tops)
    ]
    command = f"rm -rf {' '.join(map(shell_word, tops))}"
    if not users:
        fix = run_and(evidence, evidence.step(layer), command)
        return no_longer_deleting(evidence, fix, [hiding_layer], tops, drop=True)
    runs = [number for number in (layer, *between) if number <= users[-1]]
    if len(runs) > _MAX_STEPS or not all(mergeable(evidence, layer, number) for number in runs):
        return None
    fix = one_run(evidence, runs, command)
    return no_longer_deleting(evidence, fix, [hiding_layer], tops, drop=True)


class Deletion(Struct, frozen=True):
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
    script = run.parsed
    if script is None:
        return []
    folder = target_of(evidence, run.step, ".")
    deletions = []
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
            deletions.append(Deletion(command, tuple(words), named == len(words), forced))
    return deletions


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
        if run.parsed is None:
            return None
        deletions = deletions_in(evidence, run, tops)
        if (
            drop
            and deletions
            and len(deletions) == len(run.parsed.commands)
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


def in_searched_directory(tops: Sequence[str]) -> bool:
    """Whether programs may read one of these paths without naming it."""
    return any(
        f"{top}/".startswith(_SEARCHED_DIRECTORIES)
        and not f"{top}/".startswith(_SOURCE_DIRECTORIES)
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
