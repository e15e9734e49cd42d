"""The dialog that shows the patch for the marked findings, and writes it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from layerscope import text
from layerscope.errors import LayerscopeError
from layerscope.tui.commands import binding_of, bindings, first_key
from layerscope.tui.guard import Guarded
from layerscope.tui.pointing import copy
from layerscope.tui.screens.dialog import Dialog
from layerscope.tui.session import Session
from layerscope.tui.widgets.content_list import ContentList
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.pane import PaneTitle

if TYPE_CHECKING:
    from layerscope.tui.fixing import PreparedPatch

_SAVED_AS = "fixes.patch"
_NOTICE_SECONDS = 8
"""Seconds that the notification is shown."""
_OTHER_LINES = 8
"""Lines of the dialog besides the patch, at most."""


class PatchList(ContentList, inherit_bindings=False):
    """The patch. `list.open` belongs to the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list", but=["list.open"]),
        binding_of("content.right", "shift(1)"),
        binding_of("content.left", "shift(-1)"),
    ]

    def action_shift(self, by: int) -> None:
        self.shift(by)

    def clicked(self, x: int, chain: int) -> None:
        """Only move the cursor: a double click must not write."""


class WriteFixesScreen(Guarded, Dialog):
    """Shows the patch and writes it; without a Dockerfile, the patch can be copied and saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog", but=["dialog.search", "dialog.close"]),
        binding_of("dialog.close", "back"),
        binding_of("list.open", "write"),
        binding_of("findings.write", "write"),
    ]
    DEFAULT_CSS = """
    WriteFixesScreen { align: center middle; }
    WriteFixesScreen > Vertical {
        width: 110; max-width: 100%; height: 8; max-height: 90%; background: $surface; border: round $rule;
    }
    WriteFixesScreen PatchList, WriteFixesScreen PaneTitle { background: $surface; }
    WriteFixesScreen PatchList { height: 1fr; scrollbar-background: $surface; }
    WriteFixesScreen .about { padding: 0 1; color: $quiet; }
    WriteFixesScreen .trouble { padding: 1 1 0 1; color: $waste; text-style: bold; }
    WriteFixesScreen .-empty { display: none; }
    WriteFixesScreen Field { display: none; background: $surface; }
    WriteFixesScreen FieldInput, WriteFixesScreen FieldInput:focus { background: $panel; background-tint: $panel 0%; }
    WriteFixesScreen.-saving Field { display: block; }
    WriteFixesScreen:ansi > Vertical { background: ansi_default; border: round ansi_default; }
    """

    @dataclass(eq=False, repr=False)
    class Ready(Message):
        """The patch is ready."""

        prepared: PreparedPatch

    @dataclass(eq=False, repr=False)
    class Failed(Message):
        """The patch could not be made, written or saved."""

        error: LayerscopeError

    @dataclass(eq=False, repr=False)
    class Done(Message):
        """The patch was written, or saved as `path`."""

        path: Path | None

    def __init__(self, session: Session, chosen: Collection[int]) -> None:
        """`chosen` are the numbers of the findings to fix."""
        super().__init__()
        self._session = session
        self._chosen = frozenset(chosen)
        self._prepared: PreparedPatch | None = None
        self._busy = True
        self._file_changed = False
        self._title = PaneTitle(
            f"Write {text.count_of(len(self._chosen), 'fix', 'fixes')}", "making the patch…"
        )
        self.rows = PatchList()
        self._about = Static(markup=False, classes="about -empty")
        self._error = Static(markup=False, classes="trouble -empty")
        self.field = Field(placeholder="name of a new file", enter="Save", id="patch-file")
        self._hints = PaneTitle(hints=("list.open", "dialog.copy", "dialog.close"))

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self._title
            yield self._about
            yield self.rows
            yield self._error
            yield self.field
            yield self._hints

    def on_mount(self) -> None:
        self.rows.focus()
        self._update_hints()
        self._prepare()

    # threads

    @work(thread=True, exclusive=True, group="patch", exit_on_error=False)
    def _prepare(self) -> None:
        session = self._session

        def prepared() -> Message:
            from layerscope.tui.fixing import prepare

            if session.opened is None or session.findings is None:
                raise LayerscopeError("the image has not been read yet")
            return self.Ready(
                prepare(
                    session.opened,
                    session.findings,
                    self._chosen,
                    session.base_steps,
                    session.written,
                )
            )

        self._post_result(prepared)

    @work(thread=True, exclusive=True, group="patch", exit_on_error=False)
    def _write(self, prepared: PreparedPatch, path: Path | None) -> None:
        """Write the patch, or save it as `path`."""

        def done() -> Message:
            from layerscope.report.patch import save_patch
            from layerscope.tui.fixing import write

            if path is None:
                write(prepared, self._session.opened, self._session.written)
            else:
                save_patch(prepared.patch, path)
            return self.Done(path)

        self._post_result(done)

    def _post_result(self, work: Callable[[], Message]) -> None:
        try:
            self.post_message(work())
        except LayerscopeError as error:
            self.post_message(self.Failed(error))

    # results of the threads

    @on(Ready)
    def _ready(self, event: Ready) -> None:
        event.stop()
        self._busy = False
        prepared = self._prepared = event.prepared
        left = len(prepared.patch.plan.left_out)
        self._title.show(self._title_words(prepared), f"{left:,} left out" if left else "")
        self._set_text(self._about, self._about_words(prepared))
        self.rows.show(prepared.document)
        self.rows.start()
        lines = len(prepared.document) + _OTHER_LINES
        self.query_one(Vertical).styles.height = lines
        self._update_hints()

    @on(Failed)
    def _failed(self, event: Failed) -> None:
        event.stop()
        self._busy = False
        error = event.error
        self._set_text(
            self._error, f"{error.message}\n{error.hint}" if error.hint else error.message
        )
        from layerscope.report.patch import FileChangedError

        if isinstance(error, FileChangedError):
            self._file_changed = True  # a new dialog reads the file again
            self._update_hints()
        if self._prepared is None:
            self._title.show("No fix can be written")
            self._update_hints()

    @on(Done)
    def _done(self, event: Done) -> None:
        event.stop()
        prepared, session = self._prepared, self._session
        if prepared is None:
            return
        words = f"{prepared.fixes}, {text.size(prepared.saved)} less"
        if event.path is not None:
            self._notify("Patch saved", f"{words}: {text.safe_name(str(event.path))}")
        else:
            session.written = prepared.written
            self._notify(
                "Fixes written",
                f"{words}: {prepared.files}\nThe findings are those of the image: rebuild it to see the change.",
            )
        self.dismiss()

    def _notify(self, title: str, words: str) -> None:
        self.app.notify(words, title=title, timeout=_NOTICE_SECONDS, markup=False)

    # words

    def _title_words(self, prepared: PreparedPatch) -> str:
        writes = self._session.permissions.writing and not prepared.patch.restored
        verb = "Write" if writes else "Patch of"
        if not prepared.new:
            return "Write fixes"
        return f"{verb} {prepared.fixes} · {text.size(prepared.saved)} less"

    def _about_words(self, prepared: PreparedPatch) -> str:
        if not prepared.patch.files:
            plan = prepared.patch.plan
            if self._session.written is not None and plan.applied and not plan.left_out:
                return "The Dockerfile already has these fixes."
            return "There is nothing to write."
        if prepared.patch.restored:
            return "No --dockerfile was given, so this patch is for the Dockerfile restored from the image's history. It can be copied or saved, but not written."
        return ""  # the patch names the files

    def _update_hints(self) -> None:
        keys = getattr(self.app, "keys", {})
        go, close = first_key("list.open", keys), first_key("dialog.close", keys)
        if self.has_class("-saving"):
            words = f"{go} saves the patch · {close} cancels"
        elif self._prepared is None or not self._prepared.patch.files or self._file_changed:
            words = f"{close} closes"
        else:
            enter_words, copy_words = "writes", "copies the patch"
            if self._prepared.patch.restored:
                enter_words, copy_words = "saves the patch", "copies it"
            words = f"{first_key('dialog.copy', keys)} {copy_words} · {close} cancels"
            if self._session.permissions.writing:
                words = f"{go} {enter_words} · {words}"
        self._hints.show("", words)

    def _set_text(self, body: Static, words: str) -> None:
        body.update(Text("\n".join(map(text.safe_name, words.split("\n")))))
        body.set_class(not words, "-empty")

    # commands

    def action_write(self) -> None:
        """Write the patch; without a Dockerfile, ask for the name of a file."""
        prepared = self._prepared
        if self._busy or self._file_changed or prepared is None or not prepared.patch.files:
            return
        if not self._session.permissions.may_write(self):
            return
        if not prepared.patch.restored:
            self._begin(None)
        elif self.has_class("-saving"):
            self._save()
        else:
            self.add_class("-saving")
            self.field.input.value = _SAVED_AS
            self.field.input.focus()
            self._update_hints()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._save()

    def _save(self) -> None:
        name = self.field.input.value.strip()
        if name and not self._busy:
            self._begin(Path(name).expanduser())

    def _begin(self, path: Path | None) -> None:
        if self._prepared is not None:
            self._busy = True
            self._set_text(self._error, "")
            self._write(self._prepared, path)

    def action_copy(self) -> None:
        """Copy the patch, in the format of `git apply`."""
        prepared = self._prepared
        if prepared is None or not prepared.patch.files:
            copy(self.app, None)
            return
        from layerscope.report.patch import patch_bytes

        words = patch_bytes(prepared.patch).decode(errors="surrogateescape")
        copy(self.app, (words, "the patch"))

    def action_back(self) -> None:
        """Leave the field, then the dialog."""
        if self.has_class("-saving"):
            self.remove_class("-saving")
            self._set_text(self._error, "")
            self.rows.focus()
            self._update_hints()
        else:
            self.dismiss()
