"""Schedules the tasks of a run: in which order images are read, and from which copy a layer is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from layerscope.fleet.journal import ImageRead, Journal, LayerRead
from layerscope.fleet.messages import (
    Described,
    DescribeTask,
    Failure,
    ImageAt,
    ImageResult,
    ImageTask,
    LayerAt,
    LayerResult,
    LayerTask,
    Setup,
)
from layerscope.fleet.pending import ATTEMPTS, Pending, Workers, run_all
from layerscope.fleet.read_layers import ReadLayers
from layerscope.fleet.results import Results
from layerscope.fleet.rows import failed_row
from layerscope.fleet.tables import pack
from layerscope.fleet.tasks import describe_images, read_image, read_layers
from layerscope.layers.cache import INDEX
from layerscope.progress import Progress

Watch = Callable[[int, int], object]
"""Called with the number of distinct layers read so far, and their total."""


class Reading(Struct):
    """The course of a run, apart from its rows."""

    images: int = 0
    layers: int = 0
    """Distinct layers, as images claim them."""
    layers_read: int = 0
    """Number of times a layer was read; others came from the cache."""
    read: ReadLayers = field(default_factory=ReadLayers)
    failures: dict[int, Failure] = field(default_factory=dict)
    """Errors of images whose figures are missing or incomplete, by number of the image."""


def describe(
    references: Sequence[str], setup: Setup, workers: Workers, progress: Progress
) -> list[Described]:
    """The images of distinct references, in order. Raises `CancelledError`."""
    progress.stage("Finding images", len(references))
    by_reference: dict[str, tuple[Described, ...]] = {}
    tasks = [(DescribeTask(setup, reference),) for reference in references]
    for task, result in run_all(workers, describe_images, tasks, progress):
        if isinstance(result, Failure):
            result = (Described(ImageAt(task.reference), failure=result),)
        by_reference[task.reference] = result
        progress.advance(1)
    return [image for reference in references for image in by_reference[reference]]


def read(
    images: Sequence[Described],
    setup: Setup,
    workers: Workers,
    results: Results,
    progress: Progress,
    journal: Journal | None = None,
    watch: Watch | None = None,
) -> Reading:
    """Read images, each distinct layer once, and put their rows into `results`. Layers and images in the journal are not read again.

    Raises `CancelledError`, and `LayerscopeError` if there is no room for the rows.
    """
    return _Run(images, setup, workers, results, progress, journal, watch).run()


class _Layer(Struct):
    """A distinct layer."""

    copies: list[tuple[int, int]] = field(default_factory=list)
    """Image and number of each copy, in the order in which they are tried."""
    tried: int = 0
    """Copies that were tried; the last of them may still be read."""
    lost: int = 0
    """Number of times the store no longer had it."""
    location: LayerAt | None = None
    failure: Failure | None = None
    """Why no copy of it can be used."""
    given_up: bool = False
    """Whether reading it kills processes."""
    awaited_by: list[int] = field(default_factory=list)
    """Images that wait for it."""

    @property
    def settled(self) -> bool:
        """Whether it was read or has failed."""
        return self.location is not None or self.failure is not None


class _Run:
    """One run."""

    def __init__(
        self,
        images: Sequence[Described],
        setup: Setup,
        workers: Workers,
        results: Results,
        progress: Progress,
        journal: Journal | None,
        watch: Watch | None,
    ) -> None:
        self._images = images
        self._journal = journal
        self._setup = setup
        self._results = results
        self._progress = progress
        self._tasks = Pending(workers, progress)
        self._numbers = {image.at: number for number, image in enumerate(images)}
        self._layers: dict[str, _Layer] = {}
        for number, image in enumerate(images):
            for place, claim in enumerate(image.layers):
                copies = self._layers.setdefault(claim.key, _Layer()).copies
                if not copies or copies[-1][0] != number:
                    copies.append((number, place))
        self._awaits: dict[int, int] = {}
        """How many layers an image waits for."""
        self._from_journal: set[int] = set()
        """Images whose results are in the journal."""
        self._ready: deque[int] = deque()
        """Images whose layers are known."""
        self._unread: deque[LayerTask] = deque()
        self._watch = watch
        self._settled = 0
        """Number of settled layers."""
        self._reading = Reading(len(images), len(self._layers))
        self._read = self._reading.read

    def run(self) -> Reading:
        """Read everything."""
        self._progress.stage("Reading images", len(self._images))
        self._replay()
        numbers = (
            number for number in range(len(self._images)) if number not in self._from_journal
        )
        while True:
            self._begin_tasks(numbers)
            if not len(self._tasks):
                return self._reading
            subject, result = self._tasks.next()
            if isinstance(subject, LayerTask):
                self._take_layers(subject, result)
            else:
                self._take_image(subject, result)

    def _replay(self) -> None:
        """Take results from the journal: layers that the store still has, and images whose layers all are."""
        if self._journal is None:
            return
        store = self._setup.store.open()
        for frame in self._journal.frames():
            if isinstance(frame, LayerRead):
                layer, location = self._layers.get(frame.claim), frame.result.found
                if layer is None or location is None:
                    continue
                if frame.result.carried or store.has(INDEX, location.entry):
                    layer.location, layer.tried = location, 1
                    self._read.add(frame.result)
                    self._count_settled(1)
            elif frame.image < len(self._images):
                claims = self._images[frame.image].layers
                fresh = frame.failure is None and frame.image not in self._from_journal
                if fresh and all(self._layers[one.key].location for one in claims):
                    self._from_journal.add(frame.image)
                    self._results.add(frame.image, frame.tables)
                    self._progress.advance(1)

    def _count_settled(self, settled: int) -> None:
        self._settled += settled
        if self._watch is not None:
            self._watch(self._settled, len(self._layers))

    def _begin_tasks(self, numbers: Iterator[int]) -> None:
        """Submit tasks up to the limit: images before layers, layers in the order of the images."""
        while not self._tasks.full:
            if self._ready:
                self._begin_image(self._ready.popleft())
            elif self._unread:
                task = self._unread.popleft()
                self._tasks.submit(task, read_layers, task)
            elif (number := next(numbers, None)) is not None:
                self._prepare(number)
            else:
                return

    def _prepare(self, number: int) -> None:
        """Queue the layers of an image that no task reads yet."""
        image = self._images[number]
        if image.failure is not None:
            self._fail(number, image.failure)
            return
        new = [
            place
            for place, claim in enumerate(image.layers)
            if not self._layers[claim.key].tried
            and self._layers[claim.key].copies[0] == (number, place)
        ]
        for place in new:
            self._layers[image.layers[place].key].tried = 1
        if image.batch and new:
            self._unread.append(LayerTask(self._setup, image.at, tuple(new)))
        else:
            self._unread += (LayerTask(self._setup, image.at, (place,)) for place in new)
        self._await(number)

    def _await(self, number: int) -> None:
        """Wait for the layers of an image that are not settled."""
        keys = {claim.key for claim in self._images[number].layers}
        unsettled = [layer for key in keys if not (layer := self._layers[key]).settled]
        for layer in unsettled:
            layer.awaited_by.append(number)
        self._awaits[number] = len(unsettled)
        if not unsettled:
            self._ready.append(number)

    def _take_layers(self, task: LayerTask, result: Sequence[LayerResult] | Failure) -> None:
        """Note the results of reading layers; for those that failed, try the next copy."""
        given_up = isinstance(result, Failure)
        if given_up and len(task.layers) > 1:  # find out which one kills the process
            self._unread += (LayerTask(self._setup, task.at, (place,)) for place in task.layers)
            return
        if isinstance(result, Failure):
            result = [LayerResult(place, failure=result) for place in task.layers]
        for one in result:
            number = self._numbers[task.at]
            claim = self._images[number].layers[one.number]
            layer = self._layers[claim.key]
            self._reading.layers_read += one.read
            if one.found is not None:
                layer.location = one.found
                self._read.add(one)
                if self._journal is not None:
                    self._journal.add(LayerRead(claim.key, one))
            elif given_up or layer.tried == len(layer.copies):
                layer.failure, layer.given_up = one.failure, given_up
            else:
                other, place = layer.copies[layer.tried]
                layer.tried += 1
                self._unread.append(LayerTask(self._setup, self._images[other].at, (place,)))
                continue
            self._count_settled(1)
            for waiting in layer.awaited_by:
                self._awaits[waiting] -= 1
                if not self._awaits[waiting]:
                    self._ready.append(waiting)
            layer.awaited_by.clear()

    def _begin_image(self, number: int) -> None:
        """Analyse an image whose layers are known: from them, or by itself if one of them has no good copy."""
        image = self._images[number]
        layers = [self._layers[claim.key] for claim in image.layers]
        lost = next((layer for layer in layers if layer.given_up), None)
        if lost is not None and lost.failure is not None:
            place = layers.index(lost)
            failure = Failure(
                f"{image.at.reference}: layer {place}: {lost.failure.message}", lost.failure.hint
            )
            self._fail(number, failure)
            return
        locations = [layer.location for layer in layers if layer.location is not None]
        known = tuple(locations) if len(locations) == len(layers) else None
        task = ImageTask(self._setup, number, image.at, image.name, known)
        self._tasks.submit(number, read_image, task, self._read.carried(known or ()))

    def _take_image(self, number: int, result: ImageResult | Failure) -> None:
        """Add the rows of an image; if the store no longer has its layers, read them again."""
        if isinstance(result, Failure):
            message = f"{self._images[number].at.reference}: {result.message}"
            self._fail(number, Failure(message, result.hint, result.exit_code))
            return
        if result.missing:
            self._read_again(number, result.missing)
            self._await(number)
            return
        self._results.add(number, result.tables)
        if self._journal is not None:
            self._journal.add(ImageRead(number, result.tables, result.failure))
        if result.failure is not None:
            self._reading.failures[number] = result.failure
        self._progress.advance(1)

    def _fail(self, number: int, failure: Failure) -> None:
        """Add a row with the error of an image that has no figures."""
        image = self._images[number]
        row = failed_row(number, image.at.reference, image.name, failure.message, failure.exit_code)
        self._results.add(number, {"images": pack([row])})
        self._reading.failures[number] = failure
        self._progress.advance(1)

    def _read_again(self, number: int, entries: Sequence[str]) -> None:
        """Queue layers of an image whose entries the store no longer has."""
        for claim in self._images[number].layers:
            layer = self._layers[claim.key]
            if layer.location is None or layer.location.entry not in entries:
                continue
            layer.lost += 1
            if layer.lost >= ATTEMPTS:
                layer.failure = Failure(
                    "the cache lost the layer after it was read",
                    "use --no-cache, or a larger cache",
                )
                layer.given_up = True
            else:
                self._unread.append(
                    LayerTask(self._setup, layer.location.at, (layer.location.number,))
                )
            layer.location = None
            self._count_settled(-1)
