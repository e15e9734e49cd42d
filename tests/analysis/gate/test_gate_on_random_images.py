"""Properties of the gate that hold for every image."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from layerscope.analysis.gate.base import GateBase
from layerscope.analysis.gate.ignores import Ignore, Ignores
from layerscope.analysis.gate.ledger import ledger_of
from layerscope.analysis.gate.verdict import Outcome
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from tests.analysis.gate.gating import config, report_of, verdict_of
from tests.images import docker_archive, layer_tar, write
from tests.strategies import random_layers

STRICT = {
    "min-efficiency": 1,
    "max-wasted": 0,
    "max-wasted-percent": 0,
    "max-user-wasted-percent": 0,
    "max-new-waste": 0,
    "max-size": 0,
    "max-layer-size": 0,
    "max-layers": 0,
    "forbidden-paths": ["*a*"],
    "findings": True,
    "baseline-tolerance": 0,
}


def some_ignores(chance: random.Random, layers: int) -> list[Ignore]:
    """Typical exceptions."""
    return [
        Ignore(
            paths=tuple(chance.sample(["a", "b", "d/**", "*c*"], chance.randint(0, 2))),
            layers=tuple(chance.sample(range(layers), chance.randint(0, min(layers, 2)))),
            base_image=chance.random() < 0.3,
        )
        for _ in range(chance.randint(0, 3))
    ]


@pytest.mark.parametrize("wild", [False, True], ids=["orderly", "wild"])
def test_figures_add_up_and_no_image_is_worse_than_itself(wild: bool, tmp_path: Path) -> None:
    """Figures are never negative, whatever is ignored; and an image passes with its own report as baseline."""
    for seed in range(60):
        layers = [layer_tar(members) for members in random_layers(seed, wild)]
        path = write(tmp_path / f"{seed}.tar", docker_archive(layers))
        image = open_image(Request(str(path)), Options(rules={}))
        chance = random.Random(seed)
        base = GateBase(layers=chance.randint(0, len(layers)))
        entries = some_ignores(chance, len(layers))
        ledger = ledger_of(
            image.image, image.accounting, image.filesystem.table, [None] * len(layers), base.layers
        )
        figures = Ignores(entries, ledger).figures("max-wasted")
        assert 0 <= figures.live <= image.accounting.live
        assert 0 <= figures.wasted <= image.accounting.wasted
        assert 0 <= figures.efficiency <= 1
        verdict = verdict_of(
            image,
            config(STRICT, entries),
            base=base,
            baseline=report_of(image, tmp_path, files=True),
        )
        failed = [check for check in verdict.checks if check.outcome is Outcome.FAIL]
        assert not failed, f"seed {seed}: {failed}"
