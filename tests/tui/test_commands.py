"""The registry of commands: complete in help, with sound groups and ids."""

from __future__ import annotations

from layerscope.tui.commands import COMMANDS, GROUPS
from layerscope.tui.screens.help import page_text, sections


def test_every_command_is_in_help() -> None:
    """Help has the sentence of every command."""
    page = page_text(list(sections())).plain
    for command in COMMANDS:
        assert command.help in page


def test_groups_and_ids_are_sound() -> None:
    """Every command belongs to a group that has a title, ids are unique, sentences end."""
    assert {command.group for command in COMMANDS} == set(GROUPS)
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    assert all(command.help.endswith(".") for command in COMMANDS)
