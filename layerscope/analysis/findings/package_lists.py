"""Which steps need the lists of packages that an earlier one fetched."""

from __future__ import annotations

import re

from layerscope.analysis.evidence import Evidence

_APT = re.compile(r"\bapt(?:-get)?\s+(?:-o\s+\S+\s+|-\S+\s+)*(?P<what>[a-z-]+)")
_FETCHES = "update"
_NEEDS = frozenset(
    (
        "install",
        "build-dep",
        "source",
        "download",
        "upgrade",
        "dist-upgrade",
        "full-upgrade",
        "satisfy",
    )
)
LISTS = "/var/lib/apt/lists"


def users_of_lists(evidence: Evidence, layer: int, last: int | None = None) -> list[int]:
    """Layers behind this one, up to `last`, whose steps have apt install something without lists of their own."""
    found = []
    end = len(evidence.image.layers) if last is None else last + 1
    for later in range(layer + 1, end):
        step = evidence.step(later)
        asked = [match["what"] for match in _APT.finditer(step.arguments)]
        if step.instruction != "RUN" or not asked:
            continue
        first = next((what for what in asked if what == _FETCHES or what in _NEEDS), "")
        if first == _FETCHES:
            break  # from here on, there are newer lists
        if first:
            found.append(later)
    return found
