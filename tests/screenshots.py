"""Draws the pictures that README shows, from the bundled image: `make screenshots`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from layerscope.demo import save_demo
from tests.tui.explorer import explorer, loaded

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"
WIDE = (150, 40)
SHOTS: tuple[tuple[str, tuple[int, int], tuple[str, ...], str], ...] = (
    ("explore", WIDE, ("down", "down", "down", "down", "tab", "enter", "down", "enter"), "dark"),
    ("waste", WIDE, ("2",), "dark"),
    ("life", WIDE, ("3", *"var/lib/dpkg/status", "enter"), "dark"),
    ("find", WIDE, ("ctrl+f", *"flask app"), "dark"),
    ("file", WIDE, ("ctrl+f", *"shop/health.py", "enter", "enter"), "dark"),
    ("dockerfile", WIDE, ("6",), "dark"),
    ("map", WIDE, ("7",), "dark"),
    ("findings", WIDE, ("8", "j", "j", "space", "k"), "dark"),
    ("light", WIDE, ("G", "k", "k", "k", "k", "k", "k", "k", "tab", "enter"), "light"),
    ("narrow", (80, 24), ("down", "down", "down", "down", "tab", "enter"), "dark"),
)
"""File, size, keys pressed, theme."""


async def draw(image: Path) -> None:
    """Draw every picture."""
    for name, size, keys, theme in SHOTS:
        app = explorer(image, rules={})
        async with app.run_test(size=size) as pilot:
            app.theme = f"layerscope-{theme}"
            await loaded(pilot)
            for key in keys:
                await pilot.press(_key(key))
            await pilot.app.workers.wait_for_complete()
            for _ in range(5):
                await pilot.pause(0.1)
            app.save_screenshot(f"{name}.svg", path=str(FOLDER))


def _key(character: str) -> str:
    """The name of a key."""
    return {" ": "space", "/": "slash", ".": "full_stop"}.get(character, character)


def main() -> None:
    """Draw into `screenshots/`."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "flask-demo.tar"
        save_demo(image)
        asyncio.run(draw(image))


if __name__ == "__main__":
    main()
