"""Markdown: it fits a comment, shows names literally, and turns no text of an image into a mention, link or picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from layerscope.opening.open import Opened, Options
from layerscope.report.markdown import LIMIT, MARK
from layerscope.report.markdown_text import code, fenced, plain, prose
from layerscope.text import safe_lines, safe_name
from tests.images import docker_archive, file, layer_tar, whiteout
from tests.report import golden
from tests.report.hostile import NAMES, hostile
from tests.report.sample import opened, report, sample

READER = MarkdownIt("gfm-like", {"html": True})


class Page(HTMLParser):
    """The elements of a page, its text outside of code, and each piece of code."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.codes: list[str] = []
        self._open: list[str] = []
        self.feed(READER.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "code":
            self.codes.append("")
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.codes[-1] += data
        else:
            self.words += data


OURS = {"h3", "h4", "table", "thead", "tbody", "tr", "th", "td", "p", "sub", "b", "ul", "li", "code", "pre", "details",
        "summary", "blockquote", "strong"}  # fmt: skip


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("evil") / "evil.tar", hostile(), Options(rules={}))


def test_the_report_is_as_it_was_last_reviewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    golden.check("sample.md", report(opened(Path("sample.tar"), sample()), "markdown"))


def test_the_first_line_is_the_mark_for_scripts(evil: Opened) -> None:
    assert report(evil, "markdown").decode().startswith(f"{MARK}\n\n### ")


def test_names_are_shown_literally(evil: Opened) -> None:
    codes = Page(report(evil, "markdown").decode()).codes
    for name in NAMES[:3]:
        raw = name if isinstance(name, bytes) else name.encode()
        assert "/var/lib/apt/lists/" + safe_name(raw.replace(b"/", b"\\")) in codes


def test_no_text_of_an_image_is_an_element_a_link_or_a_picture(evil: Opened) -> None:
    tags = set(Page(report(evil, "markdown").decode()).tags)
    assert tags <= OURS


def test_no_text_of_an_image_is_a_mention_or_a_reference(evil: Opened) -> None:
    """GitHub looks for them in text, but not in code."""
    words = Page(report(evil, "markdown").decode()).words
    assert not re.search(r"(?<![\w])@\w|#\d|\bGH-\d|https?://|:\w+:", words)


def test_every_finding_has_its_fix_as_a_block(evil: Opened) -> None:
    assert evil.findings is not None
    codes = [piece.rstrip("\n") for piece in Page(report(evil, "markdown").decode()).codes]
    for finding in evil.findings.found:
        changes = "\n".join([*finding.notes, finding.difference])
        assert safe_lines(changes if finding.difference else finding.fix) in codes


def test_tables_keep_their_columns(evil: Opened) -> None:
    for line in READER.render(report(evil, "markdown").decode()).split("<tr>")[1:]:
        cells = line.count("<td") or line.count("<th")
        assert cells == 5


def test_a_comment_fits_the_limit_of_github(tmp_path: Path) -> None:
    long = "é" * 120
    layers = [
        layer_tar([file(f"{number}/{long}/{long}", b"%d" % number * 9000) for number in range(40)])
        for _ in range(2)
    ]
    layers += [layer_tar([whiteout(str(number))]) for number in range(40)]
    history: list[dict[str, object]] = [
        {"created_by": f"RUN /bin/sh -c {long}{long} '`|`' # buildkit"} for _ in layers
    ]
    history += [{"created_by": f"ENV X={long}{long}|", "empty_layer": True} for _ in range(400)]
    image = opened(
        tmp_path / "long.tar", docker_archive(layers, history=history), Options(rules={})
    )
    written = report(image, "markdown")
    assert 30_000 < len(written) <= LIMIT
    assert "more steps" in written.decode()
    assert written.decode().count("<details>") == written.decode().count("</details>")


def test_the_same_image_gives_the_same_bytes(evil: Opened, tmp_path: Path) -> None:
    again = opened(tmp_path / "evil.tar", hostile(), Options(rules={}))
    assert report(again, "markdown") == report(evil, "markdown")


TEXTS = st.lists(
    st.sampled_from([*"ab1 `|\\*_<>&#@!:/~[]()-+.\n{}$%^\"'=", ".co", "www.", "://"])
    | st.characters(),
    max_size=20,
).map("".join)


@given(TEXTS)
def test_code_shows_any_text_literally_even_in_a_table(text: str) -> None:
    safe = safe_name(text)
    page = Page(f"| a | b |\n|---|---|\n| {code(safe)} | x |")
    if safe.strip():
        assert page.codes == [safe]
    assert page.words.split() == ["a", "b", "x"]


ADDRESSES = (
    "0.GL",
    "setup.py",
    "//a.b",
    "www.a.co",
    "http://a.co",
    "git://a",
    "a@b.co",
    "xmpp:a.c@b.co/d",
    "пример.рф",
)


@pytest.mark.parametrize("text", [*ADDRESSES, *(f"{text}|" for text in ADDRESSES), "smb://a|b.co"])
@pytest.mark.parametrize("shown", [plain, prose, code])
def test_no_address_becomes_a_link(shown: Callable[[str], str], text: str) -> None:
    page = Page(f"x {shown(text)} x")
    assert "a" not in page.tags
    said = "".join(page.codes) if shown is code else page.words.strip().removeprefix("x ").removesuffix(" x")  # fmt: skip
    assert said.replace("\u2060", "") == text


@given(TEXTS)
def test_plain_text_is_shown_literally(text: str) -> None:
    page = Page(f"x {plain(text)} x")
    assert set(page.tags) <= {"p"}
    assert " ".join(page.words.replace("\u2060", "").split()) == " ".join(
        f"x {safe_name(text)} x".split()
    )
    assert not re.search(r"(?<!\w)@\w|#\d|https?://", page.words)


@given(TEXTS)
@example("0.GL")
@example("`a`.co")
@example("www.a.co")
@example("http://a.co")
@example("a@b.co")
def test_prose_has_code_between_backticks_and_no_other_markup(text: str) -> None:
    assert set(Page(f"x {prose(text)} x").tags) <= {"p", "code"}


@given(TEXTS)
def test_no_text_ends_a_block_of_code(text: str) -> None:
    safe = safe_lines(text)
    page = Page(fenced(safe, "dockerfile"))
    assert page.tags == ["pre", "code"]
    assert page.codes == [safe + "\n"]
