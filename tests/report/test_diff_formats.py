"""Comparisons in all formats: new risks come first, comments fit, and no name becomes markup or a command."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from layerscope.analysis.compare.comparison import Comparison, compare
from layerscope.opening.open import Opened, Options
from layerscope.report import DIFF_FORMATS, ReportOptions, diff_writer_of
from layerscope.report.markdown import LIMIT
from layerscope.text import safe_name
from tests.analysis.compare.comparing import Layers, side
from tests.images import docker_archive, file, layer_tar
from tests.report.diff_sample import new_image, old_image, risky_image
from tests.report.hostile import COMMAND, NAMES, TITLE, hostile
from tests.report.sample import opened
from tests.report.test_html import Page as HtmlPage
from tests.report.test_markdown import OURS, Page
from tests.strategies import wild_layers

Pair = tuple[Opened, Opened, Comparison]


def compared(folder: Path, old: bytes, new: bytes) -> Pair:
    """Two images and their comparison."""
    first = opened(folder / "old.tar", old, Options(rules={}))
    second = opened(folder / "new.tar", new, Options(rules={}))
    return first, second, compare(first, second)


def written(pair: Pair, form: str) -> str:
    stream = io.BytesIO()
    diff_writer_of(form)(*pair, stream, ReportOptions())
    return stream.getvalue().decode()


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return compared(tmp_path_factory.mktemp("risky"), old_image(), risky_image())


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A comparison of two hostile images."""
    folder = tmp_path_factory.mktemp("evil")
    command = COMMAND.removeprefix("RUN /bin/sh -c ").removesuffix(" # buildkit")
    names = [name for name in NAMES if len(name) < 200]
    return compared(folder, hostile(), risky_image(*names, title=TITLE, command=command))


def test_new_risks_come_before_all_figures(risky: Pair) -> None:
    for form, last in (("text", "efficiency"), ("markdown", "| stored |"), ("html", "Steps")):
        text = written(risky, form)
        text = text[text.index("<h2>") :] if form == "html" else text
        places = [text.index(words) for words in ("1 new secret", "/keys/x.pem", "/bin/x")]
        assert places == sorted(places)
        assert places[-1] < text.index(last)


def test_the_order_after_that_is_size_findings_config(risky: Pair) -> None:
    for form, words in (
        ("text", ("\nSteps", "\nFiles", "\nPackages", "\nFindings  1 new", "\nConfig")),
        ("markdown", ("<b>Steps", "<b>Packages", "<b>Directories", "1 new finding", "<b>Config")),
        ("html", ("<h2>Steps", "<h2>Packages", "<h2>Directories", "<h2>1 new finding", "<h2>Config")),
    ):  # fmt: skip
        text = written(risky, form)
        places = [text.index(word) for word in words]
        assert places == sorted(places)


def test_json_has_new_secrets_and_setuid_files(risky: Pair) -> None:
    document = json.loads(written(risky, "json"))
    (secret,) = document["secrets"]
    assert (secret["rule"], secret["path"]) == ("secret-private-key", "keys/x.pem")
    assert document["setuid"] == [{"path": "bin/x", "bits": 0o4000, "layer": 2}]
    assert [each["rule"] for each in document["findings"]["new"]] == ["apt-lists"]


def test_annotations_are_errors_for_risks_and_a_notice_as_summary(risky: Pair) -> None:
    lines = written(risky, "github").splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert [re.match("::[a-z]+ title=[^:%,]*", line)[0] for line in commands] == [  # type: ignore[index]
        "::error title=New secret",
        "::error title=New setuid or setgid file",
        "::notice title=demo",
        "::warning title=APT package lists left in the image [apt-lists]",
    ]
    assert "1 new secret · 1 new setuid file%0ADifferences" in commands[2]
    assert all(line.startswith("layerscope: ") for line in lines if line not in commands)


def test_every_format_says_that_images_are_equal(tmp_path: Path) -> None:
    pair = compared(tmp_path, new_image(), new_image())
    for form in DIFF_FORMATS:
        text = written(pair, form)
        assert "No differences." in text or json.loads(text)["differ"] is False


