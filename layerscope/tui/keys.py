"""Custom keys: presets, names of keys, whether terminals can send them, and whether they collide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches

from layerscope.errors import UsageError
from layerscope.settings import Settings
from layerscope.site import page_address
from layerscope.tui.commands import COMMANDS, KEY_WORDS, MODIFIER_SIGNS, Command, Keys

PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "dive": {
        "app.redraw": ("f5",),
        "view.find_anywhere": ("ctrl+g",),
        "list.page_up": ("pageup",),
        "path.extract": ("e", "ctrl+e", "ctrl+s"),
        "explore.filter": ("slash", "ctrl+f", "ctrl+underscore"),
        "explore.mode": ("a", "ctrl+l", "ctrl+a"),
        "explore.changed_only": ("d", "ctrl+u"),
        "explore.columns": ("c", "ctrl+b"),
        "explore.sort": ("s", "ctrl+o"),
        "files.collapse_all": ("minus", "ctrl+at"),
        "files.added": ("A", "ctrl+a"),
        "files.removed": ("R", "ctrl+r"),
    },
}
"""Keys of other programs, by preset and command id. In the file tree `ctrl+a` means `files.added`, as in dive. Terminals send
Enter for dive's `ctrl+m`, `ctrl+at` for `ctrl+space`, and `ctrl+underscore` for `ctrl+slash`."""
EVERYWHERE = ("app", "view", "list")
"""Groups whose commands work together with those of any other group."""

_REPLACED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Textual's names of characters where they differ from Unicode's."""

_MOVEMENT = frozenset(
    ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete")
)
_NAMED = _MOVEMENT | {"enter", "tab", "escape", "space", "backspace"}
_FUNCTION_KEYS = frozenset(f"f{number}" for number in range(1, 25))
_CONTROL = frozenset("abcdefgjklnopqrstuvwxyz") | {
    "at",
    "backslash",
    "right_square_bracket",
    "circumflex_accent",
    "underscore",
}
"""Keys that work with Ctrl: each sends a byte below 32. Tab, Enter, Backspace and Esc are excluded."""
_SAME_BYTE = {"i": "tab", "m": "enter", "h": "backspace", "left_square_bracket": "escape"}

_WORDS = {word.lower(): name for name, word in KEY_WORDS.items()}
"""Textual's names of keys by the words for them."""
_OTHER_WORDS = {
    "control": "ctrl",
    "ctl": "ctrl",
    "c": "ctrl",
    "option": "alt",
    "meta": "alt",
    "m": "alt",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "spacebar": "space",
}
"""Names that other programs use, with ours."""
SPELLINGS = "a key is written as s, G, ?, ctrl+o, shift+tab, alt+x, pageup or f5"
_RECEIVED_AS = {"ctrl+at": "ctrl+@,ctrl+space"}
"""Names under which Textual receives a key, where they differ from the name of the key."""


def key_name(written: str) -> str:
    """Textual's name of a key that is written by name or as `commands.key_word` prints it. Raises `ValueError` if the key is
    unknown, or if terminals cannot send it."""
    *modifiers, key = _parts(written)
    if "ctrl" in modifiers and len(key) == 1:
        key = key.lower()  # the same byte
    key = _WORDS.get(key.lower(), key)
    key = _character_name(key) if len(key) == 1 else key.lower()
    if modifiers == ["ctrl"] and key == "space":
        key = "at"  # which terminals send for it
    if unknown := [word for word in modifiers if word not in ("ctrl", "shift", "alt")]:
        raise ValueError(f"terminals do not send `{unknown[0]}`")
    if len(key) > 1 and key not in _NAMED | _FUNCTION_KEYS and not _is_character_name(key):
        raise ValueError(f"unknown key `{written}`")
    held = set(modifiers)
    if "ctrl" in held and not (
        key in _MOVEMENT | _FUNCTION_KEYS or (held == {"ctrl"} and key in _CONTROL)
    ):
        other = f": that is {_SAME_BYTE[key]}" if key in _SAME_BYTE else ""
        raise ValueError(f"terminals do not send `{written}`{other}")
    if "shift" in held and key not in _MOVEMENT | _FUNCTION_KEYS | {"tab"}:
        hint = f": write `{key.upper()}`" if len(key) == 1 and held == {"shift"} else ""
        raise ValueError(f"terminals do not send `{written}`{hint}")
    return "+".join([*(word for word in ("alt", "ctrl", "shift") if word in held), key])


