"""A few lines about a file: layer, attributes, names, history."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from layerscope import text
from layerscope.analysis.duplicates import CopyIndex
from layerscope.browse.facts import FileFacts, other_names, replaced_version
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.inodes import Why
from layerscope.filesystem.model import Filesystem
from layerscope.image.summary import one_line
from layerscope.layers.index import Kind
from layerscope.tui.session import Session
from layerscope.tui.theme import text_color

MAX_DUPLICATES = 8
"""Maximum number of duplicates named."""


class FileFactsPanel(Static):
    """Layer, attributes, names and history of one version of a path."""

    DEFAULT_CSS = """
    FileFactsPanel {
        height: auto; max-height: 8; padding: 0 1; background: $background; border-bottom: solid $rule;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    FileFactsPanel.-empty { display: none; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False, classes="-empty")
        self._session = session

    def show(self, facts: FileFacts) -> None:
        """Show a version."""
        opened = self._session.opened
        if opened is None:
            return
        quiet = text_color(self.app.theme_variables, "quiet")
        image, filesystem = self._session.image, opened.filesystem
        body = Text(no_wrap=True, overflow="ellipsis")
        step = image.steps[image.layers[facts.layer].step]
        body.append(f"layer {facts.layer} · ", quiet).append(text.safe_name(one_line(step)))
        body.append(f"\n{facts.mode_words()}  {facts.owner_words()}")
        if facts.known:
            body.append(f"  {text.time_of(facts.mtime)}")
        body.append(f"  {size_words(facts)}")
        body.append(f"\n{history_words(filesystem, facts)}", quiet)
        broken = self._broken_words(facts)
        if broken:
            body.append(f"\n{broken}", text_color(self.app.theme_variables, "waste"))
        names = other_names(filesystem, facts)
        if names:
            shown = ", ".join("/" + text.safe_name(filesystem.table.full(path)) for path in names)
            body.append("\nalso ", quiet).append(shown)
        if facts.died == filesystem.layer_count:
            body.append(duplicates_words(filesystem, self._session.copies, [facts.path, *names]))
        for name, value in facts.xattr_words():
            body.append(f"\n{name} ", quiet).append(value)
        self.update(body)
        self.remove_class("-empty")

    def _broken_words(self, facts: FileFacts) -> str:
        """The damage of the layer that stores the file; empty if the layer is intact."""
        index = self._session.indexes[facts.layer]
        if index is None or index.broken is None:
            return ""
        where = f"layer {facts.layer} is damaged at byte {index.broken.offset:,} of its tar"
        return f"{where}: {text.safe_name(index.broken.message)}"


def duplicates_words(filesystem: Filesystem, copies: CopyIndex | None, names: Sequence[int]) -> str:
    """A line with the number of a file among its duplicates, and the paths of the others."""
    for path in names:
        found = None if copies is None else copies.of(path)
        if found is not None:
            place, duplicate = found
            others = [other for other in duplicate.paths[: MAX_DUPLICATES + 1] if other != path][
                :MAX_DUPLICATES
            ]
            shown = [f"/{text.safe_name(filesystem.table.full(other))}" for other in others]
            shown += ["…"] if len(duplicate.paths) - 1 > MAX_DUPLICATES else []
            which = f"{text.ordinal(place + 1)} of {len(duplicate.paths):,} copies"
            return f"\n{which} with the same content: {', '.join(shown)}"
    return ""


def size_words(facts: FileFacts) -> str:
    """The size, short and exact; the type if it is not a regular file."""
    if facts.kind is not Kind.FILE:
        return facts.kind_words()
    short, exact = text.size(facts.stored), text.exact_size(facts.stored)
    words = short if facts.stored < 1000 else f"{short} ({exact})"
    if facts.logical != facts.stored:
        words += f" · sparse: {text.size(facts.logical)} including holes"
    return words


def history_words(filesystem: Filesystem, facts: FileFacts) -> str:
    """The version that this one replaced, and what happened to this one later."""
    before = replaced_version(filesystem, facts.row)
    if before is None:
        origin = f"new in layer {facts.born}"
    else:
        older = FileFacts.of(filesystem, before)
        bits = filesystem.inodes.differences(
            filesystem.inode_of[[before]], filesystem.inode_of[[facts.row]]
        )
        what = [WHY_NAMES[why] for why in Why if int(bits[0]) & why]
        origin = f"replaces layer {older.layer}'s version · {', '.join(what) or 'nothing'} changed"
    if facts.died == filesystem.layer_count:
        return f"{origin} · in the final image"
    return f"{origin} · deleted or replaced in layer {facts.died}"


def comparable_version(filesystem: Filesystem, facts: FileFacts) -> int | None:
    """The file version that this one replaced, to compare with; None if there is none."""
    before = replaced_version(filesystem, facts.row)
    if before is None or facts.kind is not Kind.FILE or filesystem.kinds[before] != Kind.FILE:
        return None
    return before
