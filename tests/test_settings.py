"""Settings: valid configurations, and errors about invalid ones."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from layerscope.cli import run
from layerscope.errors import UsageError
from layerscope.settings import (
    PRESETS,
    RuleChoice,
    Settings,
    limits_from,
    load_settings,
    parse_rules,
    parse_settings,
)
from layerscope.state import load_state, save_state
from layerscope.toml_text import Places, parse_toml_text
from layerscope.tui.commands import COMMANDS, key_word, shown_keys
from layerscope.tui.keys import PRESETS as KEY_PRESETS
from layerscope.tui.keys import changed_keys, key_name, keymap
from layerscope.tui.preferences import Preferences
from layerscope.tui.theme_names import check_theme

WHOLE = """
theme = "nord"
columns = ["percent", "mode"]
sort = "layer"
mode = "all"
binary = true

[limits]
path_bytes = 100

[keys]
"files.toggle" = "o"
explore.sort = ["S", "f5"]
"""


def test_a_complete_configuration_is_read() -> None:
    """It has all settings; names with dots are quoted or not."""
    settings = parse_settings(WHOLE, "config.toml")
    assert settings.theme == "nord"
    assert settings.columns == ("mode", "percent")
    assert (settings.sort, settings.mode, settings.binary) == ("layer", "all", True)
    assert settings.keys == {"files.toggle": ("o",), "explore.sort": ("S", "f5")}
    assert limits_from([], {}, settings).path_bytes == 100
    assert limits_from([], {"LAYERSCOPE_LIMITS": "path_bytes=200"}, settings).path_bytes == 200
    assert (
        limits_from(
            ["path_bytes=300"], {"LAYERSCOPE_LIMITS": "path_bytes=200"}, settings
        ).path_bytes
        == 300
    )
    assert keymap(changed_keys(settings)) == {"files.toggle": "o", "explore.sort": "S,f5"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1", 1, "unknown setting `a`"),
        ("\ntheme = 3", 2, "`theme` must be a string"),
        ("\n\ncolumns = 'mode'", 3, "must be a list of"),
        ("columns = ['x']", 1, "must be a list of"),
        ("sort = 'up'", 1, "must be one of: size, name"),
        ("binary = 1", 1, "must be true or false"),
        ("[limits]\nentries = -1", 2, "`limits.entries` must be a number"),
        ("[limits]\nentries = true", 2, "`limits.entries` must be a number"),
        ("keys = 3", 1, "`keys` must be a table such as"),
        ("[limits]\nfoo = 1", 2, "unknown setting `limits.foo`"),
        ("limits = 3", 1, "`limits` must be a table such as"),
        ("[rules]\n'apt-lists' = { min-byte = 3 }", 2, "unknown setting `rules.apt-lists.min-byte`"),
        ("[rules]\n\napt-lists = 'error'", 3, "`rules.apt-lists` must be false, \"off\", or a table such as"),
        ("theme = 'x'\n[limits]\nentries = " + "9" * 5000, 3, "more than 4,300 digits"),
        ("[keys]\n[keys]", 2, "Cannot declare `keys` twice"),
        ("sort = " + "[" * 5000, 1, "nested too deeply"),
        ("# x\n[keys]\n'files.toggle' = 3", 3, "must be a key"),
        ("sort = ", 1, ""),
        ("sort = 'size'\nsort = 'name'", 2, ""),
        ("[keys]\npreset = 'diev'", 2, "`keys.preset` must be one of: dive"),
        ("[keys]\npreset = 3", 2, "`keys.preset` must be one of: dive"),
        ("[keys]\npreset = 'dive'\nfiles.toggle = 'ctrl+a'", 3, "already bound to `files.added`"),
        ("[keys]\nfiles.togle = 'o'", 2, "unknown command `files.togle`"),
        ("[keys]\n'files.toggle' = 'ctrl+m'", 2, "that is enter"),
        ("[keys]\n'files.toggle' = 'ctrl+1'", 2, "terminals do not send"),
        ("[keys]\n'files.toggle' = 'hyper+x'", 2, "terminals do not send"),
        ("[keys]\n'files.toggle' = 'shift+a'", 2, "write `A`"),
        ("[keys]\n'files.toggle' = 'nokey'", 2, "unknown key `nokey`"),
        ("[keys]\n'files.toggle' = '+'", 2, "already bound to `files.expand_all`"),
        ("[keys]\n'explore.mode' = 'j'", 2, "already bound to `list.down`"),
        ("[keys]\nexplore.mode = 'z'\nexplore.flat = 'z'", 2, "already bound to `explore.flat`"),
    ],
)  # fmt: skip
def test_errors_name_file_and_line(text: str, line: int, words: str) -> None:
    """The mistakes are unknown keys, wrong types, unknown commands, and keys that cannot be sent or are taken."""
    with pytest.raises(UsageError) as caught:
        changed_keys(parse_settings(text, "config.toml"))
    assert caught.value.message.startswith(f"config.toml, line {line}: ")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("them = 'nord'", "did you mean theme?"),
        ("[limits]\nentry = 1", "did you mean entries?"),
        ("[rules]\napt-lists = { min-byte = 3 }", "did you mean min-bytes?"),
        ("[rules.apt-lists]\nx = 1", "settings: enabled, min-bytes, severity"),
    ],
)
def test_a_similar_key_is_suggested(text: str, hint: str) -> None:
    """This holds in every table."""
    with pytest.raises(UsageError) as caught:
        parse_settings(text, "config.toml")
    assert caught.value.hint == hint


def test_an_error_for_the_theme_names_the_environment_variable() -> None:
    """The file may not even exist."""
    settings = load_settings({"LAYERSCOPE_CONFIG": "/dev/null", "LAYERSCOPE_THEME": "drakula"})
    with pytest.raises(UsageError, match=r"^\$LAYERSCOPE_THEME: unknown theme `drakula`"):
        check_theme(settings)


def test_two_commands_can_swap_their_keys() -> None:
    """The old key of a command is free once it has another one."""
    text = "[keys]\nexplore.mode = 's'\nexplore.sort = 'a'"
    assert changed_keys(parse_settings(text, "f")) == {
        "explore.mode": ("s",),
        "explore.sort": ("a",),
    }


@pytest.mark.parametrize(
    ("written", "name"),
    [("?", "question_mark"), ("/", "slash"), ("+", "plus"), ("ctrl+f", "ctrl+f"), ("G", "G"),
     ("shift+tab", "shift+tab"), ("F5", "f5"), (" ", "space"), (",", "comma"), ("alt+x", "alt+x"),
     ("ctrl+Left", "ctrl+left"), ("question_mark", "question_mark"), ("plus", "plus"),
     ("PgUp", "pageup"), ("Esc", "escape"), ("↑", "up"), ("⌫", "backspace"), ("⇧Tab", "shift+tab"), ("^o", "ctrl+o"),
     ("^", "circumflex_accent"), ("^Space", "ctrl+at"), ("ctrl+space", "ctrl+at"), ("Ctrl+O", "ctrl+o"),
     ("ctrl+O", "ctrl+o"), ("alt+O", "alt+O"), ("ctrl+PgDn", "ctrl+pagedown"), ("⇧F5", "shift+f5")],
)  # fmt: skip
def test_keys_can_be_written_as_characters_or_names(written: str, name: str) -> None:
    """Both mean the same key."""
    assert key_name(written) == name


def test_keys_can_be_written_as_they_are_shown() -> None:
    """Every key in docs/keys.md, the help and the footer is valid in [keys]."""
    for command in COMMANDS:
        names = command.keys.split(",")
        assert {key_name(word) for word in shown_keys(command).split()} <= set(names)
        assert [key_name(key_word(name)) for name in names] == names


@pytest.mark.parametrize(
    ("written", "hint"),
    [("ctrl-o", "did you mean ctrl+o?"), ("C-o", "did you mean ctrl+o?"), ("<c-o>", "did you mean ctrl+o?"),
     ("Control+O", "did you mean ctrl+o?"), ("page_up", "did you mean pageup?"), ("Page Up", "did you mean pageup?"),
     ("Return", "did you mean enter?"), ("Del", "did you mean delete?"), ("ecs", "did you mean escape?"),
     ("shift-tab", "did you mean shift+tab?"), ("nokey", "a key is written as")],
)  # fmt: skip
def test_a_misspelled_key_gets_a_hint(written: str, hint: str) -> None:
    """The hint has the right spelling if that is clear, otherwise how keys are written."""
    with pytest.raises(UsageError) as caught:
        changed_keys(parse_settings(f"[keys]\n'files.toggle' = '{written}'", "config.toml"))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_settings_have_an_order_of_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is the user's or that in the environment; the theme in the environment wins."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_settings().theme is None
    (tmp_path / "layerscope").mkdir()
    (tmp_path / "layerscope" / "config.toml").write_text("theme = 'nord'")
    assert load_settings().theme == "nord"
    monkeypatch.setenv("LAYERSCOPE_THEME", "light")
    assert load_settings().theme == "light"
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="no such file"):
        load_settings()


def test_commands_reject_an_invalid_configuration(
    demo_image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exit code is 2, and one line names file and line; help still works."""
    config = tmp_path / "config.toml"
    config.write_text("[keys]\nexplore.nothing = 'x'\n")
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(config))
    assert run(["report", str(demo_image)]) == 2
    assert f"{config}, line 2: unknown command `explore.nothing`" in capsys.readouterr().err
    assert run(["report", "--help"]) == 0


