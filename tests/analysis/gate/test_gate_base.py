"""Where the base image ends, if the user says so."""

from __future__ import annotations

import pytest

from layerscope.analysis.gate.base import first_layers, guessed_base, same_layers
from layerscope.errors import UsageError
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS
from tests.images import file

IMAGE = opened_of(STEPS).image
PLACE = ".layerscope.toml, line 2"


def test_the_image_may_name_its_base() -> None:
    """A command that layers follow ends a base image."""
    base = guessed_base(IMAGE)
    assert (base.layers, base.steps, base.known) == (1, 2, True)
    assert base.guessed
    assert "layers follow the CMD" in base.reason


def test_a_number_of_layers_is_used_as_given() -> None:
    """Steps without a layer after them are not the base's."""
    base = first_layers(IMAGE, 2, PLACE)
    assert (base.layers, base.steps) == (2, 3)
    assert not first_layers(IMAGE, 0, PLACE).known
    with pytest.raises(UsageError, match=f"{PLACE}: the base image cannot have 4 layers"):
        first_layers(IMAGE, 4, PLACE)


def test_an_image_that_is_named_must_be_the_base() -> None:
    """Its layers are the first ones; with its own last steps."""
    base = same_layers(IMAGE, opened_of(STEPS[:2]).image, PLACE)
    assert (base.layers, base.steps) == (1, 2)
    assert same_layers(IMAGE, opened_of(STEPS[:1]).image, PLACE).steps == 1
    other = opened_of([("RUN x", [file("x", b"x")])]).image
    with pytest.raises(UsageError, match="layer 0 differs"):
        same_layers(IMAGE, other, PLACE)
    longer = opened_of([*STEPS, ("RUN x", [file("x", b"x")])]).image
    with pytest.raises(UsageError, match="layer 3 differs"):
        same_layers(IMAGE, longer, PLACE)
    with pytest.raises(UsageError, match="it has no layers"):
        same_layers(IMAGE, opened_of([]).image, PLACE)
