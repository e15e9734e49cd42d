"""Write fixes: the patch of the marked findings is shown, then written into the Dockerfile, saved or copied."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from layerscope.image.dockerfile import read_dockerfile
from layerscope.settings import Settings
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.findings import FindingsView
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.screens.write_fixes import WriteFixesScreen
from layerscope.tui.widgets.pane import PaneTitle
from tests.cli.test_fix import DOCKERFILE, PATCHED, STEPS, image
from tests.terminal import TMUX, layerscope, terminal
from tests.tui.explorer import explorer, loaded, number_of, screen_text, settled

WIDE = (120, 40)
GIT, PIP, APT = 0, 1, 2
"""Findings of the image, largest first."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with an image and its Dockerfile."""
    monkeypatch.chdir(tmp_path)
    image(Path("image.tar"), STEPS)
    Path("Dockerfile").write_text(DOCKERFILE)


def with_dockerfile(**options: Any) -> LayerscopeApp:
    """The explorer with the image's Dockerfile."""
    dockerfile = read_dockerfile(Path("Dockerfile"))
    return explorer(Path("image.tar"), rules={}, dockerfile=dockerfile, **options)


def without_dockerfile() -> LayerscopeApp:
    """The explorer without a Dockerfile."""
    return explorer(Path("image.tar"), rules={})


async def findings(pilot: Pilot[Any], *ticked: int) -> FindingsView:
    """Open Findings, and mark some as fixed."""
    screen = await loaded(pilot)
    await pilot.press("8")
    await settled(pilot)
    view = screen.view
    assert isinstance(view, FindingsView)
    for number in ticked:
        view.list.select(number)
        await pilot.press("space")
    await settled(pilot)
    return view


async def dialog(pilot: Pilot[Any], *ticked: int) -> WriteFixesScreen:
    """Open the dialog for the marked findings; without any, for the one under the cursor."""
    await findings(pilot, *ticked)
    await pilot.press("w")
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, WriteFixesScreen)
    return screen


def shown(pilot: Pilot[Any]) -> str:
    """The text on screen."""
    return "\n".join(screen_text(pilot.app))


def notifications(pilot: Pilot[Any]) -> str:
    """Titles and messages of all notifications."""
    return "\n".join(f"{one.title}\n{one.message}" for one in pilot.app._notifications)


async def test_ticked_fixes_are_written_once_the_patch_was_shown(tmp_path: Path) -> None:
    """Enter writes all files of the patch; the findings of the image stay."""
    async with with_dockerfile().run_test(size=WIDE, notifications=True) as pilot:
        screen = await dialog(pilot, GIT, PIP, APT)
        text = shown(pilot)
        assert "Write 3 fixes · 3.8 MB less" in text
        assert "- RUN pip install x" in text
        assert "+ RUN pip install --no-cache-dir x" in text
        assert ".dockerignore · new file" in text
        assert Path("Dockerfile").read_text() == DOCKERFILE
        await pilot.press("enter")
        await settled(pilot)
        assert pilot.app.screen is not screen
        assert Path("Dockerfile").read_text() == PATCHED
        assert Path(".dockerignore").read_text() == "**/.git\n"
        assert "3 fixes, 3.8 MB less: Dockerfile and .dockerignore" in notifications(pilot)
        assert "rebuild" in notifications(pilot)
        assert isinstance(pilot.app.screen, MainScreen)
        assert pilot.app.screen.session.fixed == {GIT, PIP, APT}


async def test_without_ticks_the_fix_under_the_cursor_is_written() -> None:
    """With the cursor on a group, all of its fixes are written."""
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        view = await findings(pilot)
        view.list.select(APT)
        await pilot.press("w")
        await settled(pilot)
        assert "Write 1 fix · 300 kB less" in shown(pilot)
        await pilot.press("escape", "h", "w")
        await settled(pilot)
        assert "Write 3 fixes · 3.8 MB less" in shown(pilot)


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_escape_leaves_without_writing(key: str) -> None:
    """Closing the dialog changes no file."""
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        await dialog(pilot, GIT, PIP)
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)
        assert Path("Dockerfile").read_text() == DOCKERFILE
        assert not Path(".dockerignore").exists()


