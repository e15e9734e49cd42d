"""Which steps need the package lists that an earlier one fetched."""

from __future__ import annotations

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.fixes import run_in
from layerscope.analysis.findings.runs import Run, subcommand

_FETCHES = "update"
_NEEDS = (
    *("install", "build-dep", "source", "download", "upgrade", "dist-upgrade", "full-upgrade"),
    "satisfy",
)
LISTS = "/var/lib/apt/lists"


def users_of_lists(evidence: Evidence, layer: int, last: int | None = None) -> list[int]:
    """Layers after this one, up to `last`, whose steps install with apt without fetching lists themselves."""
    users = []
    end = len(evidence.image.layers) if last is None else last + 1
    for later in range(layer + 1, end):
        run = run_in(evidence, evidence.step(later))
        first = "" if run is None else _first_use(run)
        if first == _FETCHES:
            break  # from here on, there are newer lists
        if first:
            users.append(later)
    return users


def _first_use(run: Run) -> str:
    """The first subcommand of apt that fetches or needs lists; "" for none."""
    if run.parsed is None:
        return _NEEDS[0] if "apt" in run.script else ""
    for command in run.commands:
        word = subcommand(command, "apt(?:-get)?", (_FETCHES, *_NEEDS))
        if word is not None:
            return word.value or ""
    return ""
