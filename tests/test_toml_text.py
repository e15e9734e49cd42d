"""Positions of keys in a configuration, and errors about invalid ones."""

from __future__ import annotations

import tomllib

import pytest

from layerscope.errors import UsageError
from layerscope.toml_text import key_lines, parse_toml_text

TEXT = '''# a = 1
top = "x = 1 # no key"
"a.b" = 'c'

[ci] # [not.this]
list = [
  "y = 2",   # z = 3
  { inner = 1 },
  [{ deep = 2 }],
]
text = """
[rules]
w = 1
"""
rules.apt-lists = { severity = "note", min-bytes = { value = 4 } }

[[ignore]]
path = "a"

[[ ignore ]]
  path = 'b'
[ignore.more]
why = 2007-01-01
'''


def test_every_key_has_its_line() -> None:
    """This covers inline tables and the second of a list of tables; strings and comments have no keys."""
    assert tomllib.loads(TEXT)
    assert key_lines(TEXT) == {
        "top": 2,
        "a.b": 3,
        "ci": 5,
        "ci.list": 6,
        "ci.list.1": 8,
        "ci.list.1.inner": 8,
        "ci.list.2": 9,
        "ci.list.2.0": 9,
        "ci.list.2.0.deep": 9,
        "ci.text": 11,
        "ci.rules": 15,
        "ci.rules.apt-lists": 15,
        "ci.rules.apt-lists.severity": 15,
        "ci.rules.apt-lists.min-bytes": 15,
        "ci.rules.apt-lists.min-bytes.value": 15,
        "ignore": 17,
        "ignore.0": 17,
        "ignore.0.path": 18,
        "ignore.1": 20,
        "ignore.1.path": 21,
        "ignore.1.more": 22,
        "ignore.1.more.why": 23,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\na = 2", "line 2: Cannot overwrite a value"),
        ("[a]\n[b.c]\n[b.c]", "line 3: Cannot declare `b.c` twice"),
        ("x = 1\n\ny = " + "7" * 9999, "line 3: a number has more than 4,300 digits"),
        ("x = 1\ny = " + "[" * 9999, "line 2: nested too deeply"),
        ("x = 1\n" + "a." * 300 + "b = 1", "line 2: more than 200 dots in one line"),
        ("x = ", "line 1: Invalid value"),
    ],
)
def test_an_invalid_configuration_is_reported_with_its_line(text: str, message: str) -> None:
    """Messages need no knowledge of Python."""
    with pytest.raises(UsageError) as caught:
        parse_toml_text(text, "file.toml")
    assert caught.value.message == f"file.toml, {message}"
