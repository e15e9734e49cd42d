"""A program that answers requests: read in full, and never waited for in vain."""

from __future__ import annotations

import sys
import time

import pytest

from layerscope.errors import CancelledError
from layerscope.layers.child_process import ChildProcess

ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line * 3000); sys.stdout.flush()"
SLEEP = "import time; time.sleep(60)"


def program(source: str) -> list[str]:
    """The command that runs it."""
    return [sys.executable, "-I", "-S", "-c", source]


def go_on() -> None:
    """It is still wanted."""


def test_answers_of_any_length_come_whole() -> None:
    """One request after another, to the same process."""
    with ChildProcess(program(ECHO), go_on) as child:
        assert child.process is None
        for line in (b"x" * 999 + b"\n", b"short\n"):
            child.send(line[:2], line[2:])
            assert child.read(3000 * len(line)) == line * 3000


def test_a_program_that_ends_is_not_waited_for() -> None:
    """What it did not say is an error, and so is a request that nobody reads."""
    with ChildProcess(program("print('half')"), go_on) as child:
        child.send(b"")
        with pytest.raises(BrokenPipeError):
            child.read(100)
        assert child.process is not None
        child.process.wait()
        with pytest.raises(BrokenPipeError):
            child.send(b"more")


def test_an_answer_that_is_no_longer_wanted_is_not_waited_for() -> None:
    """And the program is ended."""
    until = time.monotonic() + 0.2

    def check() -> None:
        if time.monotonic() > until:
            raise CancelledError

    with ChildProcess(program(SLEEP), check) as child:
        child.send(b"?")
        with pytest.raises(CancelledError):
            child.read(1)
    assert time.monotonic() < until + 30
    assert child.process is not None
    assert child.process.returncode is not None
