"""Runs command lines in this process, in the folder of a test."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from layerscope import cli
from layerscope.cli import group
from layerscope.cli.group import ImageOrCommandGroup

COMMANDS = {name: ImageOrCommandGroup.load_command(name) for name in group.COMMANDS}
"""Every command by its name."""


class Ran(NamedTuple):
    """The result of a command line."""

    code: int
    out: str
    err: str


class Here:
    """Runs `layerscope` in its own folder, with `words` before the other arguments."""

    def __init__(
        self, folder: Path, capsysbinary: pytest.CaptureFixture[bytes], *words: str
    ) -> None:
        self.folder = folder
        self._streams = capsysbinary
        self._words = words

    def __call__(self, *args: str) -> Ran:
        return self.run(*self._words, *args)

    def run(self, *args: str) -> Ran:
        """Run another command."""
        code = cli.run(args)
        out, err = self._streams.readouterr()
        return Ran(code, out.decode(), err.decode())

    def write(self, name: str, text: str) -> None:
        """Write a file in the folder."""
        (self.folder / name).write_text(text)
