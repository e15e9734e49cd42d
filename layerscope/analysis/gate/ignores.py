"""Ignores: what a configuration excludes from the gate, and whether that had any effect.

All conditions of one entry must hold. Waste is matched by the path that hid it or was hidden; a layer stands for what it
stores and what it hides; the base image for what its own layers hide. An entry without a path leaves out the live bytes of
its layers, too. Waste that is left out counts neither as wasted nor as stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.gate.ledger import Figures, Ledger
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.selector import Mask, Selector


class Ignore(Struct, frozen=True):
    """One `[[ignore]]` entry."""

    paths: tuple[str, ...] = ()
    """Patterns of `filesystem.selector.Selector`; paths below a match match too."""
    rules: tuple[str, ...] = ()
    """Names of finding or gate rules; empty for all rules about paths, layers or findings."""
    layers: tuple[int | str, ...] = ()
    """Layer numbers, or prefixes of digests or diff IDs."""
    base_image: bool = False
    place: str = ""
    """File and line, for warnings."""

    def concerns(self, *names: str) -> bool:
        """Whether it applies to a rule with one of these names."""
        return not self.rules or any(name in self.rules for name in names)

    def layer_numbers(self, ledger: Ledger) -> list[int]:
        """The existing layers that it names."""
        return [
            number
            for number, digests in enumerate(ledger.digests)
            if any(
                layer == number
                if isinstance(layer, int)
                else any(digest.startswith(layer) for digest in digests)
                for layer in self.layers
            )
        ]


class Ignores:
    """All entries, applied to one image."""

    def __init__(self, entries: Sequence[Ignore], ledger: Ledger) -> None:
        self.entries = tuple(entries)
        self.ledger = ledger
        self.used = [False] * len(self.entries)
        """Which entries had an effect so far."""
        self.findings: set[int] = set()
        """Ignored findings, by `id`."""
        self._matched: dict[tuple[int, int], Mask] = {}
        self._selectors: dict[int, Selector] = {}
        self._layers = [entry.layer_numbers(ledger) for entry in self.entries]

    def waste_kept(self, rule: str) -> NDArray[np.bool_]:
        """Which waste records count for a rule."""
        waste = self.ledger.waste
        kept = np.ones(len(waste), bool)
        for number, entry in enumerate(self.entries):
            if not entry.concerns(rule):
                continue
            ignored = np.ones(len(waste), bool)
            if entry.paths:
                ignored &= self.paths(number, self.ledger.table)[waste.paths]
            if entry.layers:
                layers = self._layers[number]
                ignored &= np.isin(waste.stored_in, layers) | np.isin(waste.hidden_by, layers)
            if entry.base_image:
                ignored &= waste.hidden_by < self.ledger.base_layers
            self.used[number] |= bool(ignored.any())
            kept &= ~ignored
        return kept

    def layers_kept(self, rule: str) -> NDArray[np.bool_]:
        """Which whole layers count for a rule."""
        ledger = self.ledger
        kept = np.ones(len(ledger.stored), bool)
        for number, entry in enumerate(self.entries):
            if entry.paths or not entry.concerns(rule) or not (entry.layers or entry.base_image):
                continue
            ignored = np.ones(len(kept), bool)
            if entry.layers:
                ignored &= np.isin(np.arange(len(kept)), self._layers[number])
            if entry.base_image:
                ignored &= np.arange(len(kept)) < ledger.base_layers
            self.used[number] |= bool((ignored & (ledger.stored > 0)).any())
            kept &= ~ignored
        return kept

    def figures(self, rule: str) -> Figures:
        """The figures that count for a rule."""
        wasted = self.ledger.waste.bytes[self.waste_kept(rule)].sum()
        live = self.ledger.live[self.layers_kept(rule)].sum()
        return Figures(live=int(live), wasted=int(wasted))

    def ignores_finding(
        self, finding: Finding, table: PathTable, *, gate: str, explicit: bool
    ) -> bool:
        """Whether a finding is ignored: entries together cover all of its paths, or one without paths names its rule, layer or base
        image. With `explicit`, only entries that name its rule or gate rule count.
        """
        uncovered = np.ones(len(finding.paths), bool)
        matching = []
        for number, entry in enumerate(self.entries):
            if not entry.concerns(finding.rule, gate) or (entry.base_image and not finding.base):
                continue
            if explicit and not entry.rules:
                continue
            if entry.layers and not set(finding.layers[:1]) & set(self._layers[number]):
                continue
            if entry.paths:
                covered = self.paths(number, table)[finding.paths]
                if not covered.any():
                    continue
                uncovered &= ~covered
            else:
                uncovered[:] = False
            matching.append((number, not entry.paths))
        ignored = any(has_no_paths for _, has_no_paths in matching) or (
            len(finding.paths) > 0 and not uncovered.any()
        )
        if ignored:
            for number, _ in matching:
                self.used[number] = True
            self.findings.add(id(finding))
        return ignored

    def paths_kept(
        self, rule: str, paths: NDArray[np.int32], layers: NDArray[np.int32], table: PathTable
    ) -> NDArray[np.bool_]:
        """Which of these paths, stored by these layers, count for a rule."""
        kept = np.ones(len(paths), bool)
        for number, entry in enumerate(self.entries):
            if not entry.concerns(rule):
                continue
            ignored = np.ones(len(paths), bool)
            if entry.paths:
                ignored &= self.paths(number, table)[paths]
            if entry.layers:
                ignored &= np.isin(layers, self._layers[number])
            if entry.base_image:
                ignored &= layers < self.ledger.base_layers
            self.used[number] |= bool(ignored.any())
            kept &= ~ignored
        return kept

    def paths(self, number: int, table: PathTable) -> Mask:
        """The paths of a table that an entry's patterns match; computed once."""
        key = (number, id(table))
        if key not in self._matched:
            selector = self._selectors.setdefault(id(table), Selector(table))
            self._matched[key] = selector.select(self.entries[number].paths)
        return self._matched[key]
