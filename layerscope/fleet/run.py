"""Reads the images of a run: decides what is read when, and from which copy of a layer. The tasks run elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

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
from layerscope.fleet.results import Results
from layerscope.fleet.rows import failed_row
from layerscope.fleet.tables import pack
from layerscope.fleet.tasks import describe_images, read_image, read_layers
from layerscope.progress import Progress, check

ATTEMPTS = 3
"""How many times a task may end its process until it is given up."""
_GLANCE = 0.2
"""Seconds between checks for cancellation."""

_Result = TypeVar("_Result")


class Workers(Protocol):
    """Runs tasks elsewhere: an `Executor` of `concurrent.futures`, such as `Processes`, or that of a cluster."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any) -> Future[_Result]:
        """Run a task. Its future raises `BrokenExecutor` if what ran it is gone."""


@dataclass(slots=True)
class Reading:
    """What happened during a run, apart from the rows."""

    images: int = 0
    layers: int = 0
    """Distinct layers."""
    layers_read: int = 0
    """How many times a layer was read; the cache had the others."""
    failures: dict[int, Failure] = field(default_factory=dict)
    """Why images have no figures, or what these do not cover, by number of the image."""


def describe(
    references: Sequence[str], setup: Setup, workers: Workers, progress: Progress, *, at_once: int
) -> list[Described]:
    """The images of references, in this order. At most `at_once` tasks are under way. Raises `CancelledError`."""
    progress.stage("Finding images", len(references))
    found: dict[int, tuple[Described, ...]] = {}
    waiting = deque(enumerate(references))
    tasks = _Tasks(workers, progress)
    while waiting or len(tasks):
        while waiting and len(tasks) < at_once:
            number, reference = waiting.popleft()
            tasks.submit(number, describe_images, DescribeTask(setup, reference))
        number, result = tasks.next()
        if isinstance(result, Failure):
            result = (Described(ImageAt(references[number]), failure=result),)
        found[number] = result
        progress.advance(1)
    return [image for number in range(len(references)) for image in found[number]]


def read(
    images: Sequence[Described],
    setup: Setup,
    workers: Workers,
    results: Results,
    progress: Progress,
    *,
    at_once: int,
) -> Reading:
    """Read images, each distinct layer once, and put their rows into `results`. At most `at_once` tasks are under way.

    Raises `CancelledError`, and `LayerscopeError` if there is no room for the rows.
    """
    return _Run(images, setup, workers, results, progress, at_once).run()


class _Tasks:
    """Tasks that are under way. One whose process ends is done again."""

    def __init__(self, workers: Workers, progress: Progress) -> None:
        self._workers = workers
        self._progress = progress
        self._ended: SimpleQueue[tuple[Future[Any], _Task]] = SimpleQueue()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def submit(self, about: Any, function: Callable[..., Any], *args: Any) -> None:
        """Begin a task; `about` comes back with its result."""
        self._count += 1
        self._begin(_Task(about, function, args))

    def next(self) -> tuple[Any, Any]:
        """What a task is about that has ended, and its result; a `Failure` if it ends processes. Raises `CancelledError`."""
        while True:
            check(self._progress)
            try:
                future, task = self._ended.get(timeout=_GLANCE)
            except Empty:
                continue
            try:
                result = future.result()
            except BrokenExecutor:
                task.attempts += 1
                if task.attempts < ATTEMPTS:
                    self._begin(task)
                    continue
                result = Failure(
                    f"given up: it ended the process that read it {ATTEMPTS} times",
                    "is memory short? --jobs 1 needs the least",
                )
            except Exception as error:
                result = Failure.of(error)
            self._count -= 1
            return task.about, result

    def _begin(self, task: _Task) -> None:
        future = self._workers.submit(task.function, *task.args)
        future.add_done_callback(lambda future: self._ended.put((future, task)))


@dataclass(slots=True)
class _Task:
    about: Any
    function: Callable[..., Any]
    args: tuple[Any, ...]
    attempts: int = 0
    """How many times it ended its process."""


@dataclass(slots=True)
class _Layer:
    """A distinct layer."""

    copies: list[tuple[int, int]] = field(default_factory=list)
    """Image and number of each copy, in the order in which they are tried."""
    tried: int = 0
    """Copies that were tried; the last of them may still be read."""
    lost: int = 0
    """How many times the store no longer had it."""
    found: LayerAt | None = None
    result: LayerResult | None = None
    """Its result if that carries what images need."""
    failure: Failure | None = None
    """Why no copy can stand for it."""
    given_up: bool = False
    """Whether reading it ends processes."""
    awaited_by: list[int] = field(default_factory=list)
    """Images that wait for it."""

    @property
    def settled(self) -> bool:
        """Whether all is known of it."""
        return self.found is not None or self.failure is not None


