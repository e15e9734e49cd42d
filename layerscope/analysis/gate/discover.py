"""Which configuration holds: the one that is named, else `.layerscope.toml`, else dive's by any of its names, else the defaults."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from layerscope.analysis.gate import dive_ci, layerscope_toml
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.reading import read_text
from layerscope.analysis.gate.verdict import GateWarning

PARSERS: dict[str, Callable[[str, str], GateConfig]] = {
    layerscope_toml.NAME: layerscope_toml.parse_toml,
    **dict.fromkeys((dive_ci.NAME, *dive_ci.OTHER_NAMES), dive_ci.parse_dive),
}
"""Files that are looked for, in this order, and what reads them."""


def load_config(given: Path | None, folder: Path) -> GateConfig:
    """The configuration of a gate. A file that is named is TOML if its name ends so, else one of dive's. Raises `UsageError`."""
    if given is not None:
        name = layerscope_toml.NAME if given.suffix.lower() == ".toml" else dive_ci.NAME
        if given.name == layerscope_toml.NAME:
            name = layerscope_toml.NAME
        return PARSERS[name](read_text(given), str(given))
    there = [name for name in PARSERS if os.path.lexists(folder / name)]
    if not there:
        return GateConfig()
    first, *rest = there
    config = PARSERS[first](read_text(folder / first), first)
    unread = tuple(
        GateWarning("config-unused", f"{name} is not read because {first} exists", name)
        for name in rest
    )
    return replace(config, warnings=(*config.warnings, *unread))
