"""Dockerfile: all instructions, with the bytes each stores and wastes."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.listing import Line, Listing, ListingLine, list_instructions
from layerscope.analysis.steps import step_kind
from layerscope.image.summary import one_line
from layerscope.opening.opened import file_name
from layerscope.tui.session import Session
from layerscope.tui.view import ShowStep, View
from layerscope.tui.widgets import listing_list
from layerscope.tui.widgets.fact_strip import FactStrip
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.listing_list import ListingList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle

LISTED_AT_ONCE = 200_000
"""Maximum number of characters of instructions that are listed directly; more are listed in a thread."""


SCROLLBAR = 1
"""Columns reserved for the scrollbar."""


class DockerfileView(View):
    """The listing, and details of the instruction under the cursor."""

    DEFAULT_CSS = """
    DockerfileView { layout: vertical; }
    DockerfileView > Pane { height: 1fr; }
    DockerfileView > FactStrip { height: 4; }
    """

    @dataclass(eq=False, repr=False)
    class Listed(Message):
        """A thread listed the instructions."""

        listing: Listing

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.list = ListingList(session, id="listing")
        self.facts = FactStrip(id="listing-facts")
        self._title = PaneTitle(
            "Dockerfile",
            f"{session.key('list.open')} shows the step",
            hints=("list.open",),
        )
        self._columns = ColumnTitles()

    def compose(self) -> ComposeResult:
        yield Pane(self._title, self._columns, self.list)
        yield self.facts

    def panes(self) -> list[Widget]:
        return [self.list]

    def on_mount(self) -> None:
        self._list()
        super().on_mount()

    def _list(self) -> None:
        size = sum(len(step.arguments) + 100 for step in self.session.image.steps)
        size += sum(map(len, self.session.dockerfile.lines)) if self.session.dockerfile else 0
        size += len(self.session.image.beside.provenance or b"")
        if size > LISTED_AT_ONCE:
            self._list_in_thread()
        else:
            self._show(self._listing())

    @work(thread=True, exit_on_error=False, group="listing")
    def _list_in_thread(self) -> None:
        self.post_message(self.Listed(self._listing()))

    def _listing(self) -> Listing:
        session = self.session
        return list_instructions(session.image, session.dockerfile, session.request.limits)

    @on(Listed)
    def _listed(self, event: Listed) -> None:
        event.stop()
        self._show(event.listing)

    def _show(self, listing: Listing) -> None:
        self.list.show_listing(listing, self._base(listing))
        self._update_facts()
        if listing.source is None:
            self._title.show(
                "Dockerfile · reconstructed from the image history",
                self._title.right,
                shorter=("Dockerfile · reconstructed", "Dockerfile"),
            )
        else:
            source = text.safe_name(file_name(listing.source))
            origin = "" if self.session.dockerfile else " from the build provenance"
            count = text.count_of(listing.written, "instruction")
            self._title.show(
                f"{source}{origin} · {listing.found} of {count} found in this image",
                self._title.right,
                shorter=(f"{source}{origin} · {listing.found} of {count}",),
            )

    def _base(self, listing: Listing) -> tuple[int, str] | None:
        """The first step above the base image, and a label for it; None if unknown."""
        if listing.base_end is not None:
            return listing.base_end, "base image"
        if self.session.base_steps:
            return self.session.base_steps, "base image (estimated)"
        return None

    def on_resize(self) -> None:
        self._columns.show(listing_list.column_titles(self.size.width - SCROLLBAR))

    # results of the loader

    def layers_changed(self) -> None:
        self.list.rows_changed()

    def stacked(self) -> None:
        self.list.rows_changed()
        self._update_facts()

    def beside_found(self) -> None:
        if self.session.dockerfile is None and self.session.image.beside.provenance is not None:
            self._list()

    # the line under the cursor

    @on(LineList.Highlighted, "#listing")
    def _highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._update_facts()

    def _update_facts(self) -> None:
        line = self.list.instruction
        if line is None:
            self.facts.show()
        elif not line.steps:
            self.facts.show(("", _WITHOUT_STEP[line.kind]))
        elif len(line.steps) == 1:
            self.facts.show(*self._step_facts(line.steps.start))
        else:
            self.facts.show(*self._base_facts(line))

    def _step_facts(self, index: int) -> list[tuple[str, str]]:
        step = self.session.image.steps[index]
        if step.layer is None:
            return [(f"step {index}", "metadata step, 0 B")]
        facts = [f"layer {step.layer}"]
        opened, layer_index = self.session.opened, self.session.indexes[step.layer]
        if opened is not None and layer_index is not None:
            account = opened.accounting.layers[step.layer]
            kind = step_kind(opened.filesystem, layer_index, step.layer)
            facts += [kind.value, text.count_of(account.entries, "entry", "entries")]
            if account.wasted:
                share = text.percent(account.wasted, account.stored)
                facts.append(f"{text.size(account.wasted)} wasted ({share})")
            if account.hides:
                facts.append(f"hides {text.size(account.hides)} from lower layers")
        return [(f"step {index}", " · ".join(facts)), ("", text.safe_name(one_line(step)))]

    def _base_facts(self, line: ListingLine) -> list[tuple[str, str]]:
        steps = self.session.image.steps[line.steps.start : line.steps.stop]
        layers = sum(step.layer is not None for step in steps)
        counts = f"{text.count_of(len(steps), 'step')}, {text.count_of(layers, 'layer')}"
        return [
            ("base image", counts),
            ("last step", text.safe_name(one_line(steps[-1]))),
        ]

    @on(LineList.Opened, "#listing")
    def _show_step(self, event: LineList.Opened) -> None:
        event.stop()
        line = self.list.instruction
        if line is not None and line.steps:
            self.post_message(ShowStep(line.steps[-1]))


_WITHOUT_STEP = {
    Line.STEP: "",
    Line.MORE: "",
    Line.BASE: "The base image is empty (scratch).",
    Line.REMARK: "",
    Line.STAGE: "This stage is not part of the image; only files copied from it are.",
    Line.ABSENT: "Not in this image: no step of its history matches this instruction.",
    Line.UNWRITTEN: "",
}
"""Texts for lines without a step."""
