"""The rows of the picker: images of all sources, each once, filtered and sorted."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from msgspec import Struct

from layerscope import text
from layerscope.sources.references import familiar_name
from layerscope.sources.store_image import StoreImage

SORTS = ("age", "size", "name")
MAX_MARKED = 2
"""Maximum number of marked images: two are compared."""
_EARLIEST = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class Row(Struct, frozen=True):
    """An image, and all sources that have it."""

    key: str
    """Identifies the image, whatever source it is opened from."""
    image: StoreImage
    """The image of the source that opens it fastest."""
    sources: tuple[str, ...]
    name: str
    """Safe to show."""
    platform: str
    """Safe to show; empty if unknown."""
    saved: bool
    """Whether it is a file in the current folder."""
    searchable: str
    """The searchable text, in lower case."""


class PickerModel:
    """The images found so far, filtered and sorted, and the marked ones."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        """Images that match the search, sorted."""
        self.longest_platform = 0
        """Length of the longest platform name, in characters."""
        self.sort = SORTS[0]
        self.search = ""
        self._marked: list[str] = []
        """Keys of the marked images, in the order of marking."""
        self._images: dict[str, list[StoreImage]] = {}
        self._in_name_order = False
        """Whether the images arrive sorted by name."""

    @property
    def total(self) -> int:
        """The number of all images, matching or not."""
        return len(self._images)

    @property
    def marked(self) -> list[Row]:
        """The marked images that were found, whether they match the search or not."""
        return [_row(key, self._images[key]) for key in self._marked if key in self._images]

    def is_marked(self, row: Row) -> bool:
        """Whether an image is marked."""
        return row.key in self._marked

    def mark(self, row: Row) -> bool:
        """Mark an image, or unmark it; returns False if two others are marked already."""
        if row.key in self._marked:
            self._marked.remove(row.key)
        elif len(self.marked) < MAX_MARKED:
            self._marked = [*(other.key for other in self.marked), row.key]
        else:
            return False
        return True

    def images_to_open(self, at: int) -> tuple[StoreImage, ...]:
        """The images to open from the row `at`: the marked ones, with the row's if fewer than two are marked. Two are to be
        compared, the older one first. Empty if there is nothing to open.
        """
        rows = {row.key: row for row in self.marked}
        if len(rows) < MAX_MARKED and at < len(self.rows):
            rows[self.rows[at].key] = self.rows[at]
        images = [row.image for row in rows.values()]
        moments = {id(image): text.moment_of(image.created) or _EARLIEST for image in images}
        if len(images) == MAX_MARKED and _EARLIEST not in moments.values():
            images.sort(key=lambda image: moments[id(image)])
        return tuple(images)

    def clear(self) -> None:
        """Remove all images."""
        self._images = {}
        self.arrange()

    def list_tags(self, images: Iterable[StoreImage]) -> None:
        """Show the tags of a repository in this order, a row for each, even if several name the same image.

        Tags that were looked up before keep their details.
        """
        self._images = {one.reference: self._images.get(one.reference, [one]) for one in images}
        self._in_name_order = True
        self.arrange()

    def update_tag(self, tag: StoreImage) -> None:
        """Show the details of a tag. Its row stays in place, so that the list does not move under the cursor."""
        self._images[tag.reference] = [tag]
        place = self.place_of(tag.reference)
        if place is not None:
            self.rows[place] = row = _row(tag.reference, [tag])
            self.longest_platform = max(self.longest_platform, len(row.platform))

    def add(self, images: Iterable[StoreImage], *, saved: bool = False) -> None:
        """Add images; one that both an engine and its store list becomes one row."""
        for image in images:
            if not image.intermediate:
                key = image.reference if saved or not image.id else image.id
                self._images.setdefault(key, []).append(image)
        self.arrange()

    def arrange(self) -> None:
        """Apply search and order."""
        words = self.search.casefold().split()
        rows = (_row(key, images) for key, images in self._images.items())
        matching = [row for row in rows if all(word in row.searchable for word in words)]
        if not self._in_name_order:
            matching.sort(key=lambda row: (row.name.casefold(), row.image.reference))
        if self.sort == "size":
            matching.sort(key=lambda row: row.image.size or -1, reverse=True)
        elif self.sort == "age":
            moments = {id(row): text.moment_of(row.image.created) or _EARLIEST for row in matching}
            matching.sort(key=lambda row: moments[id(row)], reverse=True)
        self.rows = matching
        self.longest_platform = max((len(row.platform) for row in matching), default=0)

    def place_of(self, reference: str) -> int | None:
        """The row of an image; None if it does not match the search."""
        places = (n for n, row in enumerate(self.rows) if row.image.reference == reference)
        return next(places, None)


def _row(key: str, images: Sequence[StoreImage]) -> Row:
    # A store with layer sizes is read in place; an engine has to export the image first.
    best = max(images, key=_read_speed)
    tags = list(dict.fromkeys(familiar_name(tag) for image in images for tag in image.tags))
    saved = best.reference.startswith(("./", "/"))
    name = tags[0] if tags else best.location if saved else "(no name)"
    if saved and tags and ":" not in name and "/" not in name:
        name = f"{best.location}:{name}"  # layouts have bare tags
    if best.source == "registry":
        name = name.rpartition(":")[2]  # the title names the repository
    more = f" +{len(tags) - 1}" if len(tags) > 1 else ""
    sources = tuple(dict.fromkeys(image.source for image in images))
    searchable = " ".join([name, *tags, best.id, *sources, *(image.location for image in images)])
    platform = "" if best.platform is None else text.safe_name(str(best.platform))
    return Row(
        key, best, sources, text.safe_name(name + more), platform, saved, searchable.casefold()
    )


def _read_speed(image: StoreImage) -> int:
    """A rank of how fast an image can be read; higher is faster."""
    if image.layers is None:
        return 0
    return 1 if any(layer.size is None for layer in image.layers) else 2
