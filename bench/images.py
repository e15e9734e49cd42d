"""The images that are measured: made on first use, byte-identical everywhere, and kept for later runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.archives import ImageArchive
from bench.contents import Pools
from bench.trees import LayerPlan, Tree

FOLDER = Path(__file__).parent / "images"
EDITION = 1
"""Raise this when the bytes of images change, so that older images are made again."""

PYTHON_ROOT = "opt/venv/lib/python3.13/site-packages"
MANY_FILES = (
    LayerPlan("ADD rootfs.tar.gz /", "usr/lib", new=24_000, large=3),
    LayerPlan("RUN apt-get install -y build-essential", "usr/share", new=32_000, large=4),
    LayerPlan(
        "RUN pip install -r requirements.txt", PYTHON_ROOT, new=34_000, large=5, rewritten=500
    ),
    LayerPlan("RUN npm ci", "srv/app/node_modules", new=44_000, large=1, rewritten=500),
    LayerPlan("RUN chmod -R g-rx /srv/app", "srv/app", chmodded=12_000),
    LayerPlan("COPY . /srv/app", "srv/app/src", new=9_000, large=1, rewritten=5_000, deleted=50),
    LayerPlan("RUN apt-get upgrade -y", "usr/local", new=800, rewritten=2_500, deleted=150),
    LayerPlan("RUN apt-get purge -y build-essential", "var", deleted=100),
)
TEN_LAYERS = tuple(
    LayerPlan(
        f"COPY part-{number} /srv/part-{number}",
        f"srv/part-{number}",
        new=5_000 if number == 0 else 4_800,
        rewritten=0 if number == 0 else 100,
        chmodded=0 if number == 0 else 100,
        deleted=100 if number >= 7 else 0,
    )
    for number in range(10)
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """An image that can be made: its layers, and the kind of archive."""

    name: str
    layers: tuple[LayerPlan, ...]
    oci: bool
    needed_bytes: int
    """Approximate bytes of disk space needed to make it."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was made, with the figures of a correct report."""

    path: str
    size: int
    layers: int
    entries: int
    content_bytes: int
    deletions: int


LARGE = Recipe("large", MANY_FILES, oci=False, needed_bytes=2_400_000_000)
LAYERED = Recipe("layered", TEN_LAYERS, oci=False, needed_bytes=600_000_000)
LARGE_GZIP = Recipe("large-gzip", MANY_FILES, oci=True, needed_bytes=1_000_000_000)


def paths(recipe: Recipe, scale: float) -> tuple[Path, Path]:
    """The paths of the image's archive, and of the JSON file that marks it as complete."""
    stem = recipe.name if scale == 1 else f"{recipe.name}-x{scale:g}"
    return FOLDER / f"{stem}.tar", FOLDER / f"{stem}.json"


def existing(recipe: Recipe, scale: float) -> Image | None:
    """The image if an earlier run made it, complete and of the same edition; otherwise None."""
    archive, note = paths(recipe, scale)
    try:
        written = json.loads(note.read_bytes())
        if written.pop("edition") != EDITION:
            return None
        image = Image(**written)
        return image if archive.stat().st_size == image.size else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def make(recipe: Recipe, scale: float) -> Image:
    """Make the image with `scale` times the files. Raises OSError."""
    archive, note = paths(recipe, scale)
    FOLDER.mkdir(exist_ok=True)
    free = shutil.disk_usage(FOLDER).free
    needed = int(recipe.needed_bytes * scale)
    if free < needed:
        message = (
            f"{FOLDER} needs {needed / 1e9:.1f} GB for this image; {free / 1e9:.1f} GB are free"
        )
        raise OSError(message)
    note.unlink(missing_ok=True)
    with _complete_file(archive) as part, part.open("wb") as file:
        writer = ImageArchive(file, Pools(), oci=recipe.oci)
        tree = Tree(seed=len(recipe.layers))
        for plan in recipe.layers:
            scaled = plan.scaled(scale)
            writer.add_layer(scaled.instruction, tree.layer(scaled))
        writer.close(f"bench/{recipe.name}:latest")
    image = Image(
        path=archive.name,
        size=archive.stat().st_size,
        layers=len(writer.layers),
        entries=sum(layer.entries for layer in writer.layers),
        content_bytes=sum(layer.content_bytes for layer in writer.layers),
        deletions=sum(layer.deletions for layer in writer.layers),
    )
    with _complete_file(note) as part:
        part.write_text(json.dumps({"edition": EDITION, **asdict(image)}, indent=1) + "\n")
    return image


def remove(recipe: Recipe, scale: float) -> None:
    """Delete the image."""
    for path in paths(recipe, scale):
        path.unlink(missing_ok=True)


@contextmanager
def _complete_file(path: Path) -> Iterator[Path]:
    """A temporary file that is renamed to `path` once complete, and removed on an error."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
