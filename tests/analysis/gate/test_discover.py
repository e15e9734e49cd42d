"""The configuration that is used, and errors about unreadable ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.analysis.gate.discover import MAX_BYTES, load_config
from layerscope.errors import UsageError

OURS, DIVES = ".layerscope.toml", ".dive-ci"
NAMES = [OURS, DIVES, ".dive-ci.yaml", ".dive-ci.yml"]
"""In the order in which they count."""


def test_our_configuration_takes_precedence_over_dives(tmp_path: Path) -> None:
    """A file that exists but is not used is reported."""
    assert load_config(None, tmp_path).source_kind == "defaults"
    (tmp_path / DIVES).write_text("rules:\n  highestWastedBytes: 1\n")
    assert load_config(None, tmp_path).source_kind == "dive"
    (tmp_path / OURS).write_text("[ci]\nmax-wasted = 2\n")
    config = load_config(None, tmp_path)
    assert (config.source, config.limits["max-wasted"]) == (OURS, 2)
    assert [warning.code for warning in config.warnings] == ["config-unused"]


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_the_first_existing_file_is_used(tmp_path: Path, number: int) -> None:
    """Each later one causes a warning that names the one used."""
    there = NAMES[number:]
    for name in there:
        rule = "[ci]\nmax-wasted = 2\n" if name == OURS else "rules:\n  highestWastedBytes: 3\n"
        (tmp_path / name).write_text(rule)
    config = load_config(None, tmp_path)
    assert (config.source, config.limits["max-wasted"]) == (there[0], 2 if number == 0 else 3)
    assert [(warning.place, warning.message) for warning in config.warnings] == [
        (name, f"{name} is not read because {there[0]} exists") for name in there[1:]
    ]


def test_the_name_of_a_given_file_determines_its_format(tmp_path: Path) -> None:
    """Names of TOML files end in .toml; all others are dive's."""
    ours, dives = tmp_path / "gate.toml", tmp_path / "dive.yaml"
    ours.write_text("[ci]\nmax-wasted = 2\n")
    dives.write_text("rules:\n  highestWastedBytes: 3\n")
    assert load_config(ours, tmp_path).limits["max-wasted"] == 2
    assert load_config(dives, tmp_path).limits["max-wasted"] == 3


@pytest.mark.parametrize("name", NAMES)
def test_an_unreadable_file_is_an_error(name: str, tmp_path: Path) -> None:
    """The defaults are never used instead."""
    path = tmp_path / name
    with pytest.raises(UsageError, match="No such file"):
        load_config(path, tmp_path)
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match="No such file"):
        load_config(None, tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        load_config(None, tmp_path)
    path.rmdir()
    path.write_bytes(b"# one\n# two \xff\n")
    with pytest.raises(UsageError, match="line 2: invalid UTF-8"):
        load_config(None, tmp_path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(UsageError, match="more than 262,144 bytes"):
        load_config(None, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_byte_order_marks_and_crlf_are_accepted(name: str, tmp_path: Path) -> None:
    """Both are common on Windows."""
    text = "[ci]\r\nmax-wasted = 2\r\n" if name == OURS else "rules:\r\n  highestWastedBytes: 2\r\n"
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_config(None, tmp_path).limits["max-wasted"] == 2
