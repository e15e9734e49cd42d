"""Draws the pictures that README and docs/ show, from the bundled image: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from textual.widgets import Static

from layerscope.demo import save_demo
from layerscope.tui.app import LayerscopeApp
from tests.tui.explorer import explorer, loaded, screen_text, settled

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"
WIDE = (150, 40)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    """Its file, without `.svg`."""
    keys: tuple[str, ...]
    """Keys pressed once the image is open; text to type letter by letter."""
    expected: str
    """Text that the screen shows if the keys did what they should."""
    theme: str = "dark"
    size: tuple[int, int] = WIDE


SHOTS = (
    Shot("explore", ("tab", "enter", "down", "enter"), "apt-get install -y build-essential"),
    Shot("waste", ("2",), "seed-data.sql"),
    Shot("life", ("ctrl+f", *"app/.env", "enter", "L"), "Life of /app/.env"),
    Shot("find", ("ctrl+f", *"flask app"), "flask/app.py"),
    Shot("file", ("ctrl+f", *"shop/health.py", "enter", "enter"), "Support for health"),
    Shot("dockerfile", ("6",), "HEALTHCHECK"),
    Shot("map", ("7",), "usr/"),
    Shot("findings", ("8", "j", "j", "space", "j"), "Fix · deleted-later"),
    Shot("packages", ("9",), "libpython3.11-stdlib"),
    Shot("light", ("G", "k", "k", "tab", "enter"), "owner 0:0 → 1000:1000", theme="light"),
    Shot("narrow", ("tab", "enter"), "apt-get install", size=(80, 24)),
)


async def draw(image: Path) -> None:
    """Draw every picture. Raises `WrongPictureError` for one that does not show what it should."""
    for shot in SHOTS:
        app = explorer(image, rules={})
        async with app.run_test(size=shot.size) as pilot:
            app.theme = f"layerscope-{shot.theme}"
            await loaded(pilot)
            for key in shot.keys:
                await pilot.press(_key(key))
                await settled(pilot)
            check(shot, app)
            app.save_screenshot(f"{shot.name}.svg", path=str(FOLDER))


class WrongPictureError(Exception):
    """A picture would show an error, or something else than it is for."""


def check(shot: Shot, app: LayerscopeApp) -> None:
    """Raise `WrongPictureError` if a field on the screen shows an error, or the expected text is missing."""
    notes = app.screen.query(".field--note.-wrong").results(Static)
    wrong = [str(note.content) for note in notes]
    if wrong:
        raise WrongPictureError(f"{shot.name}.svg shows an error: {wrong[0].strip()}")
    if not any(shot.expected in line for line in screen_text(app)):
        raise WrongPictureError(f"{shot.name}.svg does not show {shot.expected!r}")


def _key(character: str) -> str:
    """The name of a key."""
    return {" ": "space", "/": "slash", ".": "full_stop"}.get(character, character)


def main() -> None:
    """Draw into `screenshots/`."""
    FOLDER.mkdir(exist_ok=True)
    # Whatever the terminal of this script has: pictures have all colours.
    os.environ.pop("NO_COLOR", None)
    os.environ["COLORTERM"] = "truecolor"
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "flask-demo.tar"
        save_demo(image)
        asyncio.run(draw(image))


if __name__ == "__main__":
    main()
