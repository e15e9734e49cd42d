"""The configuration that README shows is whole and true."""

from __future__ import annotations

import tomllib
from pathlib import Path

from layerscope.analysis.gate.config import GateConfig, known_keys
from layerscope.analysis.gate.layerscope_toml import IGNORE_KEYS, TABLES, parse_toml

README = (Path(__file__).parents[1] / "README.md").read_text()


def sample() -> str:
    """What stands between the marks."""
    _, block = README.split("<!-- layerscope.toml -->\n```toml\n")
    return block.partition("```")[0]


def test_the_sample_is_read_without_an_error() -> None:
    """It can be copied as it is."""
    config = parse_toml(sample(), ".layerscope.toml")
    assert len(config.ignores) == 4
    assert config.base == "python:3.12-slim"


def test_the_sample_has_every_key() -> None:
    """A key that it does not show is one that nobody finds."""
    table = tomllib.loads(sample())
    assert set(table) == set(TABLES)
    assert set(table["ci"]) == set(known_keys())
    assert {key for entry in table["ignore"] for key in entry} == set(IGNORE_KEYS)
    for key in ("severity", "min-bytes", "enabled"):
        assert key in sample()


def test_the_sample_shows_the_defaults_where_there_are_any() -> None:
    """Copying it changes only what is off by default."""
    shown, defaults = parse_toml(sample(), ""), GateConfig()
    for name, limit in defaults.limits.items():
        if limit is not None:
            assert shown.limits[name] == limit
    assert shown.wasted_floor == defaults.wasted_floor
    assert shown.fail_on == defaults.fail_on
