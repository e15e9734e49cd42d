"""Draws the pictures that README and docs/ show, of the bundled image, a fleet and a series: `make screenshots`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Static

from layerscope.demo import save_demo
from layerscope.opening.options import Options
from layerscope.sources.base import Request
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.fleet.app import FleetApp
from layerscope.tui.fleet.state import FleetState
from layerscope.tui.preferences import Preferences
from layerscope.tui.series.app import SeriesApp, SeriesState
from tests.analysis.series.releases import Made, release
from tests.fleet.running import fleet_of, written
from tests.images import file, write
from tests.tui.explorer import explorer, loaded, screen_text, settled, until

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
    """Text that the screen shows if the keys had the intended effect."""
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


FLEET = Shot("fleet", ("2", "j"), "bytes × images")
SERIES = Shot("series", (), "Another order")
ALL = (*SHOTS, FLEET, SERIES)


async def draw(folder: Path) -> None:
    """Draw every picture. Raises `WrongPictureError` if one does not show the expected text."""
    image = folder / "flask-demo.tar"
    save_demo(image)
    for shot in SHOTS:
        await draw_one(shot, explorer(image, rules={}), loaded)
    read = fleet_of(folder, written(folder / "images", 24, 0.3))
    fleet = FleetApp(FleetState(lambda *_: read), Preferences())
    await draw_one(
        FLEET, fleet, lambda pilot: until(pilot, lambda: fleet.fleet_state.tables is not None)
    )
    names = []
    for number, archive in enumerate(releases(), 1):
        names.append(f"shop-1.{number}.tar")
        write(folder / names[-1], archive)
    with contextlib.chdir(folder):  # so that no temporary folder is part of the picture
        series = SeriesApp(
            SeriesState([Request(name) for name in names]), Options(rules={}), Preferences()
        )
        await draw_one(
            SERIES,
            series,
            lambda pilot: until(pilot, lambda: series.series_state.opened is not None),
        )


async def draw_one(
    shot: Shot, app: ExplorerApp, ready: Callable[[Pilot[None]], Awaitable[object]]
) -> None:
    """Draw a picture of an app, once it is ready. Raises `WrongPictureError`."""
    async with app.run_test(size=shot.size) as pilot:
        app.theme = f"layerscope-{shot.theme}"
        await ready(pilot)
        for key in shot.keys:
            await pilot.press(_key(key))
            await settled(pilot)
        await pilot.pause(0.3)
        check(shot, app)
        app.save_screenshot(f"{shot.name}.svg", path=str(FOLDER))


def releases() -> Iterator[bytes]:
    """Five releases of an application that copies its sources before it installs its dependencies."""
    rng = random.Random(1)
    blocks = [rng.randbytes(200_000) for _ in range(12)]
    for number in range(5):
        new = number == 3
        source = [
            file("app/requirements.txt", b"flask==%d\n" % (3 if number > 2 else 2)),
            *(file(f"app/shop/{name}.py", b"%d" % number * 900) for name in ("cart", "orders")),
            file("app/shop/models.py", b"import db\n" * 400),
        ]
        packages = [
            file(f"usr/lib/python3/{name}.so", blocks[n + 6 * new] * 5, mtime=number)
            for n, name in enumerate(("flask", "jinja2", "werkzeug", "click"))
        ]
        yield release(
            [
                Made("ADD rootfs.tar.xz /", [file("usr/bin/python", blocks[5] * 20)]),
                Made("COPY . /app", source),
                Made("RUN pip install -r /app/requirements.txt", packages),
                Made("RUN python -m compileall /app", [file("app/shop/cart.pyc", b"%d" % number * 400)]),
            ],
            base=1,
            tag=f"shop:1.{number + 1}",
        )  # fmt: skip


class WrongPictureError(Exception):
    """A picture would show an error, or not its subject."""


def check(shot: Shot, app: ExplorerApp) -> None:
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
        asyncio.run(draw(Path(folder)))


if __name__ == "__main__":
    main()
