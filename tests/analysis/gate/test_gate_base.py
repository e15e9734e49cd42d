"""The end of the base image, if the user gives it."""

from __future__ import annotations

import pytest

from layerscope.analysis.gate.base import first_layers, guessed_base, same_layers
from layerscope.errors import UsageError
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS
from tests.images import file

IMAGE = opened_of(STEPS).image
PLACE = ".layerscope.toml, line 2"


def test_the_base_is_estimated_from_the_image() -> None:
    """A CMD followed by layers ends a base image."""
    base = guessed_base(IMAGE)
    assert (base.layers, base.steps, base.known) == (1, 2, True)
    assert base.guessed
    assert "layers follow the CMD" in base.reason


def test_a_number_of_layers_is_used_as_given() -> None:
    """Later steps without a layer do not belong to the base."""
    base = first_layers(IMAGE, 2, PLACE)
    assert (base.layers, base.steps) == (2, 3)
    assert not first_layers(IMAGE, 0, PLACE).known
    with pytest.raises(UsageError, match=f"{PLACE}: the base image cannot have 4 layers"):
        first_layers(IMAGE, 4, PLACE)


def test_a_named_image_must_be_the_base() -> None:
    """Its layers have to be the first ones; its last metadata steps belong to the base."""
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
