"""The explorer: the only room that imports textual, and only when it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from layerscope.image.dockerfile import Dockerfile
from layerscope.opening import Options
from layerscope.sources import Candidate, Request, open_source


def run_explorer(request: Request, options: Options, dockerfile: Dockerfile | None = None) -> None:
    """Explore an image until the user quits, next to the Dockerfile that it was built from if that is given.

    Raises `LayerscopeError` for what cannot be opened.
    """
    source = open_source(request, _ask)
    _take_keys_from_terminal()

    from layerscope.tui.app import LayerscopeApp
    from layerscope.tui.session import Session

    session = Session(request, source, replace(options, verify_small=False), dockerfile)
    LayerscopeApp(session).run()


def _ask(candidates: Sequence[Candidate]) -> Candidate | None:
    """Let the user choose one of several images."""
    _take_keys_from_terminal()
    from layerscope.tui.chooser import ChooserApp

    return ChooserApp(candidates).run()


def _take_keys_from_terminal() -> None:
    """After an image came in on stdin, keys come from the terminal itself."""
    if not os.isatty(0):
        terminal = os.open("/dev/tty", os.O_RDWR)
        os.dup2(terminal, 0)
        os.close(terminal)
