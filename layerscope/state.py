"""Choices in the program, saved for the next start."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from layerscope.files import read_file

MOST_BYTES = 1 << 16
"""A larger file is not a state file."""


def state_file() -> Path:
    """The path of the state file."""
    from platformdirs import user_state_path

    return user_state_path("layerscope") / "state.json"


def load_state(path: Path) -> dict[str, object]:
    """The saved state; empty if unreadable."""
    try:
        state = json.loads(read_file(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def save_state(path: Path, state: Mapping[str, object]) -> None:
    """Save the state atomically; errors are ignored."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".state-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(state, stream, indent=1, sort_keys=True)
        Path(temporary).replace(path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
