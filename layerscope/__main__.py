"""`layerscope`, and `python -m layerscope`: nothing is imported before signals can end it in order, and faults have their exit code."""

from __future__ import annotations

import contextlib
import os
import sys

from layerscope import signals

INTERNAL = 70
"""The exit code of ends that say nothing about the image, as `errors.ExitCode` has it."""
SPARE = 96 << 20
"""Bytes of address space that loading the program takes at least."""


def main() -> None:
    """Import the program and run it."""
    signals.catch()
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
    """Raise `MemoryError` where numpy's BLAS would end the program with the exit code of a failed gate, in words of its own.

    It would also start a thread for each core, which nothing here needs.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import mmap

    try:
        mmap.mmap(-1, SPARE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError from error


def _fault(error: BaseException) -> int:
    """Say why the program could not be loaded; its exit code."""
    try:
        from layerscope.faults import as_user_error

        said = as_user_error(error)
        words = f"layerscope: {said.message}\n  hint: {said.hint}\n".encode(errors="replace")
    except BaseException:
        words = b"layerscope: out of memory\n"
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            os.write(2, words)
    return INTERNAL


if __name__ == "__main__":
    main()
