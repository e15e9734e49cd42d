"""docs/filters.md and docs/settings.md: the program accepts exactly what they list."""

from __future__ import annotations

import re

import pytest

from layerscope.browse.filters import _CHANGES, _KINDS, FilterError, parse_filter
from layerscope.browse.regex_process import SECONDS
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.settings import COLUMNS, MODES, PRESETS, REMOTES, SORTS, Settings, parse_settings
from layerscope.tui.keys import changed_keys
from layerscope.tui.screens.help import FILTERS
from layerscope.tui.theme_names import check_theme
from layerscope.words import Change
from tests.docs.page import block, read

PAGE = read("filters.md")
CONFIG = block(read("settings.md"), "toml")


def _filter_words() -> list[str]:
    """The terms in the first column of the table."""
    rows = re.findall(r"^\| (`.*?) \| ", PAGE, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("word", _filter_words())
def test_every_term_of_the_table_is_a_filter(word: str) -> None:
    """Each is parsed as one term."""
    assert len(parse_filter(word).terms) == 1
    assert len(parse_filter(f"!{word}").terms) == 1


def test_the_table_is_complete() -> None:
    """It has all kinds, changes and properties, and the time limit of expressions."""
    for name in (
        *(change.json_name for change in Change),
        *_CHANGES,
        *(set(_KINDS) - {"directory"}),
    ):
        assert f"`{name}`" in PAGE or f"type:{name}`" in PAGE, name
    for name in ("size", "change", "type", "owner", "layer", "setuid", "setgid"):
        assert re.search(rf"`{name}\b", PAGE), name
    assert f"longer than {SECONDS:g} s is stopped" in PAGE


def test_help_shows_valid_terms() -> None:
    for words, _ in FILTERS:
        for word in re.split(r"  +", words):
            assert parse_filter(word)
    with pytest.raises(FilterError):
        parse_filter("type:no")


def test_the_sample_configuration_is_valid_and_complete() -> None:
    """It can be copied unchanged, has every setting and limit, and changes no limit."""
    settings = parse_settings(CONFIG, "config.toml")
    check_theme(settings)
    assert changed_keys(settings)
    named = set(Settings.__struct_fields__) - {"places", "theme_place", "key_preset"}
    assert named == {
        line.split()[0].strip("[]")
        for line in CONFIG.splitlines()
        if re.match(r"\[|(theme|columns|sort|mode|binary|remote) =", line)
    }
    assert dict(settings.limits) == {
        field: getattr(DEFAULT_LIMITS, field) for field in Limits.__struct_fields__
    }
    for preset in PRESETS:
        assert f'preset = "{preset}"' in CONFIG
    for setting, choices in (
        ("columns", COLUMNS),
        ("sort", SORTS),
        ("mode", MODES),
        ("remote", REMOTES),
    ):
        line = next(line for line in CONFIG.splitlines() if line.startswith(setting))
        for choice in choices:
            assert choice in line
