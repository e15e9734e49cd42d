"""The history of a Git repository that a step cloned."""

from layerscope.analysis.findings.fixes import is_open_run, run_and, shell_word
from layerscope.analysis.findings.known_paths import Place, is_copy, path_rule, with_option


def _shallow(place: Place) -> str:
    """Clone without history, and delete the rest of it."""
    gits = " ".join(
        dict.fromkeys(shell_word(name.rpartition("/")[0]) for name in place.topmost_names())
    )
    text = with_option("git clone", "--depth 1", lambda place: run_and(place.step, ""))(place)
    return (
        f"{text} \\\n    && rm -rf {gits}"
        if is_open_run(place.step)
        else f"{text}\n# rm -rf {gits}"
    )


RULE = path_rule(
    "git-directory",
    title="Git history left in the image",
    why="A clone contains every version of every file. Only one is needed to run.",
    patterns=("**/.git/objects", "**/.git/lfs", "**/.git/modules"),
    fix=_shallow,
    steps=lambda step: not is_copy(step),
)
