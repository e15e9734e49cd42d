"""`layerscope`, and `python -m layerscope`: nothing is imported before Ctrl-C can end it quietly."""

from __future__ import annotations

INTERRUPTED = 130
"""The exit code of a program that was interrupted."""


def main() -> None:
    """Import the program and run it."""
    try:
        from layerscope.cli import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
