"""The documentation as a site: it is built without warnings, and loads nothing from other hosts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from layerscope.site import SITE
from tests.docs.json_schemas import FOLDER
from tests.docs.page import DOCS, ROOT

_PAGES_OUTSIDE = ("CHANGELOG", "CONTRIBUTING", "SECURITY", "bench")


class _Links(HTMLParser):
    """The resources, links and anchors of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a":
            self.links.append(values.get("href", ""))
        elif tag == "link" and values.get("rel") in ("canonical", "next", "prev"):
            return
        else:
            self.loaded += [values[name] for name in ("src", "href") if name in values]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; `strict` turns warnings into errors, such as missing pages, links or anchors."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    """These are the pages of docs/ and those outside of it."""
    names = [path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")]
    for name in (*names, *map(Path, _PAGES_OUTSIDE)):
        page = site if name == Path("index") else site / name
        assert (page / "index.html").is_file(), name


def test_no_other_host_is_used(site: Path) -> None:
    """Pages and styles load fonts, scripts, styles and pictures only from the site."""
    for page in site.rglob("*.html"):
        for target in _Links(page).loaded:
            assert not urlsplit(target).netloc, f"{page}: {target}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text()), style


def test_links_have_targets(site: Path) -> None:
    """Every link within the site is resolved as a browser does, with its anchor; pictures, too."""
    pages = {page.resolve(): _Links(page) for page in site.rglob("*.html")}
    for page, parsed in pages.items():
        if page.name == "404.html":
            continue  # its links begin with the address of the site
        for target in (*parsed.links, *parsed.loaded):
            url = urlsplit(target)
            if url.scheme or target == "":
                continue
            goal = (page.parent / unquote(url.path)).resolve() if url.path else page
            goal = goal / "index.html" if goal.is_dir() else goal
            assert goal.is_file(), f"{page.relative_to(site)}: {target}"
            if url.fragment and goal in pages:
                assert unquote(url.fragment) in pages[goal].anchors, f"{page}: {target}"


def test_schemas_are_at_their_address(site: Path) -> None:
    """Each is at its `$id`."""
    for path in FOLDER.iterdir():
        address = json.loads(path.read_bytes())["$id"]
        assert (site / address.removeprefix(SITE)).read_bytes() == path.read_bytes()


def test_the_cast_is_played(site: Path) -> None:
    """The first page plays it with a player from the site."""
    text = (site / "index.html").read_text()
    assert "AsciinemaPlayer.create" in text
    assert (site / "first-minute.cast").read_bytes() == (DOCS / "first-minute.cast").read_bytes()
