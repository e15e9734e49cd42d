"""Finds and reads the configuration of a gate: the given file, else `.layerscope.toml`, else dive's file, else the defaults."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from layerscope.analysis.gate import dive_ci, layerscope_toml
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.verdict import GateWarning
from layerscope.errors import UsageError
from layerscope.files import read_file

PARSERS: dict[str, Callable[[str, str], GateConfig]] = {
    layerscope_toml.NAME: layerscope_toml.parse_toml,
    **dict.fromkeys((dive_ci.NAME, *dive_ci.OTHER_NAMES), dive_ci.parse_dive),
}
"""Parsers by file name, in order of precedence."""
MAX_BYTES = 256 << 10
"""Maximum bytes of a configuration file."""


def load_config(given: Path | None, folder: Path) -> GateConfig:
    """The configuration of a gate. A `given` file is TOML if its name ends in .toml, otherwise dive's. Raises `UsageError`."""
    if given is not None:
        name = layerscope_toml.NAME if given.suffix.lower() == ".toml" else dive_ci.NAME
        if given.name == layerscope_toml.NAME:
            name = layerscope_toml.NAME
        return PARSERS[name](read_text(given), str(given))
    existing = [name for name in PARSERS if os.path.lexists(folder / name)]
    if not existing:
        return GateConfig()
    first, *rest = existing
    config = PARSERS[first](read_text(folder / first), first)
    unread = tuple(
        GateWarning("config-unused", f"{name} is not read because {first} exists", name)
        for name in rest
    )
    return replace(config, warnings=(*config.warnings, *unread))


def read_text(path: Path) -> str:
    """The text of a configuration file, UTF-8, at most `MAX_BYTES`. Raises `UsageError`."""
    try:
        data = read_file(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: invalid UTF-8") from None
