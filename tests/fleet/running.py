"""Reads fleets for tests."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from bench.fleet_images import images, write_image
from layerscope.fleet.fleet import Fleet, read_fleet
from layerscope.fleet.messages import Setup, StoreAt
from layerscope.fleet.pending import Workers
from layerscope.fleet.run import Watch
from layerscope.limits import DEFAULT_LIMITS
from layerscope.progress import NullProgress


def setup_of(folder: Path, **more: object) -> Setup:
    """A setup whose store is in a folder."""
    return Setup(DEFAULT_LIMITS, StoreAt(str(folder / "store"), private=True), **more)  # type: ignore[arg-type]


def fleet_of(
    folder: Path,
    references: Sequence[object],
    workers: Executor | None = None,
    setup: Setup | None = None,
    watch: Watch | None = None,
) -> Fleet:
    """The fleet of references, read in this process unless there are workers; `folder` has its store."""
    with ThreadPoolExecutor(1) as here:
        return read_fleet(
            [str(reference) for reference in references],
            setup or setup_of(folder),
            Workers(workers or here, 4),
            NullProgress(),
            watch=watch,
        )


def written(folder: Path, count: int, scale: float = 0.01) -> list[Path]:
    """Archives of the first images of the benchmark's fleet."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_image(image, folder / f"{number:03}.tar")
        for number, image in enumerate(images(count, scale))
    ]
