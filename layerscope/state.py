"""Choices that the user made in the explorer, saved for the next start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from layerscope.files import read_file, replacing

MAX_BYTES = 1 << 16
"""A larger file is not a state file."""


def state_file() -> Path:
    """The path of the state file."""
    from platformdirs import user_state_path

    return user_state_path("layerscope") / "state.json"


def load_state(path: Path) -> dict[str, object]:
    """The saved state; empty if unreadable."""
    try:
        state = json.loads(read_file(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def save_state(path: Path, state: Mapping[str, object]) -> None:
    """Save the state atomically; errors are ignored."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, prefix=".state-", mode=0o600) as stream:
            stream.write(json.dumps(state, indent=1, sort_keys=True).encode())
