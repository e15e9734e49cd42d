"""The details of a row of the steps: whole instruction, sizes, digests."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from layerscope import text
from layerscope.image.history import Step
from layerscope.image.instruction import readable
from layerscope.image.summary import NOTHING_RECORDED, full_text, one_line
from layerscope.opening.digests import state_of
from layerscope.tui.commands import bindings
from layerscope.tui.paint import wrap
from layerscope.tui.pointing import Pressable
from layerscope.tui.session import Session
from layerscope.tui.theme import text_color, thin_scrollbar
from layerscope.tui.tree_words import effect_of
from layerscope.tui.widgets.image_details import append_image
from layerscope.tui.widgets.step_list import Extra, Row
from layerscope.words import CHANGES

MAX_LINES = 400
"""Maximum number of lines of an instruction."""

MIN_WRAP_WIDTH = 20
"""Minimum width for wrapping, in cells."""
SCROLLBAR = 1
INDENT = "    "
"""Indent of continued lines."""


class StepDetails(Pressable, VerticalScroll, can_focus=True):
    """Shows one step, the final image, or all metadata steps."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    DEFAULT_CSS = """
    StepDetails { padding: 0 1; background: $background; }
    StepDetails > Static { width: 1fr; }
    """ + thin_scrollbar("StepDetails")

    class Opened(Message):
        """Request to go to the files of the step."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._body = Static(markup=False)
        self._shown: Row | None = None

    def compose(self):  # type: ignore[no-untyped-def]
        yield self._body

    def show(self, shown: Row | None) -> None:
        """Show a row of the steps, or nothing."""
        self._shown = shown
        self._set_text(self._describe())
        self.scroll_home(animate=False)

    def _set_text(self, words: Text) -> None:
        """Show a text. The layout is refreshed only if the height changes."""
        body = self._body
        body.update(words, layout=False)
        body.clear_cached_dimensions()
        room = body.content_size
        if body.get_content_height(self.size, self.app.size, room.width) != room.height:
            body.refresh(layout=True)

    def on_resize(self) -> None:
        self._set_text(self._describe())

    # list keys scroll the text

    def action_move(self, by: int) -> None:
        self.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        self.scroll_relative(y=by * max(self.size.height - 1, 1), animate=False)

    def action_top(self) -> None:
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        self.scroll_end(animate=False)

    def action_open(self) -> None:
        self.post_message(self.Opened())

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted:
            self._body.update(self._describe())  # the theme may have changed

    def _describe(self) -> Text:
        quiet = text_color(self.app.theme_variables, "quiet")
        body, shown = Text(), self._shown
        if isinstance(shown, Step):
            self._describe_step(body, shown, quiet)
        elif shown is Extra.FINAL:
            append_image(body, self._session, quiet)
        elif shown is Extra.METADATA:
            steps = [step for step in self._session.image.steps if step.layer is None]
            body.append(f"{text.count_of(len(steps), 'metadata step')}, 0 B\n", quiet)
            for step in steps[:MAX_LINES]:
                body.append(f"{step.index:>3}  ", quiet)
                body.append(f"{self._wrapped(text.safe_name(one_line(step)))}\n")
        return body

    def _describe_step(self, body: Text, step: Step, quiet: str) -> None:
        body.append(self._heading(step) + "\n", quiet)
        if step.index < self._session.base_steps:
            word = text.safe_name(self._session.base_origin())
            keys = f"{self._session.key('steps.base_up')} {self._session.key('steps.base_down')}"
            body.append(f"base image ({word}) · {keys} move its end\n", quiet)
        self._append_instruction(body, step, quiet)
        if step.layer is None:
            body.append(f"\nmetadata step, 0 B: {effect_of(step)}\n", quiet)
        else:
            self._append_figures(body, step.layer, quiet)
        for label, value in (
            ("build args", " ".join(step.build_args)),
            ("author", step.author or ""),
            ("comment", step.comment or ""),
        ):
            if value:
                body.append(f"{label}  ", quiet).append(text.safe_name(value[:2000]) + "\n")

    def _heading(self, step: Step) -> str:
        parts = [f"Step {step.index}"]
        if step.layer is not None:
            parts.append(f"layer {step.layer}")
        created = text.date_of(step.created)
        if created is not None:
            parts.append(created)
        return " · ".join(parts)

    def _append_instruction(self, body: Text, step: Step, quiet: str) -> None:
        whole = full_text(step)
        if not whole:
            body.append(NOTHING_RECORDED + "\n", quiet)
            return
        lines = readable(whole) if step.instruction in ("RUN", None) else whole.splitlines()
        for number, line in enumerate(lines[:MAX_LINES]):
            shown = text.safe_name(line)
            shown = self._wrapped(shown)
            if number == 0 and step.instruction:
                body.append(step.instruction, "bold")
                shown = shown[len(step.instruction) :]
            body.append(shown + "\n")
        if len(lines) > MAX_LINES:
            body.append(f"… {len(lines) - MAX_LINES:,} more lines\n", quiet)

    def _wrapped(self, line: str) -> str:
        """A line, wrapped with an indent for continuation lines."""
        width = self.content_region.width - SCROLLBAR
        if width < MIN_WRAP_WIDTH or len(line) > width * MAX_LINES:
            return line
        indent = line[: len(line) - len(line.lstrip())][: width // 2]
        return "\n".join(wrap(line, width, indent + INDENT))

    def _append_digest(self, body: Text, label: str, digest: str, quiet: str) -> None:
        """Append a whole digest; it continues on the next line if it does not fit beside its label."""
        body.append(f"{label:<8}", quiet)
        if 8 + len(digest) > self.content_region.width - SCROLLBAR:
            algorithm, _, digits = digest.partition(":")
            body.append(f"{algorithm}:\n  {digits}\n")
        else:
            body.append(f"{digest}\n")

    def _append_figures(self, body: Text, number: int, quiet: str) -> None:
        session = self._session
        layer, index = session.image.layers[number], session.indexes[number]
        body.append("\n")
        if index is None:
            body.append("Being read…\n", quiet)
        else:
            figures = [f"content {text.size(session.stored_bytes(number) or 0)}"]
            if index.compressed_bytes is not None:
                figures.append(f"compressed {text.size(index.compressed_bytes)}")
            figures.append(f"tar {text.size(index.tar_bytes)}")
            if session.opened is not None:
                figures.append(f"net {text.size(session.opened.accounting.layers[number].net)}")
            body.append(" · ".join(figures) + "\n")
            if index.broken is not None:
                body.append(
                    f"Damaged at byte {index.broken.offset:,}: {text.safe_name(index.broken.message)}\n",
                    "bold",
                )
        if session.opened is not None:
            self._append_changes(body, number, quiet)
        for label, digest in (("blob", layer.digest), ("diff ID", layer.diff_id)):
            if digest:
                self._append_digest(body, label, text.safe_name(digest), quiet)
        state = state_of([layer], [session.verified(number)]).word
        body.append(
            f"{state}{'' if not layer.media_type else ' · ' + text.safe_name(layer.media_type)}\n",
            quiet,
        )

    def _append_changes(self, body: Text, number: int, quiet: str) -> None:
        opened = self._session.opened
        if opened is None:
            return
        counts = opened.filesystem.changes.counts(number)
        body.append(" · ".join(f"{counts[change]:,} {change.word}" for change in CHANGES) + "\n")
        account = opened.accounting.layers[number]
        if account.hides:
            body.append(f"hides {text.size(account.hides)} from lower layers\n")
        if account.wasted:
            body.append(
                f"{text.size(account.wasted)} wasted: deleted or overwritten by later layers\n",
                "bold",
            )
        for warning in opened.warnings:
            if warning.layer == number:
                body.append(f"{warning.code}: {text.safe_name(warning.message)}\n", quiet)
