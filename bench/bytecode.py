"""Compiles the program to bytecode, as pip does. A checkout may have no bytecode, and would be compiled at every start."""

from __future__ import annotations

import compileall
from pathlib import Path

import layerscope


def compile_program() -> None:
    """Compile the package; up-to-date bytecode is kept."""
    compileall.compile_dir(Path(layerscope.__file__).parent, quiet=1)
