"""The command palette: all commands that work here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.widget import Widget

from layerscope.tui.commands import COMMANDS, Command, Keys, shown_keys


class CommandProvider(Provider):
    """Commands whose action the screen, its view, one of the view's panes or the app has."""

    async def discover(self) -> Hits:
        for command, node in self.available():
            yield DiscoveryHit(
                self._display(Text(command.title), command),
                partial(self._run, command, node),
                text=command.title,
                help=command.help,
            )
        for title, help_text, callback, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(title, callback, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command, node in self.available():
            words = f"{command.title} {command.help}"
            score = max(matcher.match(command.title) * 2, matcher.match(words))
            if score > 0:
                yield Hit(
                    score,
                    self._display(Text(command.title), command),
                    partial(self._run, command, node),
                    text=command.title,
                    help=command.help,
                )

        for title, help_text, callback, _ in self.app.get_system_commands(self.screen):
            if (score := matcher.match(title)) > 0:
                yield Hit(score, Text(title), callback, text=title, help=help_text)

    def available(self) -> list[tuple[Command, DOMNode]]:
        """Commands that work now, with the node that runs them."""
        places: dict[str, DOMNode] = {}
        for node in self._nodes():
            for bindings in node._bindings.key_to_bindings.values():
                for binding in bindings:
                    if binding.id is not None:
                        places.setdefault(binding.id, node)
        return [
            (command, places[command.id])
            for command in COMMANDS
            if command.id in places and command.id != "app.palette"
        ]

    def _nodes(self) -> Iterator[DOMNode]:
        """Nodes to search for commands, the focused one first."""
        if self.focused is not None:
            yield from self.focused.ancestors_with_self
        view = getattr(self.screen, "view", None)
        if view is not None:
            yield from view.panes()
            yield view
        yield self.screen
        yield self.app

    def _display(self, title: Text, command: Command) -> Text:
        keys: Keys = getattr(self.app, "keys", {})
        return title.append(f"   {shown_keys(command, keys)}", "dim")

    async def _run(self, command: Command, node: DOMNode) -> None:
        if isinstance(node, Widget) and node.can_focus and not node.has_focus_within:
            node.focus()
        await self.app.run_action(command.action, node)
