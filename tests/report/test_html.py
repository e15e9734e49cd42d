"""The HTML page: one file that loads nothing, runs nothing from the image, and stays small."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from layerscope.opening.open import Opened, Options
from layerscope.report import ReportOptions
from layerscope.text import safe_lines, safe_name
from tests.images import BLOCK, docker_archive, file, layer_tar, whiteout
from tests.report.hostile import NAMES, hostile
from tests.report.sample import opened, report, sample

_VOID = {"meta", "link", "br", "input"}
MAX_BYTES = 2_000_000


class Page(HTMLParser):
    """The elements of a page with their attributes, and the texts of some."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("evil") / "evil.tar", hostile(), Options(rules={}))


def page_of(image: Opened) -> Page:
    return Page(report(image, "html").decode())


def test_elements_are_nested_correctly_for_any_image(evil: Opened, tmp_path: Path) -> None:
    page_of(evil)
    page_of(opened(tmp_path / "sample.tar", sample(), Options(rules={})))
    page_of(opened(tmp_path / "none.tar", docker_archive([], history=[])))


def test_no_text_of_an_image_is_an_element_or_an_attribute(evil: Opened) -> None:
    page = page_of(evil)
    assert page.tags() <= {
        "html", "head", "meta", "title", "link", "style", "body", "main", "header", "div", "h1", "h2", "p", "button", "dl",
        "dt", "dd", "small", "section", "span", "details", "summary", "b", "ul", "li", "code", "pre", "del", "ins", "svg", "rect",
        "table", "thead", "tbody", "tr", "th", "td", "g", "text", "footer", "script", "br",
    }  # fmt: skip
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)


def test_names_are_shown_literally(evil: Opened) -> None:
    codes = page_of(evil).texts["code"]
    for name in NAMES:
        raw = name if isinstance(name, bytes) else name.encode()
        shown = "/gone/" + safe_name(raw.replace(b"/", b"\\"))
        assert (shown[:-1] + "\\x20" if shown.endswith(" ") else shown) in codes


def test_nothing_is_fetched_and_only_the_script_of_the_page_runs(evil: Opened) -> None:
    text = report(evil, "html").decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
        assert "http" not in content
        assert "url(" not in content
    for tag, attributes in page_of(evil).elements:
        assert attributes.get("href") in (None, "data:,"), tag


def test_every_finding_has_its_fix(evil: Opened) -> None:
    assert evil.findings is not None
    fixes = page_of(evil).texts["pre"]
    for finding in evil.findings.found:
        assert safe_lines(finding.fix) in fixes


def test_a_fix_is_shown_as_a_diff(demo_opened: Opened) -> None:
    """Comments that the diff does not show come above it; the whole fix is folded."""
    assert demo_opened.findings is not None
    page = page_of(demo_opened)
    changes = [finding for finding in demo_opened.findings.found if finding.difference]
    assert changes
    for finding in changes:
        shown = "\n".join([*finding.notes, finding.difference])
        assert safe_lines(shown) in page.texts["pre"]
        for tag, mark in (("del", "-"), ("ins", "+")):
            lines = [line for line in finding.difference.split("\n") if line.startswith(mark)]
            assert set(lines) <= set(page.texts.get(tag, []))
    assert len([words for words in page.texts["summary"] if words == "whole fix"]) == len(changes)


def test_figures_are_those_of_the_image(tmp_path: Path) -> None:
    page = page_of(opened(tmp_path / "sample.tar", sample(), Options(rules={})))
    figures = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert figures["stored"] == "26.5 kB"
    assert figures["wasted"] == "12.9 kB 48.6 %"
    assert figures["efficiency"] == "51.4 %"


def test_packages_and_unowned_directories_are_sortable_tables(tmp_path: Path) -> None:
    """Names of packages are escaped."""
    name = "</td><script>owned()</script>"
    members = [
        file("var/lib/dpkg/status", f"Package: {name}\nStatus: install ok installed\nVersion: 8\n".encode()),
        file("usr/share/x", b"c" * 3000),
    ]  # fmt: skip
    page = page_of(
        opened(tmp_path / "a.tar", docker_archive([layer_tar(members)]), Options(rules={}))
    )
    assert name in page.texts["code"]
    assert {"/usr/share", "/var/lib/dpkg"} <= set(page.texts["code"])
    assert "Packages" in page.texts["h2"]
    sortable = [each for tag, each in page.elements if tag == "table" and each]
    assert len(sortable) == 3
    assert sum(tag == "script" for tag, _ in page.elements) == 1


def test_the_headline_is_at_the_top(evil: Opened) -> None:
    page = page_of(evil)
    words = next(text for text in page.texts["p"] if " stored · " in text)
    assert " avoidable" in words
    assert page.texts["p"].index(words) < 2


def test_the_map_names_the_largest_files_and_their_layers(evil: Opened) -> None:
    titles = [text for text in page_of(evil).texts["title"] if "  layer " in text]
    assert any(re.fullmatch(r"/var/lib/apt  [\d.]+ kB  layer 1", text) for text in titles)


def test_sizes_can_be_in_powers_of_1024(evil: Opened) -> None:
    text = report(evil, "html", ReportOptions(binary_sizes=True)).decode()
    body = text[text.index("<main>") : text.index("<script>")]
    assert "KiB" in body
    assert not re.search(r">\d[\d.]* [kM]B<", body)


def test_a_large_image_shows_the_largest_rows_and_counts_the_rest(
    tmp_path: Path,
) -> None:
    many = [file(f"d/{number}", b"%d" % (number % 900) * 4) for number in range(3000)]
    copies = [file(f"e/{number}", b"%d" % (number % 900) * 4) for number in range(3000)]
    tar = docker_archive([layer_tar([*many, *copies]), layer_tar([whiteout("d")])])
    text = report(opened(tmp_path / "many.tar", tar), "html").decode()
    assert "… and 2,000 more files" in text
    assert len(text) < MAX_BYTES


def test_the_longest_names_do_not_make_a_large_page(tmp_path: Path) -> None:
    """This includes names that grow the most when they are escaped."""
    long = ["/".join(['"&<>\x1b\u202e' * 25] * 10) + f"/{number}" for number in range(1500)]
    layers = [
        layer_tar([file(name, b"%d" % (at // 2 + 10_000)) for at, name in enumerate(long)])
    ] * 3
    history: list[dict[str, object]] = [
        {"created_by": 'RUN /bin/sh -c "' + "&& \"'<>&" * 5000} for _ in range(3)
    ]
    history += [{"created_by": "ENV X=" + '"&<>' * 500, "empty_layer": True} for _ in range(3000)]
    tar = docker_archive(layers, history=history, tags=('"&<>' * 500,))
    image = opened(tmp_path / "long.tar", tar, Options(rules={}))
    assert 100_000 < len(report(image, "html")) < MAX_BYTES


def test_damage_is_reported_at_the_top(tmp_path: Path) -> None:
    cut = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])[: 4 * BLOCK]
    text = report(opened(tmp_path / "cut.tar", docker_archive([cut])), "html").decode()
    assert text.index("Layer 0 is damaged at byte") < text.index('class="figures"')


def test_the_same_image_gives_the_same_bytes(evil: Opened, tmp_path: Path) -> None:
    again = opened(tmp_path / "evil.tar", hostile(), Options(rules={}))
    assert report(again, "html") == report(evil, "html")