class _Run:
    """One run."""

    def __init__(
        self,
        images: Sequence[Described],
        setup: Setup,
        workers: Workers,
        results: Results,
        progress: Progress,
        at_once: int,
    ) -> None:
        self._images = images
        self._setup = setup
        self._results = results
        self._progress = progress
        self._at_once = at_once
        self._tasks = _Tasks(workers, progress)
        self._numbers = {image.at: number for number, image in enumerate(images)}
        self._layers: dict[str, _Layer] = {}
        for number, image in enumerate(images):
            for place, claim in enumerate(image.layers):
                copies = self._layers.setdefault(claim.key, _Layer()).copies
                if not copies or copies[-1][0] != number:
                    copies.append((number, place))
        self._awaits: dict[int, int] = {}
        """How many layers an image waits for."""
        self._ready: deque[int] = deque()
        """Images whose layers are known."""
        self._unread: deque[LayerTask] = deque()
        self._said = Reading(len(images), len(self._layers))

    def run(self) -> Reading:
        """Read everything."""
        self._progress.stage("Reading images", len(self._images))
        coming = iter(range(len(self._images)))
        while True:
            self._begin_tasks(coming)
            if not len(self._tasks):
                return self._said
            about, result = self._tasks.next()
            if isinstance(about, LayerTask):
                self._take_layers(about, result)
            else:
                self._take_image(about, result)

    def _begin_tasks(self, coming: Iterator[int]) -> None:
        """Keep as many tasks under way as may be: images before layers, layers in the order of the images."""
        while len(self._tasks) < self._at_once:
            if self._ready:
                self._begin_image(self._ready.popleft())
            elif self._unread:
                task = self._unread.popleft()
                self._tasks.submit(task, read_layers, task)
            elif (number := next(coming, None)) is not None:
                self._prepare(number)
            else:
                return

    def _prepare(self, number: int) -> None:
        """Have the layers of an image read that nobody has asked for yet."""
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
        if image.together and new:
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
        """Note what reading some layers came to, and try the next copy of those that are not as they should be."""
        given_up = isinstance(result, Failure)
        if given_up and len(task.layers) > 1:  # which of them was it?
            self._unread += (LayerTask(self._setup, task.at, (place,)) for place in task.layers)
            return
        if isinstance(result, Failure):
            result = [LayerResult(place, failure=result) for place in task.layers]
        for one in result:
            number = self._numbers[task.at]
            claim = self._images[number].layers[one.number]
            layer = self._layers[claim.key]
            self._said.layers_read += one.read
            if one.key is not None:
                layer.found = LayerAt(task.at, one.number, claim.key, one.key, one.digest, one.size)
                layer.result = one if one.carried else None
            elif given_up or layer.tried == len(layer.copies):
                layer.failure, layer.given_up = one.failure, given_up
            else:
                other, place = layer.copies[layer.tried]
                layer.tried += 1
                self._unread.append(LayerTask(self._setup, self._images[other].at, (place,)))
                continue
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
        found = [layer.found for layer in layers if layer.found is not None]
        known = tuple(found) if len(found) == len(layers) else None
        task = ImageTask(self._setup, number, image.at, image.name, known)
        carried = [layer.result for layer in layers if layer.result is not None]
        self._tasks.submit(number, read_image, task, carried)

    def _take_image(self, number: int, result: ImageResult | Failure) -> None:
        """Keep the rows of an image. If its layers are gone, read them again."""
        if isinstance(result, Failure):
            said = f"{self._images[number].at.reference}: {result.message}"
            self._fail(number, Failure(said, result.hint, result.exit_code))
            return
        if result.missing:
            self._read_again(number, result.missing)
            self._await(number)
            return
        self._results.add(number, result.tables)
        if result.failure is not None:
            self._said.failures[number] = result.failure
        self._progress.advance(1)

    def _fail(self, number: int, failure: Failure) -> None:
        """Note why an image has no figures."""
        image = self._images[number]
        row = failed_row(number, image.at.reference, image.name, failure.message, failure.exit_code)
        self._results.add(number, {"images": pack([row])})
        self._said.failures[number] = failure
        self._progress.advance(1)

    def _read_again(self, number: int, keys: Sequence[str]) -> None:
        """Have layers of an image read again, with these keys, that the store no longer has."""
        for claim in self._images[number].layers:
            layer = self._layers[claim.key]
            if layer.found is None or layer.found.key not in keys:
                continue
            layer.lost += 1
            if layer.lost >= ATTEMPTS:
                layer.failure = Failure(
                    "the cache lost what was read of it", "use --no-cache, or a larger cache"
                )
                layer.given_up = True
            else:
                self._unread.append(LayerTask(self._setup, layer.found.at, (layer.found.number,)))
            layer.found = layer.result = None