def changed_keys(settings: Settings) -> Keys:
    """The validated keys of the settings: the preset's, overridden by custom ones. Raises `UsageError` with file and line."""
    known = {command.id: command for command in COMMANDS}
    custom: dict[str, tuple[str, ...]] = {}
    for identifier, written in settings.keys.items():
        place = settings.place(f"keys.{identifier}")
        if identifier not in known:
            close = get_close_matches(identifier, known, 1)
            raise UsageError(
                f"{place}: unknown command `{identifier}`",
                hint=f"did you mean {close[0]}?"
                if close
                else f"{page_address('keys')} lists the command ids",
            )
        try:
            custom[identifier] = tuple(dict.fromkeys(map(key_name, written)))
        except ValueError as error:
            hint = next(filter(None, map(_spelling_hint, written)), None)
            unknown = str(error).startswith("unknown key")
            raise UsageError(
                f"{place}: {error}", hint=hint or (SPELLINGS if unknown else None)
            ) from None
    preset = PRESETS[settings.key_preset] if settings.key_preset else {}
    chosen = {**preset, **custom}
    for identifier in custom:
        _check_collisions(known[identifier], chosen, settings)
    return chosen


def _spelling_hint(written: str) -> str:
    """How to spell a key that cannot be parsed; empty if it can be, or if no key is similar."""
    with suppress(ValueError):
        key_name(written)
        return ""
    joined = re.sub("page[-_ ]", "page", written.strip("<>").lower())
    words = [_OTHER_WORDS.get(word, word) for word in re.split("[-+ ]+", joined) if word]
    if not words:
        return ""
    for key in (words[-1], *get_close_matches(words[-1], sorted(_NAMED | _WORDS.keys()), 1)):
        meant = "+".join([*words[:-1], _WORDS.get(key, key)])
        with suppress(ValueError):
            key_name(meant)
            return f"did you mean {meant}?"
    return ""


def keymap(keys: Keys) -> dict[str, str]:
    """The keys as Textual's `App.set_keymap` takes them."""
    return {
        identifier: ",".join(_RECEIVED_AS.get(key, key) for key in chosen)
        for identifier, chosen in keys.items()
    }


def _check_collisions(command: Command, chosen: Keys, settings: Settings) -> None:
    """Raise `UsageError` if another command that can be reached together has the same key, unless both have it by default."""
    defaults = set(map(key_name, command.keys.split(",")))
    for other in COMMANDS:
        if other is command or not _can_collide(command.group, other.group):
            continue
        keys = chosen.get(other.id) or tuple(map(key_name, other.keys.split(",")))
        shared = defaults & set(map(key_name, other.keys.split(",")))
        for key in chosen[command.id]:
            if key in keys and key not in shared:
                place = settings.place(f"keys.{command.id}")
                raise UsageError(
                    f"{place}: `{key}` is already bound to `{other.id}`",
                    hint=f"give `{other.id}` another key in [keys]",
                )


def _can_collide(one: str, other: str) -> bool:
    """Whether commands of two groups can be reached together; dialogs are modal."""
    if "dialog" in (one, other):
        return one == other
    return one == other or one in EVERYWHERE or other in EVERYWHERE


def _parts(written: str) -> list[str]:
    """Modifiers and the key, which may be a plus sign."""
    for modifier, sign in MODIFIER_SIGNS.items():
        if len(written) > 1 and written.startswith(sign):
            return [modifier, written.removeprefix(sign)]
    if written in ("", "+"):
        if not written:
            raise ValueError("a key cannot be empty")
        return ["+"]
    if written.endswith("++"):
        return [*written[:-2].lower().split("+"), "+"]
    *modifiers, key = written.split("+")
    return [*(word.lower() for word in modifiers), key]


def _character_name(character: str) -> str:
    """Textual's name of a character."""
    if character.isalnum():
        return character
    if not character.isprintable():
        raise ValueError("write a control character by its name, for example ctrl+a")
    if character == " ":
        return "space"
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    if not name:
        raise ValueError(f"unknown key `{character}`")
    return _REPLACED.get(name, name)


def _is_character_name(key: str) -> bool:
    """Whether this is Textual's name of a character."""
    originals = {ours: theirs for theirs, ours in _REPLACED.items()}
    name = originals.get(key, key)
    # Textual replaces both spaces and hyphens of Unicode names: LESS-THAN SIGN, HYPHEN-MINUS.
    words = name.upper().split("_")
    spellings = (
        " ".join(words),
        "-".join(words),
        "-".join(words[:2]) + "".join(f" {word}" for word in words[2:]),
    )
    for spelling in spellings:
        try:
            character = unicodedata.lookup(spelling)
        except KeyError:
            continue
        return character.isprintable()  # not ESC or DEL
    return False
