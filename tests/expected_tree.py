"""A listener for trees expected from tables of contents."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from layerscope.analysis.cache import ImageCache
from layerscope.filesystem.model import Filesystem
from layerscope.layers import reading
from layerscope.layers.blob import Blob
from layerscope.layers.cache import Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.toc import tables_of_contents
from layerscope.layers.toc.reading import has_toc
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.opening.open import Listener, Opened, Options, analyse
from layerscope.sources import Request, open_source
from tests.images import directory, file, hardlink, symlink, whiteout

BASE = [
    directory("etc"),
    file("etc/passwd", b"root\n", mode=0o600, xattrs={b"user.a": b"1"}),
    file("gone", b"x" * 600),
    symlink("link", "etc/passwd"),
    hardlink("same", "etc/passwd"),
]
TOP = [whiteout("gone"), file("new", b"content", uid=5)]


class EarlyListener(Listener):
    """Records its calls, in order."""

    wants_expected = True

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.filesystems: list[Filesystem] = []

    def expected(self, filesystem: Filesystem) -> None:
        self.heard.append("expected")
        self.filesystems.append(filesystem)

    def layer_indexed(self, number: int, indexed: Indexed) -> None:  # noqa: ARG002
        self.heard.append(f"layer {number}")

    def stacked(self, opened: Opened, cache: ImageCache) -> Opened:
        self.heard.append("stacked")
        self.filesystems.append(opened.filesystem)
        return super().stacked(opened, cache)


def listen(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    wait: bool = True,
    worthwhile: int = 1,
    **options: Any,
) -> EarlyListener:
    """The calls to a listener. With `wait`, layers with a table are read only after their expected tree was shown."""
    early = EarlyListener()
    shown = threading.Event()

    def slowly(blob: Blob, *args: Any, **how: Any) -> LayerIndex:
        if has_toc(blob):
            assert shown.wait(10)
        return index_layer(blob, *args, **how)

    def expected(filesystem: Filesystem) -> None:
        EarlyListener.expected(early, filesystem)
        shown.set()

    request = Request(str(path), limits=limits)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables_of_contents, "WORTHWHILE", worthwhile)
        patched.setattr(early, "expected", expected)
        if wait:
            patched.setattr(reading, "index_layer", slowly)
        analyse(request, open_source(request), Options(**options), early)
    return early
