"""A step that changes often comes before steps that do not need its files. Only a series of images shows it: `layerscope series`."""

from __future__ import annotations

from layerscope.analysis.findings.rule import Rule
from layerscope.words import Confidence

RULE = Rule(
    "reordering",
    title="A step that changes often comes too early",
    why="Each of its changes runs the steps after it again, and users download their layers again with the same content.",
    # It takes several releases to find: see layerscope/analysis/series/reordering.py.
    find=lambda _: (),
    confidence=Confidence.MEDIUM,
    finds=(
        "Only `layerscope series` finds it, in at least two releases: a COPY before a RUN that reads none of its files, or only those "
        "that name dependencies; an ARG, ENV or LABEL with another value in each release before steps that do not use it. Its bytes "
        "are what the updates of the series would have saved, computed by replaying the series in the other order."
    ),
    wrong=(
        "A command may read files or variables that nothing names, such as a configuration file in its folder. Build it, and if a "
        "step fails or stores something else, leave the order as it is and turn the rule off."
    ),
)
