"""A fleet that was read: its rows and answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from layerscope.analysis.gate.config import GateConfig
from layerscope.errors import CorruptImageError, ExitCode, UnreachableError
from layerscope.fleet.answers import answers_of
from layerscope.fleet.answers.model import Answers
from layerscope.fleet.gate import FleetVerdict, decide
from layerscope.fleet.journal import Journal
from layerscope.fleet.messages import Described, Failure, Setup
from layerscope.fleet.pending import Workers
from layerscope.fleet.results import Results
from layerscope.fleet.run import Reading, Watch, describe, read
from layerscope.progress import Progress
from layerscope.sources.registry.layer import Budget
from layerscope.text import count_of


class Fleet(Struct, frozen=True):
    """The result of a run, as reports show it."""

    results: Results
    answers: Answers
    reading: Reading
    verdict: FleetVerdict | None = None
    """None without a gate."""

    @property
    def failures(self) -> list[Failure]:
        """Errors of images whose figures are missing or incomplete, in the order of the images."""
        return [failure for _, failure in sorted(self.reading.failures.items())]

    def raise_failures(self) -> None:
        """Raise an error if not all images could be read completely.

        `UnreachableError` if no source of any image is reachable, otherwise `CorruptImageError`, with the exit code of an internal error if
        there was one.
        """
        failures = self.failures
        if not failures:
            return
        codes = {failure.exit_code for failure in failures}
        others = f" (and {len(failures) - 1:,} more)" if len(failures) > 1 else ""
        message, hint = failures[0].message + others, failures[0].hint
        if codes == {ExitCode.UNREACHABLE} and len(failures) == self.results.images:
            raise UnreachableError(message, hint=hint)
        if len(failures) < self.results.images:
            hint = "the figures cover what could be read; --ignore-errors accepts them"
        error = CorruptImageError(message, hint=hint)
        error.exit_code = ExitCode.INTERNAL if ExitCode.INTERNAL in codes else error.exit_code
        raise error


def read_fleet(
    references: Sequence[str],
    setup: Setup,
    workers: Workers,
    progress: Progress,
    *,
    max_download: int | None = None,
    limits: GateConfig | None = None,
    journal: Path | None = None,
    watch: Watch | None = None,
) -> Fleet:
    """Read the images of references, and answer all questions.

    `max_download` limits the bytes of layers fetched from registries; `limits` apply to all images together. `journal` is the file of
    a run's journal: layers and images that an earlier run with the same images noted there are not read again. `watch` is called as
    layers are read. Raises `LayerscopeError` and `CancelledError`.
    """
    images = describe(references, setup, workers, progress)
    _check_download(images, max_download)
    results = Results(len(images))
    with ExitStack() as stack:
        open_journal = (
            None if journal is None else stack.enter_context(Journal(journal, images, setup))
        )
        reading = read(images, setup, workers, results, progress, open_journal, watch)
    answers = answers_of(results, reading.read, setup, workers, progress)
    verdict = None if limits is None else decide(limits, answers.totals, results)
    return Fleet(results, answers, reading, verdict)


def _check_download(images: Sequence[Described], most: int | None) -> None:
    """Raise `LimitExceededError` if the distinct layers are more than may be fetched."""
    fetched: dict[str, int] = {}
    for image in images:
        for claim in image.layers:
            fetched.setdefault(claim.key, claim.fetched)
    Budget(most).check(sum(fetched.values()), count_of(len(images), "image"))