async def test_w_writes_as_well_as_enter() -> None:
    """The key that opens the dialog also confirms it."""
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        await dialog(pilot, PIP)
        await pilot.press("w")
        await settled(pilot)
        assert "--no-cache-dir" in Path("Dockerfile").read_text()


async def test_custom_keys_work_in_the_dialog(tmp_path: Path) -> None:
    """Custom keys open the dialog and confirm it, and its hints show them."""
    app = with_dockerfile()
    settings = Settings(
        keys={"findings.write": ("W",), "list.open": ("o",), "dialog.close": ("X",)}
    )
    changed = LayerscopeApp(app.session)
    changed.session.preferences = Preferences(settings)
    changed = LayerscopeApp(changed.session)
    async with changed.run_test(size=WIDE) as pilot:
        await findings(pilot, PIP)
        await pilot.press("W")
        await settled(pilot)
        assert "o writes · y copies the patch · X cancels" in shown(pilot)
        await pilot.press("W")
        await settled(pilot)
        assert "--no-cache-dir" in Path("Dockerfile").read_text()


async def test_fixes_are_written_one_after_the_other() -> None:
    """The second patch builds on the first, whose fixes stay and are not counted again."""
    async with with_dockerfile().run_test(size=WIDE, notifications=True) as pilot:
        view = await findings(pilot)
        view.list.select(PIP)
        await pilot.press("w", "enter")
        await settled(pilot)
        view.list.select(APT)
        await pilot.press("w")
        await settled(pilot)
        text = shown(pilot)
        assert "Write 1 fix · 300 kB less" in text
        assert "- RUN pip install x" not in text
        await pilot.press("enter")
        await settled(pilot)
        assert Path("Dockerfile").read_text() == PATCHED
        await pilot.press("w")
        await settled(pilot)
        assert "The Dockerfile already has these fixes." in shown(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert Path("Dockerfile").read_text() == PATCHED


async def test_a_dockerfile_that_changed_is_not_written() -> None:
    """The patch is refused whether the file changed before or after the dialog opened."""
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        await dialog(pilot, PIP)
        Path("Dockerfile").write_text(DOCKERFILE + "USER me\n")
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, WriteFixesScreen)
        assert "Dockerfile changed since it was read" in shown(pilot)
        assert "open the image again" in shown(pilot)
        assert "Enter writes" not in shown(pilot)
        await pilot.press("enter", "escape", "w")
        await settled(pilot)
        assert "Dockerfile changed since it was read" in shown(pilot)
        assert "open the image again" in shown(pilot)
        assert "Enter writes" not in shown(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert Path("Dockerfile").read_text() == DOCKERFILE + "USER me\n"


async def test_a_file_that_cannot_be_written_is_an_error_in_the_dialog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error has the reason of the system, and writing can be tried again."""

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("layerscope.report.patch.replacing", full)
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        await dialog(pilot, PIP)
        await pilot.press("enter")
        await settled(pilot)
        assert "cannot write Dockerfile: No space left on device" in shown(pilot)
        assert "Enter writes" in shown(pilot)
        assert Path("Dockerfile").read_text() == DOCKERFILE


async def test_another_dockerfile_is_refused() -> None:
    """A Dockerfile that is not the image's is refused, as by `layerscope fix`."""
    Path("Dockerfile").write_text("FROM debian\nRUN make\nCOPY a /b\nRUN cc\n")
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        await dialog(pilot, PIP)
        assert "none of its instructions are among the steps" in notifications(
            pilot
        )  # from the start
        assert "name the Dockerfile of this image" in shown(pilot)
        assert "No fix can be written" in shown(pilot)
        assert "Write 1 fix" not in shown(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert Path("Dockerfile").read_text().startswith("FROM debian\nRUN make")


async def test_left_out_findings_are_listed_with_their_reasons(demo_image: Path) -> None:
    """The findings that the patch leaves out are listed below the changes."""
    async with explorer(demo_image, rules={}).run_test(size=(120, 60)) as pilot:
        view = await findings(pilot)
        view.session.fixed.update(range(8))
        await pilot.press("w")
        await settled(pilot)
        text = shown(pilot)
        assert "3 left out" in text
        assert "Left out: 3 findings" in text
        assert "Compilers left in the image" in text
        assert "it needs a decision: its fix is described in words" in text


async def test_a_fix_in_words_alone_cannot_be_written(demo_image: Path) -> None:
    """The dialog shows that there is nothing to write, and Enter does nothing."""
    async with explorer(demo_image, rules={}).run_test(size=WIDE) as pilot:
        view = await findings(pilot)
        view.list.select(number_of(view.session, "compilers"))
        await pilot.press("w")
        await settled(pilot)
        assert "There is nothing to write." in shown(pilot)
        assert "Esc closes" in shown(pilot)
        assert "Enter" not in shown(pilot).partition("Esc closes")[0].splitlines()[-1]
        await pilot.press("enter", "y")
        await settled(pilot)
        assert not pilot.app.clipboard


async def test_without_a_dockerfile_the_patch_is_saved_or_copied() -> None:
    """The patch is for the Dockerfile restored from the history, as the dialog explains."""
    async with without_dockerfile().run_test(size=WIDE, notifications=True) as pilot:
        await dialog(pilot, PIP)
        text = shown(pilot)
        assert "Patch of 1 fix · 1.5 MB less" in text
        assert "restored from the image's history" in text
        assert "Enter saves the patch" in text
        await pilot.press("y")
        await settled(pilot)
        copied = pilot.app.clipboard
        assert "--- a/Dockerfile\n+++ b/Dockerfile\n@@" in copied
        assert "\n-RUN pip install x\n+RUN pip install --no-cache-dir x\n" in copied
        await pilot.press("enter")
        await settled(pilot)
        assert not Path("fixes.patch").exists()
        await pilot.press("enter")
        await settled(pilot)
        assert Path("fixes.patch").read_text() == copied
        assert Path("Dockerfile").read_text() == DOCKERFILE
        assert "1 fix, 1.5 MB less: fixes.patch" in notifications(pilot)


async def test_a_patch_never_replaces_a_file() -> None:
    """An existing name is an error; Esc leaves the field, then the dialog."""
    async with without_dockerfile().run_test(size=WIDE) as pilot:
        screen = await dialog(pilot, PIP)
        await pilot.press("w")
        screen.field.input.value = "image.tar"
        before = Path("image.tar").read_bytes()
        await pilot.press("enter")
        await settled(pilot)
        assert "image.tar already exists" in shown(pilot)
        assert Path("image.tar").read_bytes() == before
        await pilot.press("escape")
        await settled(pilot)
        assert pilot.app.screen is screen
        assert screen.rows.has_focus
        assert "already exists" not in shown(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)


@pytest.mark.parametrize(
    ("name", "why"),
    [("none/x.patch", "No such file or directory"), ("a\0b", "null"), (".", "already exists")],
    ids=["no folder", "null", "folder"],
)
async def test_a_patch_that_cannot_be_saved_is_an_error(name: str, why: str) -> None:
    """The dialog shows the reason and stays open."""
    async with without_dockerfile().run_test(size=WIDE) as pilot:
        screen = await dialog(pilot, PIP)
        await pilot.press("w")
        screen.field.input.value = name
        await pilot.press("enter")
        await settled(pilot)
        assert why in shown(pilot)
        assert pilot.app.screen is screen


async def test_letters_in_the_field_are_text() -> None:
    """`w`, `y` and `q` do not act while a name is typed."""
    async with without_dockerfile().run_test(size=WIDE) as pilot:
        screen = await dialog(pilot, PIP)
        await pilot.press("w")
        screen.field.input.value = ""
        await pilot.press("w", "y", "q", "enter")
        await settled(pilot)
        assert Path("wyq").exists()


async def test_the_end_of_the_base_image_counts() -> None:
    """Steps that the user assigns to the base image are not changed."""
    async with without_dockerfile().run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        session = screen.session
        session.base_steps = 0
        await pilot.press(">", ">", ">", "8")
        await settled(pilot)
        session.fixed = {GIT, PIP, APT}
        await pilot.press("w")
        await settled(pilot)
        text = shown(pilot)
        assert "Patch of 1 fix · 2.0 MB less" in text
        assert "step 1 is not in the Dockerfile" in text
        assert "pip install" not in text


async def test_the_dockerfile_sets_the_end_of_the_base_image() -> None:
    """The end of the base image comes from the Dockerfile until the user moves it."""
    Path("Dockerfile").write_text("FROM base\nCOPY . /app\n" + 'CMD ["vim"]\n')
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await settled(pilot)
        assert screen.session.base_steps == 3
        assert screen.session.base_origin() == "from the Dockerfile"
        assert "base 3 steps" in shown(pilot)
        view = await findings(pilot)
        base = {group.key: group.members for group in view.list.groups}["base"]
        assert set(base) == {PIP, APT}
        await pilot.press("1", "<")
        await settled(pilot)
        assert screen.session.base_steps == 2
        assert screen.session.base_origin() == "set by you"


async def test_the_mouse_works() -> None:
    """Hints can be clicked, a double click on the patch writes nothing, and a click outside closes the dialog."""
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        screen = await dialog(pilot, PIP)
        await pilot.click(screen.rows, offset=(5, 2), times=2)
        await settled(pilot)
        assert pilot.app.screen is screen
        assert screen.rows.cursor == 2
        assert Path("Dockerfile").read_text() == DOCKERFILE
        await _click(pilot, screen, "copies")
        assert "--no-cache-dir" in pilot.app.clipboard
        await _click(pilot, screen, "writes")
        assert "--no-cache-dir" in Path("Dockerfile").read_text()
        screen = await _reopen(pilot)
        await _click(pilot, screen, "closes")
        screen = await _reopen(pilot)
        await pilot.click(offset=(1, 1))
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)


async def _reopen(pilot: Pilot[Any]) -> WriteFixesScreen:
    assert isinstance(pilot.app.screen, MainScreen)
    await pilot.press("w")
    await settled(pilot)
    assert isinstance(pilot.app.screen, WriteFixesScreen)
    return pilot.app.screen


async def _click(pilot: Pilot[Any], screen: WriteFixesScreen, word: str) -> None:
    """Click the hint with a word."""
    hints = list(screen.query(PaneTitle))[-1]
    line = "".join(segment.text for segment in hints.render_line(0))
    await pilot.click(hints, offset=(line.index(word), 0))
    await settled(pilot)


async def test_long_lines_can_be_read() -> None:
    """The arrow keys scroll sideways."""
    run = "RUN pip install x && echo " + "long" * 60
    Path("Dockerfile").write_text(f"FROM debian\n{run}\n")
    steps = [
        ("RUN /bin/sh -c pip install x && echo " + "long" * 60 + " # buildkit", STEPS[1][1] or ())
    ]
    image(Path("image.tar"), steps)
    async with with_dockerfile().run_test(size=(80, 24)) as pilot:
        screen = await dialog(pilot, 0)
        assert "+ RUN pip install --no-cache-dir" in shown(pilot)
        await pilot.press(*["right"] * 4)
        await settled(pilot)
        assert not any("RUN" in line.text for line in map(screen.rows.render_line, range(6)))
        assert screen.rows.has_focus


async def test_secrets_are_masked_only_on_the_screen() -> None:
    """Secrets are masked on screen, but not in the copied patch."""
    image(Path("image.tar"), [("ENV TOKEN=hunter2hunter2", None), STEPS[1]])
    Path("Dockerfile").write_text("FROM debian\nENV TOKEN=hunter2hunter2\nRUN pip install x\n")
    async with with_dockerfile().run_test(size=WIDE) as pilot:
        view = await findings(pilot)
        view.list.select(number_of(view.session, "pip-cache"))
        await pilot.press("w")
        await settled(pilot)
        assert "TOKEN=***" in shown(pilot)
        assert "hunter2" not in shown(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert "TOKEN=hunter2hunter2" in pilot.app.clipboard


def test_shell_is_parsed_only_for_the_dialog(tmp_path: Path) -> None:
    """The parser is not imported until the dialog is opened, even in Findings."""
    code = """
import asyncio, sys
from pathlib import Path
from tests.tui.test_write_fixes import dialog, findings, without_dockerfile

async def main():
    async with without_dockerfile().run_test(size=(120, 40)) as pilot:
        await findings(pilot, 1)
        print("tree_sitter" in sys.modules, "layerscope.report.patch" in sys.modules)
        await pilot.press("space")
        await dialog(pilot, 1)
        print("tree_sitter" in sys.modules)

asyncio.run(main())
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"PYTHONPATH": str(root), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.split() == ["False", "False", "True"]


HOSTILE_PATH = "\x1b]0;t\x07[b]\u202e"


async def test_names_never_act_on_the_terminal() -> None:
    """Control characters in paths and in the Dockerfile are escaped."""
    folder = Path(HOSTILE_PATH)
    folder.mkdir()
    place = folder / "Dockerfile"
    place.write_text("FROM debian\n# \x1b[31m[/b] \u202e\nRUN pip install x\n")
    steps = [("RUN /bin/sh -c pip install x # buildkit", STEPS[1][1] or ())]
    image(Path("image.tar"), steps)
    app = explorer(Path("image.tar"), rules={}, dockerfile=read_dockerfile(place))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await dialog(pilot, 0)
        assert not set(shown(pilot)) & {"\x1b", "\x07", "\u202e"}
        assert "31m[/b]" in shown(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert "--no-cache-dir" in place.read_text()
        assert not set(shown(pilot) + notifications(pilot)) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
@pytest.mark.parametrize("colors", ["xterm-256color", "xterm"], ids=["256", "16"])
def test_in_a_terminal(tmp_path: Path, colors: str) -> None:
    """Fixes are marked and written in a real terminal, also with 16 colours."""
    home = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    home["LAYERSCOPE_CACHE_DIR"] = str(tmp_path / "cache")
    command = layerscope("image.tar", "--dockerfile", "Dockerfile")
    environment = {**home, "TERM": colors, "COLORTERM": ""}
    with terminal(command, width=80, height=24, environment=environment) as screen:
        screen.wait_for("3.8 MB avoidable")
        screen.wait_for(" ok")
        screen.keys("8")
        screen.wait_for("pip cache left")
        screen.keys("h", "Space")
        screen.wait_for("with 3 fixes")
        screen.keys("w")
        screen.wait_for("+ RUN pip install --no-cache-dir x")
        assert "Write 3 fixes · 3.8 MB less" in screen.text()
        screen.keys("Enter")
        screen.wait_for("Fixes written")
        assert Path("Dockerfile").read_text() == PATCHED
        assert Path(".dockerignore").read_text() == "**/.git\n"
        screen.keys("C-q")
        screen.wait_for("exit 0")


def _picture(
    *ticked: int, theme: str = "dark", then: tuple[str, ...] = ()
) -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = f"layerscope-{theme}"
        await dialog(pilot, *ticked)
        await pilot.press(*then)
        await settled(pilot)

    return prepare


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 48)], ids=["80", "100", "160"])
def test_screen(size: tuple[int, int], snap_compare: Any) -> None:
    """The patch of the image's own Dockerfile."""
    assert snap_compare(with_dockerfile(), terminal_size=size, run_before=_picture(GIT, PIP, APT))


def test_screen_light(snap_compare: Any, demo_image: Path) -> None:
    """A patch of the restored Dockerfile, with findings left out, and the field for its name."""
    assert snap_compare(
        explorer(demo_image, rules={}),
        terminal_size=(100, 30),
        run_before=_picture(0, 1, 2, 3, theme="light", then=("G", "w")),
    )


def test_screen_without_colours(snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without colours, signs mark added and removed lines."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(with_dockerfile(), terminal_size=(80, 24), run_before=_picture(PIP, APT))


def test_screen_in_the_colours_of_the_terminal(snap_compare: Any) -> None:
    """The dialog in the terminal's own colours."""

    async def ansi(pilot: Pilot[Any]) -> None:
        pilot.app.theme = "ansi-dark"
        await dialog(pilot, PIP, APT)

    assert snap_compare(with_dockerfile(), terminal_size=(80, 24), run_before=ansi)


def test_screen_with_an_error(snap_compare: Any) -> None:
    """The error if the Dockerfile changed while the dialog was open."""

    async def changed(pilot: Pilot[Any]) -> None:
        screen = await dialog(pilot, PIP)
        Path("Dockerfile").write_text("FROM scratch\n")
        await pilot.press("enter")
        await settled(pilot)
        assert screen.query(Static)

    assert snap_compare(with_dockerfile(), terminal_size=(80, 24), run_before=changed)
