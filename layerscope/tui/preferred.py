"""The base of every app: the user's theme and keys."""

from __future__ import annotations

from textual.app import ReturnType
from textual.theme import Theme

from layerscope.tui import theme
from layerscope.tui.keys import keymap
from layerscope.tui.preferences import Preferences
from layerscope.tui.terminal import TerminalApp


class PreferredApp(TerminalApp[ReturnType]):
    """An app with the user's theme and keys."""

    def __init__(self, preferences: Preferences | None) -> None:
        super().__init__()
        self.preferences = preferences or Preferences()
        self.keys = self.preferences.keys
        self.set_keymap(keymap(self.keys))
        for known in theme.THEMES:
            self.register_theme(known)
        self.theme = theme.named(self.preferences.theme) or theme.DARK.name
        if self.few_colors:
            self.theme = theme.terminal_theme(self.current_theme)

    @property
    def few_colors(self) -> bool:
        """Whether the terminal has only 16 colours: those of a theme would become black, white or illegible."""
        return self.console.color_system in ("standard", "windows")

    def save_theme_changes(self) -> None:
        """From now on, save the themes that the user changes to."""
        self.theme_changed_signal.subscribe(self, self._theme_changed)

    def _theme_changed(self, chosen: Theme) -> None:
        if self.few_colors and not chosen.ansi:
            self.theme = theme.terminal_theme(chosen)
        elif not self.few_colors and chosen.name != theme.named(self.preferences.theme):
            self.preferences.save_theme(chosen.name)

    def action_toggle_theme(self) -> None:
        self.theme = theme.LIGHT.name if self.current_theme.dark else theme.DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.variable_defaults(self.current_theme)
