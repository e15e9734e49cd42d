"""docs/ci.md: its sample configuration is complete, valid, and has the defaults."""

from __future__ import annotations

import tomllib

from layerscope.analysis.gate.config import FLEET_LIMITS, GateConfig, known_keys
from layerscope.analysis.gate.layerscope_toml import Entry, File, parse_toml
from tests.docs.page import block, marked, read

SAMPLE = block(marked(read("ci.md"), "layerscope.toml"), "toml")


def test_the_sample_is_valid() -> None:
    """It can be copied unchanged."""
    config = parse_toml(SAMPLE, ".layerscope.toml")
    assert len(config.ignores) == 4
    assert config.base == "python:3.12-slim"


def test_the_sample_has_every_key() -> None:
    """Users would not find a key that is missing."""
    table = tomllib.loads(SAMPLE)
    assert set(table) == set(File.__struct_encode_fields__)
    assert set(table["ci"]) == set(known_keys())
    assert set(table["fleet"]) == set(FLEET_LIMITS)
    assert {key for entry in table["ignore"] for key in entry} == set(
        Entry.__struct_encode_fields__
    )
    for key in ("severity", "min-bytes", "enabled"):
        assert key in SAMPLE


def test_the_sample_shows_the_defaults() -> None:
    """Copying it changes only rules that are off by default."""
    shown, defaults = parse_toml(SAMPLE, ""), GateConfig()
    for name, limit in defaults.limits.items():
        if limit is not None:
            assert shown.limits[name] == limit
    assert shown.wasted_floor == defaults.wasted_floor
    assert shown.fail_on == defaults.fail_on
