"""`layerscope`, and `python -m layerscope`: sets up signals and exit codes for faults before all other imports."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

from layerscope import signals

INTERNAL = 70
"""The exit code for internal errors and lack of memory, as in `errors.ExitCode`."""
GARBAGE = 50_000
"""New objects between two garbage collections: with Python's default of 700, a command that imports hundreds of modules spends 2 % of
its time on collections that free next to nothing."""
SPARE = 96 << 20
"""Bytes of address space needed to load the program."""


def main() -> None:
    """Import the program and run it."""
    signals.catch()
    gc.set_threshold(GARBAGE)
    try:
        _check_memory()
        from layerscope.cli import main as run

        run()
    except KeyboardInterrupt:
        code = 130
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
    except BaseException as error:
        code = _fault(error)
    os._exit(code)


def _check_memory() -> None:
    """Raise `MemoryError` if memory is too short for numpy's BLAS, which would end the program with its own message and the exit
    code of a failed gate.

    Also keeps BLAS from starting a thread for each core, which nothing here needs.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import mmap

    try:
        mmap.mmap(-1, SPARE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError from error


def _fault(error: BaseException) -> int:
    """Say why the program could not be loaded; returns the exit code."""
    try:
        from layerscope.faults import as_user_error

        failure = as_user_error(error)
        message = f"layerscope: {failure.message}\n  hint: {failure.hint}\n".encode(
            errors="replace"
        )
    except BaseException:
        message = b"layerscope: out of memory\n"
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            os.write(2, message)
    return INTERNAL


if __name__ == "__main__":
    main()
