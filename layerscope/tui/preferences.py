"""Preferences: from the settings, otherwise the last choice, otherwise the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from layerscope.settings import COLUMNS, MODES, SORTS, Settings
from layerscope.state import load_state, save_state
from layerscope.tui.commands import Keys
from layerscope.tui.keys import changed_keys

DEFAULT_COLUMNS = ("mode", "owner", "share")
DEFAULT_THEME = "layerscope-dark"


class Preferences:
    """Theme, columns, order, mode and keys. Changes are saved in the file `state`, if it is given and `persist` is set."""

    def __init__(
        self,
        settings: Settings | None = None,
        state: Path | None = None,
        *,
        persist: bool = True,
    ) -> None:
        """Raises `UsageError` for invalid keys."""
        self.settings = settings or Settings()
        self.keys: Keys = changed_keys(self.settings)
        self._file = state if persist else None
        self._state = {} if state is None else load_state(state)
        chosen = self.settings
        self.theme = chosen.theme or _text(self._state, "theme") or DEFAULT_THEME
        self.columns = chosen.columns if chosen.columns is not None else _columns(self._state)
        self.sort = chosen.sort or _choice(self._state, "sort", SORTS)
        self.mode = chosen.mode or MODES[0]

    def save_theme(self, theme: str) -> None:
        """Set and save the theme."""
        self.theme = theme
        self._save("theme", theme)

    def save_columns(self, columns: tuple[str, ...]) -> None:
        """Set and save the columns."""
        self.columns = columns
        self._save("columns", list(columns))

    def save_sort(self, sort: str) -> None:
        """Set and save the order."""
        self.sort = sort
        self._save("sort", sort)

    def _save(self, name: str, value: object) -> None:
        if self._file is not None and self._state.get(name) != value:
            # Another explorer may have saved something since.
            self._state = load_state(self._file) | {name: value}
            save_state(self._file, self._state)


def _text(state: Mapping[str, object], name: str) -> str | None:
    value = state.get(name)
    return value if isinstance(value, str) else None


def _choice(state: Mapping[str, object], name: str, choices: tuple[str, ...]) -> str:
    value = state.get(name)
    return value if isinstance(value, str) and value in choices else choices[0]


def _columns(state: Mapping[str, object]) -> tuple[str, ...]:
    value = state.get("columns")
    if not isinstance(value, list):
        return DEFAULT_COLUMNS
    return tuple(column for column in COLUMNS if column in value)
