"""The program as pip installs it: with its bytecode. A checkout may have none, and would be compiled at every start."""

from __future__ import annotations

import compileall
from pathlib import Path

import layerscope


def compile_program() -> None:
    """Compile what is measured; what is compiled already is left alone."""
    compileall.compile_dir(Path(layerscope.__file__).parent, quiet=1)
