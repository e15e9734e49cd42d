"""`layerscope demo`: the explorer on the bundled sample image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscope.cli.options import explorer_options
from layerscope.signals import temporary_folder


@click.command()
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the sample image to FILE instead.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@explorer_options
def demo(save: Path | None, force: bool, **params: Any) -> None:
    """Explore the bundled sample image: a small Flask service with typical waste."""
    from layerscope.cli.open import explore
    from layerscope.demo import save_demo

    if save is not None:
        save_demo(save, overwrite=force)
        return
    with temporary_folder("layerscope-demo-") as folder:
        path = Path(folder) / "flask-demo.tar"
        save_demo(path)
        # The file is temporary, so caching it is pointless.
        explore(str(path), {**params, "no_cache": True})
