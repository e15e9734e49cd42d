"""The history of a Git repository that a step cloned."""

from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.fixes import changed_commands, run_and, shell_word
from layerscope.analysis.findings.known_paths import Place, is_copy, path_rule
from layerscope.analysis.findings.runs import subcommand


def _shallow(place: Place) -> Fix:
    """Clone without history, and delete the rest of it."""
    gits = " ".join(
        dict.fromkeys(shell_word(name.rpartition("/")[0]) for name in place.topmost_names())
    )
    evidence, step = place.evidence, place.step
    changes = changed_commands(
        evidence, step, lambda command: subcommand(command, "git", ("clone",)), "--depth 1"
    )
    advice = "# with --depth 1" if changes else ""
    return run_and(evidence, step, f"rm -rf {gits}", changes=changes, advice=advice)


RULE = path_rule(
    "git-directory",
    title="Git history left in the image",
    why="A clone contains every version of every file. Only one is needed to run.",
    patterns=("**/.git/objects", "**/.git/lfs", "**/.git/modules"),
    fix=_shallow,
    steps=lambda step: not is_copy(step),
)
