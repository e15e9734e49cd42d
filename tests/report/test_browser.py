"""The HTML page in a real browser: it loads without errors, sorts, folds, and fits a phone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from tests.images import write
from tests.report.browser import PROGRAM, Browser, browser
from tests.report.hostile import TITLE, hostile
from tests.report.sample import report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here"),
]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(demo_image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the bundled image and of the hostile one."""
    folder = tmp_path_factory.mktemp("pages")
    images = {"demo": demo_image, "hostile": write(folder / "hostile.tar", hostile())}
    return {
        name: write(
            folder / f"{name}.html",
            report(open_image(Request(str(path)), Options(rules={})), "html"),
        )
        for name, path in images.items()
    }


@pytest.mark.parametrize("name", ["demo", "hostile"])
def test_the_page_loads_without_errors_or_requests(
    tab: Browser, pages: dict[str, Path], name: str
) -> None:
    tab.open(pages[name])
    tab.run("new Promise(done => setTimeout(done, 200))")
    assert tab.complaints == []
    assert [each for each in tab.requests if not each.startswith("data:")] == [pages[name].as_uri()]


def test_the_browser_reports_blocked_scripts(
    tab: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    """The policy of the page blocks scripts that escaping missed, and the test would see the report."""
    text = pages["hostile"].read_text()
    bad = text.replace("</main>", "</main><script>document.title='owned'</script>")
    tab.open(write(tmp_path / "bad.html", bad.encode()))
    assert tab.run("document.title") != "owned"
    assert any("Content Security Policy" in each for each in tab.complaints)


def test_a_hostile_title_is_shown_as_text(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["hostile"])
    assert tab.run("document.title") == f"{TITLE} · layerscope"
    assert tab.run("document.querySelector('h1').textContent") == TITLE


def test_tables_sort_by_their_numbers(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["demo"])
    table = "[...document.querySelectorAll('table.sortable')].find(t => t.textContent.includes('wasted'))"
    sizes = f"[...{table}.tBodies[0].rows].map(row => Number(row.cells[1].dataset.v))"
    first = tab.run(sizes)
    press = f"{table}.tHead.rows[0].cells[1].querySelector('button').click()"
    tab.run(press)
    assert tab.run(sizes) == sorted(first, reverse=True)
    assert tab.run(f"{table}.tHead.rows[0].cells[1].getAttribute('aria-sort')") == "descending"
    tab.run(press)
    assert tab.run(sizes) == sorted(first)
    tab.run(press)
    assert tab.run(sizes) == first


def test_a_long_table_is_folded_and_filtered(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["demo"])
    section = "[...document.querySelectorAll('section')].find(s => s.querySelector('h2').textContent === 'Waste')"
    shown = f"[...{section}.querySelectorAll('tbody tr')].filter(r => r.offsetParent).length"
    assert tab.run(shown) == 50
    tab.run(
        f"(() => {{ const field = {section}.querySelector('.find'); field.value = 'debconf';"
        "field.dispatchEvent(new Event('input')); })()"
    )
    rows = f"[...{section}.querySelectorAll('tbody tr')].filter(r => r.offsetParent).map(r => r.textContent)"
    shown_rows = tab.run(rows)
    assert 0 < len(shown_rows) < 50
    assert all("debconf" in row for row in shown_rows)


def test_colours_follow_the_system_until_chosen(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["demo"])
    tab.run("localStorage.clear()")
    tab.open(pages["demo"])
    color = "getComputedStyle(document.body).backgroundColor"
    tab.look(800, dark=True)
    dark = tab.run(color)
    tab.look(800, dark=False)
    light = tab.run(color)
    assert dark != light
    tab.run("document.getElementById('theme').click()")
    tab.look(800, dark=True)
    assert tab.run(color) == light
    tab.run("document.getElementById('theme').click()")
    assert tab.run(color) == dark
    tab.open(pages["demo"])
    assert tab.run("document.documentElement.dataset.theme") == "dark"
    tab.run("localStorage.clear()")


def test_a_fix_is_copied_with_one_click(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["demo"])
    tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])  # fmt: skip
    assert tab.run("document.querySelector('.copy').hidden") is False
    tab.run("document.querySelector('.copy').click()")
    label = "new Promise(done => setTimeout(() => done(document.querySelector('.copy').textContent), 300))"
    assert tab.run(label) == "copied"


def test_the_whole_fix_can_be_copied_beside_its_diff(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["demo"])
    tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])  # fmt: skip
    fix = "document.querySelector('.difference').parentElement"
    whole_fix = tab.run(f"{fix}.querySelector('.whole').textContent")
    tab.run(f"{fix}.querySelector('.copy').click()")
    read = "new Promise(done => setTimeout(() => done(navigator.clipboard.readText()), 300))"
    assert tab.run(read) == whole_fix
    assert not whole_fix.startswith(("-", "+", " "))


def test_the_map_describes_the_tile_under_the_pointer(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["demo"])
    tab.run(
        "document.querySelector('.map.large g rect').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert tab.run("document.getElementById('pointed').textContent").startswith("/usr  ")


@pytest.mark.parametrize("name", ["demo", "hostile"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_wider_than_the_window(
    tab: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    tab.open(pages[name])
    for dark in (False, True):
        picture = tab.look(width, dark=dark, phone=width < 500)
        assert struct.unpack(">I", picture[16:20])[0] == width
        assert tab.run("document.documentElement.scrollWidth") <= width