# --- Hostile names --------------------------------------------------------------------------------


def test_markdown_has_no_element_link_or_mention_of_an_image(evil: Pair) -> None:
    page = Page(written(evil, "markdown"))
    assert set(page.tags) <= OURS | {"br"}
    assert not re.search(r"(?<![\w])@\w|#\d|\bGH-\d|https?://|:\w+:", page.words)


def test_markdown_shows_names_literally(evil: Pair) -> None:
    codes = Page(written(evil, "markdown")).codes
    for name in NAMES[:3]:
        raw = name if isinstance(name, bytes) else name.encode()
        assert "/bin/" + safe_name(raw.replace(b"/", b"\\")) in codes


def test_markdown_tables_keep_their_columns(evil: Pair) -> None:
    text = written(evil, "markdown")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [re.sub(r"`[^`|]*`", "", row).count("|") for row in table.splitlines()]
        assert len(set(rows)) == 1, table


def test_html_has_no_element_or_attribute_of_an_image(evil: Pair) -> None:
    page = HtmlPage(written(evil, "html"))
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert "img" not in page.tags()
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
    assert TITLE in page.texts["title"][0]


def test_log_lines_are_not_commands(evil: Pair) -> None:
    """All annotations are written by us, and no name ends one."""
    lines = written(evil, "github").splitlines()
    for line in lines:
        assert re.match(r"::(?:error|warning|notice) title=|layerscope: ", line)
        assert "##[" not in line
    ours = [line for line in lines if line.startswith("::error title=New secret::")]
    assert len(ours) == 10


@pytest.mark.parametrize("form", DIFF_FORMATS)
def test_no_format_controls_the_terminal(evil: Pair, form: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", written(evil, form))


@pytest.mark.parametrize("form", DIFF_FORMATS)
def test_secrets_of_the_config_are_masked(tmp_path: Path, form: str) -> None:
    if form == "json":
        pytest.skip("JSON holds the config as recorded")
    token = "ghp_" + "a1B2" * 9
    layer = [layer_tar([file("a", b"a")])]
    new = docker_archive(
        layer,
        config={"config": {"Env": [f"GITHUB_TOKEN={token}"]}},
        history=[{"created_by": "x"}, {"created_by": f"ENV GITHUB_TOKEN={token}", "empty_layer": True}],
    )  # fmt: skip
    assert token not in written(compared(tmp_path, docker_archive(layer), new), form)


# --- Sizes ----------------------------------------------------------------------------------------


def test_a_comment_fits_the_limit_of_github_and_counts_what_is_left_out(
    tmp_path: Path,
) -> None:
    long = "é" * 120
    layers = [
        layer_tar([file(f"{number}/{long}/{long}", b"%d" % number * 9000) for number in range(60)]),
        layer_tar([file(f"bin/{number}{long}", b"x", mode=0o4755) for number in range(60)]),
    ]
    history: list[dict[str, object]] = [{"created_by": f"COPY {long} /"} for _ in layers]
    history += [{"created_by": f"ENV X{n}={long}{long}|", "empty_layer": True} for n in range(300)]
    env = {"config": {"Env": [f"X{number}={long}{long}|" for number in range(300)]}}
    pair = compared(
        tmp_path,
        docker_archive([layer_tar([file("a", b"a")])]),
        docker_archive(layers, history=history, config=env),
    )
    text = written(pair, "markdown")
    assert 30_000 < len(text.encode()) <= LIMIT
    assert "\n… and 40 more.\n" in text
    assert re.search(r"\n… and \d+ more steps\.\n", text)
    assert re.search(r"\n… and \d+ more settings\.\n", text)
    assert text.count("<details>") == text.count("</details>")


class _Nesting(HTMLParser):
    """Asserts that elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(wild_layers(), wild_layers())
@settings(max_examples=20, deadline=None)
def test_random_images_can_be_written_in_every_format(old: Layers, new: Layers) -> None:
    first, second = side(old), side(new)
    pair = first, second, compare(first, second)
    for form in DIFF_FORMATS:
        assert written(pair, form)
    _Nesting(written(pair, "html"))
