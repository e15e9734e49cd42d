"""Which line of the Dockerfile made a step."""

from __future__ import annotations

from layerscope.analysis.listing import match_steps
from layerscope.image.dockerfile import Dockerfile
from layerscope.image.model import Image


def lines_of_steps(image: Image, dockerfile: Dockerfile | None) -> dict[int, int]:
    """For each step that the Dockerfile has, the first line of its instruction, counted from 1."""
    if dockerfile is None:
        return {}
    return {
        step: dockerfile.instructions[number].first + 1
        for number, step in match_steps(dockerfile, image.steps).items()
    }
