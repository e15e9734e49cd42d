"""Waits in a thread for the worker's results, and posts each as a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from textual.message import Message

from layerscope.errors import CancelledError, LayerscopeError
from layerscope.opening.loading import Watcher
from layerscope.opening.opened import Opened
from layerscope.sources.base import SourceImage
from layerscope.tui.session import Session
from layerscope.tui.workers import MessageProgress

if TYPE_CHECKING:
    from layerscope.analysis.duplicates import CopyIndex, Duplicates
    from layerscope.analysis.findings.finding import Findings
    from layerscope.browse.package_files import PackageFiles
    from layerscope.filesystem.model import Filesystem
    from layerscope.filesystem.selector import Mask
    from layerscope.layers.index import LayerIndex


@dataclass(eq=False, repr=False)
class Fetched(Message):
    """An engine's export arrived: the layers and the config of the image."""

    source: SourceImage


@dataclass(eq=False, repr=False)
class TreeExpected(Message):
    """The filesystem according to the layers' tables of contents, not verified yet."""

    filesystem: Filesystem


@dataclass(eq=False, repr=False)
class LayerRead(Message):
    """A layer was indexed."""

    number: int
    index: LayerIndex


@dataclass(eq=False, repr=False)
class Stacked(Message):
    """All layers are stacked and accounted; duplicates, findings and digests may follow."""

    opened: Opened
    wasted: Mask


@dataclass(eq=False, repr=False)
class DuplicatesFound(Message):
    """The search for duplicates is complete."""

    duplicates: Duplicates
    copies: CopyIndex
    marked: Mask


@dataclass(eq=False, repr=False)
class BesideFound(Message):
    """The documents stored beside the image were read: provenance, SBOMs, referrers."""

    opened: Opened


@dataclass(eq=False, repr=False)
class FindingsFound(Message):
    """Findings are available."""

    findings: Findings
    secret: Mask | None
    """None if no rule looked for secrets."""
    packages: PackageFiles


@dataclass(eq=False, repr=False)
class LayerChecked(Message):
    """The digests of a layer were checked."""

    number: int
    right: bool


class WorkDone(Message):
    """Loading is complete."""


@dataclass(eq=False, repr=False)
class WorkFailed(Message):
    """Loading failed."""

    error: LayerscopeError


class _PostingWatcher(Watcher):
    """Posts the results of the worker."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post

    def fetched(self, source: SourceImage) -> None:
        self._post(Fetched(source))

    def expected(self, filesystem: Filesystem) -> None:
        filesystem.prepare()
        self._post(TreeExpected(filesystem))

    def layer_indexed(self, number: int, index: LayerIndex) -> None:
        self._post(LayerRead(number, index))

    def stacked(self, opened: Opened) -> None:
        from layerscope.tui import (
            filter_marks,  # not before the first frame, like everything that needs numpy
        )

        opened.filesystem.prepare()
        self._post(Stacked(opened, filter_marks.wasted(opened.filesystem, opened.accounting)))

    def duplicates_found(self, opened: Opened) -> None:
        from layerscope.analysis.duplicates import NO_DUPLICATES, CopyIndex
        from layerscope.tui import filter_marks

        duplicates = opened.duplicates or NO_DUPLICATES
        marked = filter_marks.duplicate(opened.filesystem, duplicates)
        self._post(DuplicatesFound(duplicates, CopyIndex(duplicates), marked))

    def beside_found(self, opened: Opened) -> None:
        self._post(BesideFound(opened))

    def findings_found(self, opened: Opened) -> None:
        from layerscope.tui import filter_marks

        findings = opened.findings
        if findings is not None:
            secret = filter_marks.secret(opened.filesystem, findings)
            self._post(FindingsFound(findings, secret, filter_marks.packages(findings)))

    def checked(self, number: int, right: bool) -> None:
        self._post(LayerChecked(number, right))


def load(
    session: Session, post: Callable[[Message], object], cancelled: Callable[[], bool]
) -> None:
    """Wait for the parts of the session's image in the calling thread, and post them. Never raises; stops when cancelled."""
    import_module(
        "layerscope.browse.tree"
    )  # otherwise the main thread would import it once everything is stacked
    session.remote.report_to(MessageProgress(post, cancelled))
    try:
        session.remote.load(_PostingWatcher(post), cancelled)
        post(WorkDone())
    except CancelledError:
        return
    except LayerscopeError as error:
        post(WorkFailed(error))
    except OSError as error:
        post(WorkFailed(LayerscopeError(f"{session.image.reference}: {error.strerror or error}")))
