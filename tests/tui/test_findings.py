"""Findings: grouped, with fix and files; ticked ones count as fixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerscope.tui.app import LayerscopeApp
from layerscope.tui.screens.findings import FindingsView
from tests.images import CREATED, Member, docker_archive, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, number_of, screen_text, settled

KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
STEPS: list[tuple[str, list[Member]]] = [
    ("/bin/sh -c #(nop) ADD file:abc in / ", [file("var/lib/apt/lists/base", b"b" * 150_000)]),
    ('/bin/sh -c #(nop)  CMD ["sh"]', []),
    (
        "/bin/sh -c apt-get update && pip install flask",
        [
            file("var/lib/apt/lists/main", b"l" * 300_000),
            file("root/.cache/pip/1", b"p" * 200_000),
        ],
    ),
    ("COPY . /srv # buildkit", [file("srv/id_rsa", KEY), file("srv/data.bin", b"d" * 400_000)]),
    ("/bin/sh -c rm /srv/data.bin", [whiteout("srv/data.bin")]),
]


def app_of(folder: Path, steps: list[tuple[str, list[Member]]] = STEPS) -> LayerscopeApp:
    """The explorer on an image of these steps; the second one is metadata."""
    history = [
        {"created": CREATED, "created_by": command} | ({} if members else {"empty_layer": True})
        for command, members in steps
    ]
    layers = [layer_tar(members) for _, members in steps if members]
    path = write(folder / "image.tar", docker_archive(layers, history=history))
    return explorer(path, rules={})


def view_of(app: LayerscopeApp) -> FindingsView:
    """The Findings view, which must be on screen."""
    assert app.main is not None
    view = app.main.view
    assert isinstance(view, FindingsView)
    return view


def lines(pilot: Any) -> list[str]:
    """The lines on screen."""
    return screen_text(pilot.app)


def shown(pilot: Any) -> str:
    """The name of the view on screen."""
    return str(pilot.app.main.view.id)


async def opened(pilot: Any) -> FindingsView:
    """Load the image and open Findings."""
    await loaded(pilot)
    await pilot.press("8")
    await settled(pilot)
    return view_of(pilot.app)


async def test_findings_are_grouped_by_severity_with_those_of_the_base_apart(
    tmp_path: Path,
) -> None:
    """Secrets come first, then the largest savings, and findings of the base image last."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        rows = [line for line in lines(pilot)[3:] if "Findings ·" not in line]
        order = [
            next(n for n, line in enumerate(rows) if words in line)
            for words in (
                "secrets",
                "Private key",
                "avoidable",
                "Added in layer 2, deleted in layer 3",
                "APT package lists left in the image",
                "pip cache left in",
                "base image",
            )
        ]
        assert order == sorted(order)


async def test_the_fix_and_the_files_of_the_finding_under_the_cursor_are_shown(
    tmp_path: Path,
) -> None:
    """The fix and the files below the list follow the cursor."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("j", "j", "j")
        await settled(pilot)
        assert view.list.number == 2
        text = "\n".join(lines(pilot))
        assert "&& rm -rf /var/lib/apt/lists/main" in text
        assert "/var/lib/apt/lists/main" in text


async def test_a_ticked_finding_changes_the_header(tmp_path: Path) -> None:
    """Space marks a finding as fixed, or unmarks it; on a group, all of its findings."""
    async with app_of(tmp_path).run_test(size=(160, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("j", "j")
        await pilot.press("space")
        await settled(pilot)
        head = lines(pilot)[0]
        assert "1.1 MB stored → 650 kB with 1 fix, 400 kB less" in head
        await pilot.press("space")
        await settled(pilot)
        assert "wasted" in lines(pilot)[0]
        await pilot.press("h", "space")
        await settled(pilot)
        assert view.session.fixed == {1, 2, 3}
        assert "with 3 fixes" in lines(pilot)[0]


async def test_b_groups_by_instruction_and_by_rule(tmp_path: Path) -> None:
    """`b` cycles through the groupings, and the cursor stays on its finding."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("j", "j", "j")
        number = view.list.number
        for title in ("RUN apt-get update && pip install flask", "apt-lists"):
            await pilot.press("b")
            await settled(pilot)
            assert view.list.number == number
            assert any(title in line for line in lines(pilot)), title


async def test_enter_leads_to_the_files_and_from_there_into_the_tree(tmp_path: Path) -> None:
    """Enter on a file that a later layer deleted shows it in the layer that stored it."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("j", "j", "enter")
        await settled(pilot)
        assert view.files.has_focus
        await pilot.press("enter")
        await settled(pilot)
        assert shown(pilot) == "explore"
        assert any("data.bin" in line for line in lines(pilot))


async def test_escape_leads_back_to_the_list_and_then_out(tmp_path: Path) -> None:
    """Esc in the fix returns to the list, and from the list to Explore."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("tab", "escape")
        assert view.list.has_focus
        await pilot.press("escape")
        await settled(pilot)
        assert shown(pilot) == "explore"


