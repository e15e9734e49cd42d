"""README and docs/ as a whole: links have targets, commands and options exist, and pictures are shown."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from layerscope import __version__
from layerscope.cli import layerscope
from layerscope.cli.group import DEFAULT_COMMAND
from layerscope.site import SITE, page_address
from layerscope.tui.view import VIEWS
from tests.cli.running import COMMANDS
from tests.docs.page import DOCS, ROOT
from tests.screenshots import ALL, FOLDER, Shot

PAGES = sorted(
    [*DOCS.rglob("*.md"), *map(ROOT.joinpath, ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
)


def _anchor(heading: str) -> str:
    """The anchor that GitHub and mkdocs give to a heading."""
    words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return re.sub(r"[ -]+", "-", words).strip("-")


def _outside_code(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_have_targets(page: Path) -> None:
    """Files and headings that a page links to exist."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _outside_code(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", _outside_code(file.read_text()), re.MULTILINE)
            assert anchor in map(_anchor, headings), f"{page.name}: {target}"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text()
    linked = set(re.findall(r"\]\(([a-z-]+\.md)", index))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked


def test_pages_name_this_version() -> None:
    """They show how to use a release in a pipeline."""
    named = r"layerscope/layerscope(?:/layerscope)?[@:]v?([0-9][0-9.]*)|rev: v([0-9.]+)"
    for page, count in (("README.md", 1), ("docs/ci.md", 4)):
        versions = re.findall(named, (ROOT / page).read_text())
        assert [first or second for first, second in versions] == [__version__] * count, page


def test_readme_is_short() -> None:
    """Longer texts belong in docs/."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_picture_is_shown_and_drawn() -> None:
    """A picture that no page shows, or that the script does not draw, is stale."""
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"screenshots/([a-z]+)\.svg", page.read_text())
    }
    assert shown == {shot.name for shot in ALL} == {path.stem for path in FOLDER.glob("*.svg")}


@pytest.mark.parametrize("shot", ALL, ids=lambda shot: shot.name)
def test_pictures_show_their_subject(shot: Shot) -> None:
    """They contain the text that the script waited for when it drew the picture."""
    svg = (FOLDER / f"{shot.name}.svg").read_text().replace("&#160;", " ")
    words = re.sub(r"<[^>]+>", "", svg)
    assert shot.expected.replace(" ", "") in words.replace(" ", "")


def test_every_view_has_a_section() -> None:
    """Its heading has the key."""
    headings = re.findall(r"^## .+ · (\d)$", (DOCS / "explorer.md").read_text(), re.MULTILINE)
    assert headings == [str(number) for number in range(1, len(VIEWS) + 1)]


def test_the_program_links_to_pages_on_the_site() -> None:
    """An installed program has no `docs/`."""
    assert f"\nsite_url: {SITE}\n" in (ROOT / "mkdocs.yml").read_text()
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Documentation"] == SITE
    named = set()
    for path in (ROOT / "layerscope").rglob("*.py"):
        named |= set(re.findall(r"""page_address\(f?["']([^"'{]+)["']\)""", path.read_text()))
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"docs/[a-z-]+\.md", node.value), path
    assert {"settings", "keys"} <= named
    for name in named:
        assert (DOCS / f"{name}.md").is_file()
    assert page_address("settings") in (layerscope.help or "")


def test_every_command_is_explained() -> None:
    """These are all commands that help lists."""
    text = (DOCS / "commands.md").read_text()
    for command in COMMANDS.values():
        assert command.hidden or f"layerscope {command.name}" in text, command.name


def _commands() -> Iterator[tuple[str, str]]:
    """Page and command line, for each call of layerscope in a fenced block or in code."""
    for page in PAGES:
        text = page.read_text()
        for line in re.findall(r"(?:^[$\s-]*|\brun: |`)(layerscope [^\n`]*)", text, re.MULTILINE):
            yield page.stem, re.split(r" #| \\?\||>>|;|…", line)[0].strip()


@pytest.mark.parametrize(("page", "line"), sorted(set(_commands())))
def test_options_of_commands_exist(page: str, line: str) -> None:
    """Each option belongs to the command that it is used with."""
    words = shlex.split(line)[1:]
    name = words[0] if words and words[0] in COMMANDS else DEFAULT_COMMAND
    if name == "build":
        return  # all options belong to the build
    command: click.Command | None = COMMANDS[name]
    if isinstance(command, click.Group):
        command = command.commands[words[1]]
    assert command is not None
    context = click.Context(layerscope)
    known = {
        option
        for param in (*command.params, *layerscope.params)
        for option in (*param.opts, *param.secondary_opts)
    }
    known |= set(context.help_option_names) | {"-h"}
    own = words[: words.index("--")] if "--" in words else words
    for word in own:
        if re.match(r"--?[a-z]", word):
            assert word.partition("=")[0] in known, f"{page}: {line}"
