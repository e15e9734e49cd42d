"""Content that a later step overwrites with other content: package databases, upgraded packages, generated files."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import MAX_NAMED, Claim, layers_text
from layerscope.analysis.findings.fixes import commented, instruction_text
from layerscope.analysis.findings.hidden import (
    Fate,
    Rows,
    claim_of,
    hidden_rows,
    largest_first,
    quoted_names,
    split_by_key,
)
from layerscope.analysis.findings.merging import chains, one_run, split_mergeable
from layerscope.analysis.findings.rule import Rule
from layerscope.image.history import Step
from layerscope.words import Confidence, Severity

PACKAGE_DATABASES = (
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/cache/debconf",
    "/var/lib/rpm",
    "/usr/lib/sysimage",
    "/usr/share/rpm",
    "/var/lib/dnf",
    "/var/lib/yum",
    "/var/lib/pacman",
    "/lib/apk/db",
    "/usr/lib/apk/db",
    "/etc/ld.so.cache",
    "/var/log",
)
"""Paths that every package installation rewrites."""

_OPTIONS = r"\s+(?:-o\s+\S+\s+|-\S+\s+)*+"
_UPGRADE = re.compile(
    rf"\b(?:apt(?:-get)?|aptitude){_OPTIONS}(?:dist-|full-|safe-)?upgrade\b"
    rf"|\bapk{_OPTIONS}upgrade\b"
    rf"|\b(?:yum|dnf|microdnf|tdnf|zypper){_OPTIONS}(?:update|upgrade|up|dup|patch|distro-sync)(?!\S)"
)
_LARGE = 1_000_000
"""Minimum bytes of a finding about overwritten base image files without an upgrade."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    rows = hidden_rows(evidence, Fate.OVERWRITTEN)
    if not len(rows):
        return
    waste = evidence.accounting.waste
    mergeable, others = split_mergeable(evidence, rows)
    databases = evidence.selector.select(PACKAGE_DATABASES) if len(mergeable) else None
    for chain in chains(evidence, mergeable):
        sizes = waste.bytes[chain.rows]
        is_database = (
            databases is not None
            and sizes[databases[waste.paths[chain.rows]]].sum() * 2 > sizes.sum()
        )
        title = (
            f"Package database rewritten in {layers_text(chain.layers)}"
            if is_database
            else f"Added in layer {chain.layers[0]}, overwritten in {layers_text(chain.layers[1:])}"
        )
        fix = one_run(evidence, chain.layers)
        yield claim_of(evidence, chain.rows, chain.layers, title, fix)
    for layer, of_layer in split_by_key(waste.hidden_by[others], others):
        in_base = np.array(
            [evidence.is_base(int(stored)) for stored in waste.stored_in[of_layer]], bool
        )
        if evidence.is_base(layer):
            continue  # fixed where the base image is built
        if in_base.any():
            yield from _base_claims(evidence, layer, of_layer[in_base])
        if not in_base.all():
            yield _step_claim(evidence, layer, of_layer[~in_base])


def _base_claims(evidence: Evidence, layer: int, rows: Rows) -> Iterator[Claim]:
    """Claims about base image files that a step overwrites, without package databases: any installation rewrites those."""
    waste, step = evidence.accounting.waste, evidence.step(layer)
    layers = (layer, *largest_first(evidence, waste.stored_in[rows], rows))
    if step.instruction == "RUN" and _UPGRADE.search(step.arguments):
        yield replace(
            claim_of(
                evidence,
                rows,
                layers,
                f"Packages of the base image upgraded in layer {layer}",
                "# take a newer base image (FROM …), which has the upgraded packages, and leave out the upgrade:\n"
                + instruction_text(evidence, step),
            ),
            why="An upgrade stores every changed file again, and the base image's versions are still pulled.",
        )
        return
    rows = rows[~evidence.selector.select(PACKAGE_DATABASES)[waste.paths[rows]]]
    if waste.bytes[rows].sum() >= _LARGE:
        yield replace(
            claim_of(
                evidence,
                rows,
                layers,
                f"Files of the base image overwritten in layer {layer}",
                "# a base image that already has this, or does not have it at all, saves one copy\n"
                + instruction_text(evidence, step),
                Confidence.LOW,
            ),
            severity=Severity.NOTE,
        )


def _step_claim(evidence: Evidence, layer: int, rows: Rows) -> Claim:
    """The claim about files of earlier steps that cannot be merged into one RUN with this one."""
    waste, step = evidence.accounting.waste, evidence.step(layer)
    storers = largest_first(evidence, waste.stored_in[rows], rows)
    steps = [evidence.step(storer) for storer in storers]
    return claim_of(
        evidence,
        rows,
        (layer, *storers),
        f"Added in {layers_text(sorted(storers))}, overwritten in layer {layer}",
        _separate_fix(evidence, steps, step, rows),
        Confidence.MEDIUM,
    )


def _separate_fix(evidence: Evidence, steps: list[Step], step: Step, rows: Rows) -> str:
    names = quoted_names(evidence, rows)
    quoted = "\n".join(instruction_text(evidence, step) for step in steps[:MAX_NAMED])
    if step.instruction in ("COPY", "ADD"):
        return f"# {names}: copied over an earlier version: leave it out of one of these\n{quoted}\n{instruction_text(evidence, step)}"
    if step.instruction == "RUN" and all(each.instruction in ("COPY", "ADD") for each in steps):
        return (
            f"# {names}: change it before it is copied, or in a separate stage:\n"
            f"# FROM … AS changed\n"
            f"{commented(quoted)}\n{commented(instruction_text(evidence, step))}\n"
            "COPY --from=changed … …"
        )
    return f"# {names}: store it only once, in the last of these steps\n{quoted}\n{instruction_text(evidence, step)}"


RULE = Rule(
    "overwritten",
    title="Overwritten by a later step",
    why="Layers cannot shrink: the first version is still pushed and pulled.",
    finds="Files whose content a later step replaces.",
    wrong="If steps in between need the first version, merge the steps. Package databases, which every installation rewrites, are only a note.",
    find=_find,
)
