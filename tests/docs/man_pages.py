"""Manual pages generated from the commands. `python -m tests.docs.generated` writes them; the wheel installs them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from inspect import cleandoc

import click

from layerscope import __version__
from layerscope.cli import layerscope
from layerscope.cli.group import COMMANDS, ImageOrCommandGroup
from tests.docs.page import ROOT, marked_table

FOLDER = ROOT / "man"
_DAY = re.compile(r' "\d{4}-\d\d-\d\d" ')
_WIDTH = 72
"""Characters of a line, before hyphens are escaped."""


def man_pages() -> dict[str, str]:
    """Name of each file → its page: the program, its commands, and theirs."""
    context = click.Context(layerscope, info_name=layerscope.name, **layerscope.context_settings)
    return {f"{name}.1": text for name, text in _pages(context, "")}


def text_of(page: str) -> str:
    """A page without its date."""
    return _DAY.sub(" ", page, count=1)


def _pages(context: click.Context, does: str) -> Iterator[tuple[str, str]]:
    command = context.command
    below = dict(_commands(command))
    yield context.command_path.replace(" ", "-"), _page(context, does, below)
    for name, one in below.items():
        inner = click.Context(one, info_name=name, parent=context, **one.context_settings)
        yield from _pages(inner, _does(command, one))


def _commands(command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, ImageOrCommandGroup):
        yield from ((name, command.load_command(name)) for name, does in COMMANDS.items() if does)
    elif isinstance(command, click.Group):
        yield from command.commands.items()


def _does(group: click.Command, command: click.Command) -> str:
    """The summary of a command."""
    is_first = isinstance(group, ImageOrCommandGroup)
    return COMMANDS[command.name or ""] if is_first else command.get_short_help_str(200)


def _page(context: click.Context, does: str, below: dict[str, click.Command]) -> str:
    command = context.command
    from click_man.man import ManPage

    help_lines = cleandoc(command.help or "").split("\n")
    page = ManPage(context.command_path)
    page.version = f"layerscope {__version__}"
    page.short_help = _text((does or help_lines[0]).rstrip("."), _WIDTH - 24)
    usage = command.get_usage(context).removeprefix("Usage: ").split("\n")
    lines = [line.strip().removeprefix(context.command_path).strip() for line in usage]
    page.synopsis = f"\n.br\n.B {context.command_path}\n".join(lines).replace("…", "...")
    page.description = "\n".join(_paragraphs("\n".join(help_lines)))
    default = [layerscope.load_command("open")] if isinstance(command, ImageOrCommandGroup) else []
    page.options = [
        (record[0].replace("\\", "\\e"), _text(record[1]))
        for each in (*default, command)
        for param in each.get_params(context)
        if isinstance(param, click.Option) and (record := param.get_help_record(context))
        and not (each in default and "--help" in param.opts)
    ]  # fmt: skip
    name = context.command_path.upper()
    text = str(page).replace(f'"{name}"', f'"{name.replace(" ", "-")}"', 1)
    if below:
        text += _terms("COMMANDS", {
            f"{context.command_path.replace(' ', '-')}-{name}(1)": _does(command, one) for name, one in below.items()
        })  # fmt: skip
    if context.parent is None:
        codes = marked_table("commands.md", "exit-codes").records()
        text += _terms("EXIT STATUS", {row["code"]: row["meaning"] for row in codes})
        variables = marked_table("settings.md", "variables").records()
        text += _terms("ENVIRONMENT", {row["variable"]: row["meaning"] for row in variables})
        text += _terms("FILES", {
            "~/.config/layerscope/config.toml": "settings and keys of the explorer; every one is optional",
            ".layerscope.toml, .dive-ci": "rules of the gate, in the folder of the build",
            "~/.cache/layerscope": "the cache, see layerscope-cache(1)",
        })  # fmt: skip
    else:
        text += f".SH SEE ALSO\n.BR {_text(context.parent.command_path.replace(' ', '-'))} (1)\n"
    return text


def _terms(title: str, rows: dict[str, str]) -> str:
    """A section of terms with their descriptions."""
    lines = [f".SH {title}"]
    for term, meaning in rows.items():
        lines += [".TP", f"\\fB{_text(term)}\\fP", _text(meaning)]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Help as click reads it: a paragraph behind `\\b` keeps its lines."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ".PP"
        lines = paragraph.split("\n")
        if lines[0] == "\b":
            yield from (".nf", *map(_text, lines[1:]), ".fi")
        else:
            yield _text(" ".join(lines))


def _text(text: str, width: int = _WIDTH) -> str:
    """Text that roff shows literally, in short lines; Markdown's code marks are removed."""
    plain = text.replace("`", "").replace("…", "...").replace("\\", "\\e")
    lines = textwrap.wrap(plain, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(
        ("\\&" + line if line[0] in ".'" else line).replace("-", "\\-") for line in lines
    )
