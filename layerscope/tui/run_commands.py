"""Runs commands by their ids, for the palette and for clickable texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from rich.style import Style
from textual.dom import DOMNode
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget

_COMMAND = "command"


def active_commands(screen: Screen[Any]) -> dict[str, tuple[DOMNode, str]]:
    """The commands that work now, by id: the node that runs each, and its action."""
    commands: dict[str, tuple[DOMNode, str]] = {}
    for node in _nodes(screen):
        for bindings in node._bindings.key_to_bindings.values():
            for binding in bindings:
                if binding.id is not None:
                    commands.setdefault(binding.id, (node, binding.action))
    return commands


async def run_command(screen: Screen[Any], identifier: str) -> None:
    """Run a command on the node where it works; does nothing if it works nowhere."""
    if (command := active_commands(screen).get(identifier)) is not None:
        node, action = command
        if isinstance(node, Widget) and node.can_focus and not node.has_focus_within:
            node.focus()
        await screen.app.run_action(action, node)


def clickable(identifier: str) -> Style:
    """A style for text in a `Clickable`: a click on it runs this command."""
    return Style(meta={_COMMAND: identifier})


class Clickable:
    """Mixin for widgets with `clickable` text."""

    async def on_click(self, event: Click) -> None:
        """Run the command of the text under the mouse."""
        identifier = event.style.meta.get(_COMMAND)
        if isinstance(identifier, str):
            event.stop()
            await run_command(cast("Widget", self).screen, identifier)


def _nodes(screen: Screen[Any]) -> Iterator[DOMNode]:
    """Nodes to search for commands, the focused one first."""
    if screen.focused is not None:
        yield from screen.focused.ancestors_with_self
    view = getattr(screen, "view", None)
    if view is not None:
        yield from view.panes()
        yield view
    yield screen
    yield screen.app