def test_binary_sizes_can_be_the_default(
    demo_image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("binary = true\n")
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(config))
    assert run(["report", str(demo_image)]) == 0
    assert "MiB" in capsys.readouterr().out


def test_an_invalid_state_file_is_ignored(tmp_path: Path) -> None:
    """It may be damaged, of another program, or not writable: the defaults apply."""
    path = tmp_path / "deep" / "state.json"
    assert load_state(path) == {}
    save_state(path, {"theme": "x"})
    assert load_state(path) == {"theme": "x"}
    assert [found.name for found in path.parent.iterdir()] == ["state.json"]
    path.write_text('{"theme": 3, "columns": "mode", "sort": []}')
    preferences = Preferences(Settings(), path)
    assert (preferences.theme, preferences.sort) == ("layerscope-dark", "size")
    path.write_bytes(b"\xff")
    assert load_state(path) == {}
    (tmp_path / "file").touch()
    save_state(tmp_path / "file" / "state.json", {"a": 1})
    assert stat.S_ISREG((tmp_path / "file").stat().st_mode)


def test_the_file_overrides_the_last_choice(tmp_path: Path) -> None:
    """Settings in the file apply at every start; for others, the last choice is restored."""
    path = tmp_path / "state.json"
    save_state(path, {"theme": "light", "sort": "name"})
    preferences = Preferences(Settings(theme="nord"), path)
    assert (preferences.theme, preferences.sort) == ("nord", "name")


