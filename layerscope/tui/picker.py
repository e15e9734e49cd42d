"""The image picker: images in the current folder and in all engines and stores, or the tags of a repository."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual import on, work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static
from textual.worker import Worker, get_current_worker

from layerscope import text
from layerscope.progress import NullProgress
from layerscope.sources import SOURCES, Request, Source
from layerscope.sources.folder import saved_images
from layerscope.sources.listing import SourceListing, list_images
from layerscope.sources.registry.repository import SCHEME
from layerscope.sources.store_image import StoreImage
from layerscope.tui.commands import binding_of, bindings, first_key
from layerscope.tui.picker_rows import SORTS, PickerModel
from layerscope.tui.preferences import Preferences
from layerscope.tui.preferred import PreferredApp
from layerscope.tui.run_commands import active_commands
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.image_list import ImageList, column_titles, sort_at
from layerscope.tui.widgets.key_bar import KeyBar
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle

if TYPE_CHECKING:
    from layerscope.sources.registry.tags import Lookups, Tags


_SCROLL_REST = 0.15
"""Seconds after the last scroll until visible tags are looked up."""


class _WorkerProgress(NullProgress):
    """Cancels the search for images together with its worker."""

    def __init__(self, worker: Worker[object]) -> None:
        self._worker = worker

    def cancelled(self) -> bool:
        return self._worker.is_cancelled


class PickerApp(PreferredApp[tuple[StoreImage, ...]]):
    """Returns the chosen image, or two to compare, the older one first; None if the user quits."""

    TITLE = "layerscope"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("picker"),
        binding_of("app.help", "help"),
    ]
    DEFAULT_CSS = """
    PickerApp Screen { background: $background; }
    PickerApp HelpScreen { background: $background 60%; }
    PickerApp #refusals { height: auto; max-height: 6; padding: 0 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class FolderListed(Message):
        """Images in the folder were found."""

        def __init__(self, number: int, images: Sequence[StoreImage]) -> None:
            super().__init__()
            self.number = number
            self.images = images

    class LookedUp(Message):
        """A tag of the repository was looked up; None after the last one."""

        def __init__(self, lookups: Lookups, image: StoreImage | None) -> None:
            super().__init__()
            self.lookups = lookups
            self.image = image

    class SourceListed(Message):
        """An engine or store listed its images, or refused."""

        def __init__(self, number: int, listed: SourceListing) -> None:
            super().__init__()
            self.number = number
            self.listed = listed

    class SearchFinished(Message):
        """One of the two searches finished."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(
        self,
        request: Request,
        preferences: Preferences | None = None,
        *,
        folder: Path | None = None,
        sources: Sequence[Source] = SOURCES,
        now: datetime.datetime | None = None,
        error: str = "",
        previous: PickerApp | None = None,
        tags: Tags | None = None,
    ) -> None:
        """`tags` are offered instead of all images. `error` says why the last chosen image could not be opened; may be empty.
        Search, marks and cursor of the `previous` picker are kept; also its images, if it had found all."""
        super().__init__(preferences)
        self.model: PickerModel = PickerModel() if previous is None else previous.model
        self.images = ImageList(self.model, now or datetime.datetime.now(datetime.UTC), id="images")
        self._request, self._sources, self._error = request, sources, error
        self._tags = tags
        self._lookups: Lookups | None = None
        self._lookup_timer: Timer | None = None
        if tags is not None and previous is None:
            self.model.sort = "name"
        self._heading = (
            "Choose an image" if tags is None else f"Tags of {tags.repository.repository}"
        )
        self._folder = folder or Path()
        self._field = Field(
            placeholder=f"{first_key('picker.search', self.keys)} filters by name, ID or location",
            enter="Open",
            id="picker-field",
        )
        self._title = PaneTitle(self._heading)
        self._columns = ColumnTitles()
        self._refusals: dict[str, str] = {} if previous is None else previous._refusals
        self._complete = previous is not None and not previous._busy
        self.cursor_reference = ""
        """Reference of the image under the cursor when the user chose."""
        self._cursor_target = "" if previous is None else previous.cursor_reference
        """Reference of the image that the cursor goes to once it is found; empty for none."""
        self._refusal_lines = Static(id="refusals", markup=False)
        self._search_number = 0
        """Number of the current search; results of earlier ones are ignored."""
        self._busy: int = 0

    def on_unmount(self) -> None:
        if self._lookups is not None:
            self._lookups.close()

    def failed(self, error: BaseException) -> None:
        """Exit with the error: there is no image to continue with."""
        self._handle_exception(error)  # type: ignore[arg-type]

    def compose(self) -> ComposeResult:
        yield Pane(self._title, self._field, self._columns, self.images)
        yield self._refusal_lines
        yield KeyBar(self.keys, words=self._footer_words)

    def on_mount(self) -> None:
        self.images.focus()
        self._field.input.value = self.model.search
        self.watch(self.images, "scroll_y", self._schedule_lookup, init=False)
        if self._complete and self._tags is None:
            self._change(self.model.arrange)
        else:
            self.action_refresh_images()
        if self._error:
            self.notify(text.safe_lines(self._error), title="Cannot open the image", severity="error", timeout=12, markup=False)  # fmt: skip

    def on_resize(self) -> None:
        self.call_after_refresh(self._update_column_titles)
        self._schedule_lookup()

    def _update_column_titles(self) -> None:
        width = self.images.scrollable_content_region.width
        self._columns.show(column_titles(width, self.model.longest_platform, self.model.sort))

    # looking

    def action_refresh_images(self) -> None:
        self._search_number += 1
        self._refusals = {}
        if self._tags is not None:
            self._list_tags(self._tags)
            return
        self._busy = 1 if self._request.store_root is not None else 2
        self.model.clear()
        if self._request.store_root is None:
            self._look_in_folder(self._search_number)
        self._ask_sources(self._search_number)
        self._show()

    @work(thread=True, exclusive=True, exit_on_error=False, group="folder")
    def _look_in_folder(self, number: int) -> None:
        worker = get_current_worker()
        for image in saved_images(self._folder, lambda: worker.is_cancelled, self._request.limits):
            self.post_message(self.FolderListed(number, [image]))
        self.post_message(self.SearchFinished(number))

    @work(thread=True, exclusive=True, exit_on_error=False, group="sources")
    def _ask_sources(self, number: int) -> None:
        request = replace(self._request, progress=_WorkerProgress(get_current_worker()))
        for listed in list_images(request, sources=self._sources):
            self.post_message(self.SourceListed(number, listed))
        self.post_message(self.SearchFinished(number))

    def _list_tags(self, tags: Tags) -> None:
        """List all tags, and look up the visible ones."""
        from layerscope.sources.registry.tags import Lookups

        def post(image: StoreImage | None) -> None:
            self.post_message(self.LookedUp(lookups, image))

        if self._lookups is not None:
            self._lookups.close()
        lookups = self._lookups = Lookups(tags, self._request, post)
        self._busy = 1
        self._change(lambda: self.model.list_tags(tags.images()))

    def _schedule_lookup(self) -> None:
        """Look up the visible tags once the list stops scrolling."""
        if self._lookups is not None:
            if self._lookup_timer is not None:
                self._lookup_timer.stop()
            self._lookup_timer = self.set_timer(_SCROLL_REST, self._look_up)

    def _look_up(self) -> None:
        if self._lookups is not None:
            top, height = self.images.scroll_offset.y, self.images.size.height
            self._lookups.want([row.image for row in self.model.rows[top : top + height]])
            self._show_lookups(self._lookups)

    @on(LookedUp)
    def _looked_up(self, event: LookedUp) -> None:
        if event.lookups is self._lookups:
            if event.image is not None:
                self.model.update_tag(event.image)
            self._show_lookups(event.lookups)

    def _show_lookups(self, lookups: Lookups) -> None:
        """Show whether tags are being looked up, or why that stopped."""
        self._busy = int(lookups.busy)
        if lookups.problem is not None:
            self._refusals = {SCHEME: lookups.problem}
        self._show_rows()

    @on(FolderListed)
    def _folder_listed(self, event: FolderListed) -> None:
        if event.number == self._search_number:
            self._change(lambda: self.model.add(event.images, saved=True))

    @on(SourceListed)
    def _source_listed(self, event: SourceListed) -> None:
        if event.number != self._search_number:
            return
        if event.listed.refusal is not None:
            self._refusals[event.listed.source.name] = event.listed.refusal.message
        self._change(lambda: self.model.add(event.listed.images))

    @on(SearchFinished)
    def _search_finished(self, event: SearchFinished) -> None:
        if event.number == self._search_number:
            self._busy -= 1
            self._show()

    # showing

    def _change(self, change: Callable[[], object]) -> None:
        """Change the rows. The cursor stays on its image if the user has moved it."""
        at = self.images.cursor
        chosen = self.model.rows[at].image.reference if 0 < at < len(self.model.rows) else None
        change()
        self._show()
        if self._cursor_target and self.model.place_of(self._cursor_target) is not None:
            chosen, self._cursor_target = self._cursor_target, ""
        if chosen is not None:
            self.images.go_to(self.model.place_of(chosen) or 0)

    def _show(self) -> None:
        self._show_rows()
        self._schedule_lookup()

    def _show_rows(self) -> None:
        self.images.looking = self._busy > 0
        self.images.rows_changed()
        self._update_column_titles()
        shown, total = len(self.model.rows), self.model.total
        count = text.count_of(total, "image" if self._tags is None else "tag")
        count = count if shown == total else f"{shown:,} of {count}"
        looking = "looking… · " if self._busy else ""
        marked = f"{len(self.model.marked)} marked · " if self.model.marked else ""
        self._title.show(self._heading, f"{looking}{marked}{count} · by {self.model.sort}")
        self._update_enter_words()
        order = [source.name for source in self._sources]
        lines = [
            f"{name}: {text.safe_name(self._refusals[name])}"
            for name in sorted(self._refusals, key=[*order, SCHEME].index)
        ]
        self._refusal_lines.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"))
        self._refusal_lines.display = bool(lines)
        self.call_after_refresh(self._update_column_titles)

    def action_cycle_sort(self) -> None:
        self._sort(SORTS[(SORTS.index(self.model.sort) + 1) % len(SORTS)])

    @on(ColumnTitles.Clicked)
    def _titles_clicked(self, event: ColumnTitles.Clicked) -> None:
        width = self.images.scrollable_content_region.width
        sort = sort_at(width, self.model.longest_platform, event.x)
        if sort is not None:
            self._sort(sort)

    def _sort(self, sort: str) -> None:
        self.model.sort = sort
        self._change(self.model.arrange)

    # marking

    @on(ImageList.BoxClicked)
    def action_mark(self) -> None:
        """Mark the image under the cursor, or unmark it."""
        if self.images.cursor >= len(self.model.rows):
            return
        if not self.model.mark(self.model.rows[self.images.cursor]):
            key = first_key("picker.mark", self.keys)
            self.notify(f"Two images are marked already; {key} unmarks one.", markup=False)
        self._show()

    @on(LineList.Highlighted)
    def _highlighted(self) -> None:
        self._update_enter_words()

    def _update_enter_words(self) -> None:
        """Update the footer text for Enter."""
        words = self._enter_words()
        if self._field.input.enter_words != words:
            self._field.input.enter_words = words
            self.screen.refresh_bindings()

    def _enter_words(self) -> str:
        return "Compare" if len(self.model.images_to_open(self.images.cursor)) > 1 else "Open"

    def _footer_words(self) -> dict[str, str]:
        back = "Clear" if self._field.input.value else "Quit"
        return {"list.open": self._enter_words(), "picker.back": back}

    # searching

    def action_search(self) -> None:
        if self._field.input.has_focus or self.screen.is_modal:
            raise SkipAction  # in the field, the key is text; in help, it searches there
        # Immediately, so that text typed right after the key goes into the field.
        self.screen.set_focus(self._field.input)

    @on(Input.Changed, "#picker-field")
    def _typed(self, event: Input.Changed) -> None:
        self.model.search = event.value
        self._change(self.model.arrange)

    @on(Input.Submitted, "#picker-field")
    def _submitted(self) -> None:
        self._choose(self.images.cursor)

    def action_go(self, by: int) -> None:
        self.images.go_to(self.images.cursor + by)

    def action_help(self) -> None:
        from layerscope.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.keys, active_commands(self.screen), "Image picker"))

    # leaving

    @on(LineList.Opened)
    def _opened(self, event: LineList.Opened) -> None:
        self._choose(event.row)

    def _choose(self, row: int) -> None:
        chosen = self.model.images_to_open(row)
        if chosen:
            rows = self.model.rows
            self.cursor_reference = rows[row].image.reference if row < len(rows) else ""
            self.exit(chosen)

    def action_step_back(self) -> None:
        if self._field.input.has_focus:
            self.screen.set_focus(self.images)
        elif self._field.input.value:
            self._field.input.value = ""
        else:
            self.exit(None)

    def action_leave(self) -> None:
        self.exit(None)
