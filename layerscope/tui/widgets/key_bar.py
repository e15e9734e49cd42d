"""The footer: keys that work now, most important first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace
from rich.cells import cell_len
from rich.segment import Segment
from textual.events import Click
from textual.keys import REPLACED_KEYS, key_to_character
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from layerscope.tui.commands import COMMANDS, Command, Keys, key_word
from layerscope.tui.widgets.field import TypingInput

MAX_HINTS = 9
"""Maximum number of keys shown; the others are in help."""
GAP = 2
_BY_ID = {command.id: command for command in COMMANDS}
_FIELD_KEYS = ("list.open", "map.open", "app.back", "picker.back")
_PINNED = ("app.help", "app.quit", "picker.leave")
"""Commands at the right edge; the first is always shown."""


class Hint(Struct, frozen=True):
    """A key and what it does."""

    rank: int
    """1 for the most important."""
    key: str
    """Textual's name."""
    shown: str
    words: str

    @property
    def width(self) -> int:
        """Cells."""
        return cell_len(self.shown) + 1 + cell_len(self.words)


class KeyBar(Widget):
    """Keys of commands that work with the current focus; a click presses one."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key", "keys--words"}
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; background: $background;
        & > .keys--key { color: $emphasis; text-style: bold; }
        & > .keys--words { color: $foreground; }
    }
    """

    def __init__(
        self,
        keys: Keys | None = None,
        inactive: Callable[[], set[str]] = set,
        words: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`keys` are the user's own. `inactive` returns ids of commands without effect, `words` titles that replace others."""
        super().__init__()
        self._keys: Keys = keys or {}
        self._inactive = inactive
        self._words = words
        self._places: list[tuple[range, Hint]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def hints(self) -> list[Hint]:
        """All keys that work now, most important first, those at the right edge last."""
        focused = self.screen.focused
        typing = isinstance(focused, Input)
        working: dict[str, list[str]] = {}
        for key, active in self.screen.active_bindings.items():
            known = active.enabled and active.binding.id in _BY_ID
            if isinstance(focused, Input) and _is_text(focused, key):
                continue
            if known and active.binding.id:
                working.setdefault(active.binding.id, []).append(key)
        leave = [
            replace(self._hint(_BY_ID[identifier], working[identifier]), rank=0, words="Leave")
            for identifier in ("app.back", "picker.back")
            if identifier in working
        ]
        for identifier in self._inactive():
            working.pop(identifier, None)
        words = self._words()
        hints = [
            replace(hint, words=words.get(identifier, hint.words))
            for identifier, keys in working.items()
            if (command := _BY_ID[identifier]).footer and self._is_shown(identifier, typing)
            for hint in (self._hint(command, keys),)
        ]
        if isinstance(focused, TypingInput):
            hints.append(Hint(0, "enter", "Enter", focused.enter_words))
        if typing:
            hints += leave
        return sorted(hints, key=lambda hint: hint.rank)

    def _is_shown(self, identifier: str, typing: bool) -> bool:
        # While typing, these keys belong to the field.
        return not (typing and identifier in _FIELD_KEYS)

    def _hint(self, command: Command, working: Sequence[str]) -> Hint:
        """The hint for the first working key of a command."""
        default = command.keys.split(",")
        first = next(
            key for key in (*self._keys.get(command.id, default), *working) if key in working
        )
        known = command.id not in self._keys and first == default[0] and command.shown_keys
        shown = command.shown_keys.split()[0] if known and command.shown_keys else key_word(first)
        return Hint(command.footer, first, shown, command.footer_words)

    def render_line(self, y: int) -> Strip:
        left, right = fitting(self.hints(), self.size.width)
        base = self.rich_style
        key_style, words_style = (
            base + self.get_component_rich_style(f"keys--{part}", partial=True)
            for part in ("key", "words")
        )
        self._places = []
        segments = [Segment(" ", base)]
        at = 1
        for hints, start in ((left, 1), (right, self.size.width - _extent(right) - 1)):
            if start > at:
                segments.append(Segment(" " * (start - at), base))
                at = start
            for hint in hints:
                self._places.append((range(at, at + hint.width), hint))
                segments += (Segment(hint.shown, key_style), Segment(f" {hint.words}", words_style))
                segments.append(Segment(" " * GAP, base))
                at += hint.width + GAP
        return Strip(segments).adjust_cell_length(self.size.width, base)

    async def on_click(self, event: Click) -> None:
        event.stop()
        for place, hint in self._places:
            if event.x in place:
                self.app.simulate_key(hint.key)


def fitting(hints: Iterable[Hint], width: int) -> tuple[list[Hint], list[Hint]]:
    """The hints that fit at the left and right of a line of `width` cells, first ones first."""
    pinned: list[Hint] = []
    others: list[Hint] = []
    for hint in hints:
        (pinned if hint.rank >= PINNED_RANK else others).append(hint)
    room = width - 2
    left: list[Hint] = []
    right: list[Hint] = []
    for hint in [*pinned, *others[:MAX_HINTS]]:
        if hint.width <= room:
            (right if hint.rank >= PINNED_RANK else left).append(hint)
            room -= hint.width + GAP
    return left, right


PINNED_RANK = min(_BY_ID[identifier].footer for identifier in _PINNED)


def _extent(hints: Sequence[Hint]) -> int:
    """Cells of hints with gaps between them."""
    return sum(hint.width + GAP for hint in hints) - GAP if hints else 0


def _is_text(field: Input, key: str) -> bool:
    """Whether a field takes a key as text."""
    return field.check_consume_key(key, key_to_character(REPLACED_KEYS.get(key, key)))
