"""The command palette: all commands that work here."""

from __future__ import annotations

from functools import partial

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

from layerscope.tui.commands import COMMANDS, Command, Keys, shown_keys
from layerscope.tui.run_commands import active_commands, run_command


class CommandProvider(Provider):
    """Commands whose action the screen, its view, one of the view's panes or the app has."""

    async def discover(self) -> Hits:
        for command in self.available():
            yield DiscoveryHit(
                self._display(Text(command.title), command),
                partial(run_command, self.screen, command.id),
                text=command.title,
                help=command.help,
            )
        for title, help_text, callback, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(title, callback, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self.available():
            words = f"{command.title} {command.help}"
            score = max(matcher.match(command.title) * 2, matcher.match(words))
            if score > 0:
                yield Hit(
                    score,
                    self._display(Text(command.title), command),
                    partial(run_command, self.screen, command.id),
                    text=command.title,
                    help=command.help,
                )

        for title, help_text, callback, _ in self.app.get_system_commands(self.screen):
            score = max(matcher.match(title) * 2, matcher.match(f"{title} {help_text}"))
            if score > 0:
                yield Hit(score, Text(title), callback, text=title, help=help_text)

    def available(self) -> list[Command]:
        """Commands that work now."""
        active = active_commands(self.screen)
        return [
            command for command in COMMANDS if command.id in active and command.id != "app.palette"
        ]

    def _display(self, title: Text, command: Command) -> Text:
        keys: Keys = getattr(self.app, "keys", {})
        return title.append(f"   {shown_keys(command, keys)}", "dim")