async def test_y_copies_the_fix(tmp_path: Path) -> None:
    """`y` copies the text of the fix."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("j", "j", "j", "y")
        await settled(pilot)
        assert "rm -rf /var/lib/apt/lists/main" in pilot.app.clipboard


async def test_findings_of_the_base_move_with_its_end(tmp_path: Path) -> None:
    """If the user moves the end of the base image away, no finding belongs to the base."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        before = [group.key for group in view.list.groups]
        assert before[-1] == "base"
        await pilot.press("1", *["<"] * 5, "8")
        await settled(pilot)
        assert "base" not in [group.key for group in view.list.groups]


async def test_an_image_without_findings_shows_a_message(tmp_path: Path) -> None:
    """The list shows a message if there are no findings."""
    async with app_of(tmp_path, [("COPY x /", [file("x", b"x")])]).run_test() as pilot:
        await opened(pilot)
        assert any("No findings." in line for line in lines(pilot))


async def test_the_fix_is_shown_as_a_difference(tmp_path: Path) -> None:
    """Removed and added lines are shown; `D` switches to the whole fix, which `y` always copies."""
    async with app_of(tmp_path).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot)
        await pilot.press("j", "j", "j")
        await settled(pilot)
        text = "\n".join(lines(pilot))
        assert "- RUN apt-get update && pip install flask" in text or "-     && pip" in text
        assert "+     && rm -rf /var/lib/apt/lists/main" in text
        assert "D: whole fix" in text
        await pilot.press("D")
        await settled(pilot)
        text = "\n".join(lines(pilot))
        assert "D: difference" in text
        assert " RUN apt-get update \\" in text
        assert "+     && rm" not in text
        await pilot.press("D", "y")
        await settled(pilot)
        findings = view.session.findings
        assert findings is not None
        assert pilot.app.clipboard == findings.found[2].fix


async def test_a_fix_in_words_has_no_difference(demo_image: Path) -> None:
    """A fix that is only described in words has no difference, and `D` notifies."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        view = await opened(pilot)
        view.list.select(number_of(view.session, "compilers"))
        await settled(pilot)
        text = "\n".join(lines(pilot))
        assert "nothing in this step uses build-essential" in text
        assert "D: whole fix" not in text
        await pilot.press("D")
        await settled(pilot)
        assert [one.message for one in pilot.app._notifications] == [
            "There is no difference to show: this fix is described in words."
        ]


async def test_long_lines_of_a_difference_are_wrapped(tmp_path: Path) -> None:
    """Continuation lines are indented, so that only first lines begin with a sign."""
    steps = [("RUN /bin/sh -c pip install " + "flask " * 40 + "# buildkit", STEPS[2][1])]
    async with app_of(tmp_path, steps).run_test(size=(80, 24)) as pilot:
        view = await opened(pilot)
        view.list.select(1)
        await pilot.press("tab", "pagedown")
        await settled(pilot)
        shown = [line[1:48].rstrip() for line in lines(pilot)[17:-1]]
        assert shown[0].startswith(("    flask", "+ RUN"))
        assert {line[:9] for line in shown if "flask" in line} <= {
            "    flask",
            "+ RUN pip",
            "- RUN pip",
        }


async def test_differences_are_coloured_in_the_terminals_own_colours(demo_image: Path) -> None:
    """Removed and added lines are red and green of the terminal's palette."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=(120, 40)) as pilot:
        app.theme = "ansi-dark"
        view = await opened(pilot)
        for number in range(8):
            view.list.select(number)
            await settled(pilot)
        view.list.select(number_of(view.session, "rewritten-for-attributes"))
        await settled(pilot)
        strips = app.screen._compositor.render_strips()
        colors = {
            segment.text.strip()[:1]: segment.style.color
            for strip in strips
            for segment in strip
            if segment.style is not None and segment.text.startswith(("- ", "+ "))
        }
        assert {mark: color and color.number for mark, color in colors.items()} == {
            "-": 1,
            "+": 2,
        }


HOSTILE: list[tuple[str, list[Member]]] = [
    (
        "/bin/sh -c [bold]make[/bold] \x1b[31m",
        [
            file(b"tmp/[red]\x1b]0;evil\x07\xff/" + "\u202e文書".encode(), b"x" * 150_000),
            file("tmp/" + "n" * 200, b"y" * 160_000),
        ],
    )
]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 48)])
def test_screen(size: tuple[int, int], tmp_path: Path, snap_compare: Any) -> None:
    """The view at three sizes."""
    assert snap_compare(app_of(tmp_path), terminal_size=size, run_before=opened)


def test_screen_light(tmp_path: Path, snap_compare: Any) -> None:
    """The light theme, with a finding marked as fixed."""

    async def light(pilot: Any) -> None:
        await opened(pilot)
        pilot.app.theme = "layerscope-light"
        await pilot.press("j", "space")
        await settled(pilot)

    assert snap_compare(app_of(tmp_path), terminal_size=(120, 30), run_before=light)


def test_screen_hostile(tmp_path: Path, snap_compare: Any) -> None:
    """Names and instructions that would act on a terminal are escaped."""
    assert snap_compare(app_of(tmp_path, HOSTILE), terminal_size=(80, 24), run_before=opened)


def test_screen_without_colours(
    tmp_path: Path, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without colours, glyphs show the severity."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app_of(tmp_path), terminal_size=(80, 24), run_before=opened)
