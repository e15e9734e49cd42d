"""Draws the pictures that README shows, from the bundled image: `make screenshots`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from layerscope.demo import save_demo
from tests.tui.explorer import explorer, loaded

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"
SHOTS: tuple[tuple[str, tuple[int, int], tuple[str, ...], str], ...] = (
    (
        "explore",
        (150, 40),
        ("down", "down", "down", "down", "tab", "enter", "down", "enter"),
        "dark",
    ),
    ("waste", (150, 40), ("2",), "dark"),
    ("explore-light", (150, 40), ("G", "k", "k", "k", "k", "k"), "light"),
    ("narrow", (80, 24), (), "dark"),
)
"""File, size, keys pressed, theme."""


async def draw(image: Path) -> None:
    """Draw every picture."""
    for name, size, keys, theme in SHOTS:
        app = explorer(image)
        async with app.run_test(size=size) as pilot:
            app.theme = f"layerscope-{theme}"
            await loaded(pilot)
            await pilot.press(*keys)
            await pilot.pause()
            app.save_screenshot(f"{name}.svg", path=str(FOLDER))


def main() -> None:
    """Draw into `screenshots/`."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "flask-demo.tar"
        save_demo(image)
        asyncio.run(draw(image))


if __name__ == "__main__":
    main()