def test_an_endless_configuration_is_rejected() -> None:
    """Reading stops at the maximum size; an empty one is accepted, even /dev/null."""
    with pytest.raises(UsageError, match="/dev/zero: not a regular file"):
        load_settings({"LAYERSCOPE_CONFIG": "/dev/zero"})
    assert load_settings({"LAYERSCOPE_CONFIG": "/dev/null"}).theme is None


@pytest.mark.parametrize("name", PRESETS)
def test_keys_of_a_preset_are_valid_and_unique(name: str) -> None:
    """They count as if the user had written them; the user's own keys override them."""
    lines = [f"{command} = {list(keys)}" for command, keys in KEY_PRESETS[name].items()]
    written = changed_keys(parse_settings("\n".join(["[keys]", *lines]), "config.toml"))
    assert changed_keys(parse_settings(f"[keys]\npreset = '{name}'", "config.toml")) == written
    own = f"[keys]\nexplore.sort = 'z'\npreset = '{name}'"
    changed = changed_keys(parse_settings(own, "config.toml"))
    assert changed == {**written, "explore.sort": ("z",)}


def test_every_preset_can_be_set() -> None:
    assert tuple(KEY_PRESETS) == PRESETS


@pytest.mark.parametrize(
    "text",
    [
        "[rules]\napt-lists = false",
        '[rules]\napt-lists = "off"',
        "[rules.apt-lists]\nenabled = false",
        '[rules.apt-lists]\nenabled = "off"',
        '[rules.apt-lists]\nseverity = "off"',
    ],
)
def test_a_rule_can_be_turned_off_in_any_notation(text: str) -> None:
    """The settings accept the same notations as `.layerscope.toml`."""
    document = parse_toml_text(text, "x.toml")
    choices = parse_rules(document["rules"], Places("x.toml", {}))
    assert choices == {"apt-lists": RuleChoice(enabled=False)}
