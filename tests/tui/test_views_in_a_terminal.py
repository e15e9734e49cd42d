"""Every view in a real terminal, on a small image, a real one, and one with 200,000 entries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from layerscope import text
from layerscope.analysis.grouping import GroupBy
from layerscope.analysis.packages.usage import package_usage
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from layerscope.tui.view import VIEWS as ALL_VIEWS
from layerscope.tui.waste_words import GROUPED_BY
from tests.large_image import large_image
from tests.real_images import FLASK, needs_flask
from tests.terminal import TMUX, Terminal, layerscope, terminal

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(TMUX is None, reason="tmux is not installed"),
]

WIDTH, HEIGHT = 160, 48
EXPLORE = " Details "
"""Text that only the first view shows."""
HEADER = 3
"""Lines above every view."""


@dataclass(frozen=True)
class Running:
    """The explorer in a terminal, and its image opened without it."""

    screen: Terminal
    opened: Opened
    path: str
    """The path of a text file to search and read."""
    words: str
    """Text in that file."""

    def body(self) -> str:
        """The screen without header and footer."""
        return "\n".join(self.screen.lines()[HEADER:-1])


IMAGES = [
    pytest.param("demo", id="demo"),
    pytest.param("flask", marks=needs_flask, id="flask"),
    pytest.param("large", id="large"),
]
FILES = {
    "demo": ("/app/app.py", "load_dotenv()"),
    "flask": (
        "/usr/local/lib/python3.11/dist-packages/flask-3.1.3.dist-info/licenses/LICENSE.txt",
        "Copyright 2010 Pallets",
    ),
    "large": ("/opt/pkg120/module-000120.py", "layer 0, file       120"),
}


@pytest.fixture(scope="module", params=IMAGES)
def running(
    request: pytest.FixtureRequest, demo_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The explorer on an image, loaded and analysed."""
    base = tmp_path_factory.mktemp("views")
    image = {"demo": demo_image, "flask": FLASK}.get(request.param)
    if image is None:
        image = large_image(base / "large.tar")
    path, words = FILES[request.param]
    opened = open_image(Request(str(image)), Options(rules={}))
    home = {name: str(base / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    home["LAYERSCOPE_CACHE_DIR"] = str(base / "cache")
    command = layerscope(str(image))
    with terminal(command, width=WIDTH, height=HEIGHT, environment=home) as screen:
        screen.wait_for(" stored · ")
        screen.wait_for("digests ok")
        yield Running(screen, opened, path, words)
        screen.keys("C-q")
        screen.wait_for("exit 0")


def _explore(running: Running) -> None:
    """Steps show stored bytes; `a` switches between the changes of a layer and all files."""
    screen, accounting = running.screen, running.opened.accounting
    screen.keys("1")
    body = screen.wait_for(EXPLORE)
    for layer in accounting.layers[:5]:
        assert text.size(layer.stored) in body, layer
    screen.keys("a")
    screen.wait_for("all files")
    screen.keys("a")
    screen.wait_for("changes in this layer")


def _waste(running: Running) -> None:
    """The title has bytes and number of files."""
    accounting = running.opened.accounting
    running.screen.keys("2")
    shown = running.screen.wait_for("Waste · ")
    assert f"{text.size(accounting.wasted)} in {len(accounting.waste):,} file" in shown
    assert GROUPED_BY[GroupBy.REASON] in shown
    running.screen.wait_for("→ hidden by")


def _empty_field(screen: Terminal, placeholder: str) -> None:
    """Wait for a field, and clear it."""
    screen.wait_for("Esc Leave")
    if placeholder not in screen.text():
        screen.keys("C-u")
        screen.wait_for(placeholder)


def _life(running: Running) -> None:
    """The file has an event that added it."""
    screen = running.screen
    screen.keys("3")
    screen.wait_for(" Life of /")
    screen.keys("/")
    _empty_field(screen, "› /path/of/a/file")
    screen.type(running.path)
    screen.wait_for(f"Life of {running.path}")
    screen.wait_for("+ added")
    assert "◀ in the final image" in screen.text()
    screen.keys("Enter")


def _find(running: Running) -> None:
    """The file is found by its path."""
    screen = running.screen
    screen.keys("4")
    _empty_field(screen, "› part of a path")
    screen.type(running.path[1:])
    screen.wait_for(f"  {running.path}")
    assert re.search(r"size +path +layer +state", screen.text())


def _file(running: Running) -> None:
    """The content is shown for a match of Find."""
    screen = running.screen
    _find(running)
    screen.escape()
    screen.keys("Enter")
    screen.wait_for(EXPLORE)
    screen.wait_for(f"  {PurePosixPath(running.path).name}")
    screen.keys("5")
    screen.wait_for(running.words)
    assert running.path in running.body()


def _dockerfile(running: Running) -> None:
    """Instructions are listed with stored bytes."""
    screen = running.screen
    screen.keys("6")
    screen.wait_for("Dockerfile · reconstructed")
    for step in running.opened.image.steps[:4]:
        shown = screen.wait_for(f"│ {step.instruction} ")
    assert text.size(running.opened.accounting.layers[0].stored) in shown


def _map(running: Running) -> None:
    """The map shows the size of the final image, and its largest tile can be entered."""
    screen, accounting = running.screen, running.opened.accounting
    screen.keys("7")
    shown = screen.wait_for("Map · / ")
    assert f"{text.size(accounting.live)} · final image" in shown
    screen.wait_for("┏ ")
    screen.keys("Enter")
    screen.wait_until_gone("Map · / ")
    screen.keys("BSpace")
    screen.wait_for("Map · / ")


def _findings(running: Running) -> None:
    """The title has the saving and the resulting size; the fix of a finding is shown, and marking it changes the header."""
    screen, opened = running.screen, running.opened
    findings = opened.findings
    assert findings is not None
    screen.keys("8")
    if not findings.found:
        screen.wait_for("No findings.")
        return
    saving = findings.saving()
    shown = screen.wait_for(f"Findings · {text.size(saving)} avoidable")
    assert f"→ {text.size(opened.accounting.stored - saving)})" in shown
    rules = {f"Fix · {finding.rule} " for finding in findings.found}
    assert any(words in screen.wait_for("Fix · ") for words in rules)
    screen.keys("Space")
    screen.wait_for("with 1 fix,")
    screen.keys("Space")
    screen.wait_until_gone("with 1 fix,")


def _packages(running: Running) -> None:
    """The title has the share of packages; the largest row has its size."""
    screen, opened = running.screen, running.opened
    assert opened.findings is not None
    usage = package_usage(opened.filesystem, opened.findings.packages)
    screen.keys("9")
    share = text.percent(usage.owned, usage.live)
    count = f"{len(usage.packages):,} package"
    shown = screen.wait_for(f"{share} of {text.size(usage.live)} belong to {count}")
    largest = max(
        [package.bytes for package in usage.packages]
        + [directory.bytes for directory in usage.directories]
    )
    assert text.size(largest) in shown


VIEWS: dict[str, Callable[[Running], None]] = {
    "explore": _explore,
    "waste": _waste,
    "life": _life,
    "find": _find,
    "file": _file,
    "dockerfile": _dockerfile,
    "map": _map,
    "findings": _findings,
    "packages": _packages,
}


@pytest.fixture
def at_first(running: Running) -> Running:
    """The explorer, back on the first view."""
    screen = running.screen
    while EXPLORE not in screen.text() or "Esc " in screen.lines()[-1]:
        screen.escape()
    return running


def test_no_view_is_left_out() -> None:
    """Each view has a test."""
    assert list(VIEWS) == [spec.name for spec in ALL_VIEWS]


@pytest.mark.parametrize("view", VIEWS)
def test_view(at_first: Running, view: str) -> None:
    """Its key opens the view, and its figures match the image."""
    VIEWS[view](at_first)
    header = at_first.screen.lines()[0]
    accounting = at_first.opened.accounting
    assert f"{text.size(accounting.stored)} stored" in header
    assert f"efficiency {100 * accounting.efficiency:.1f} %" in header
