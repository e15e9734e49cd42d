"""The command line of the benchmark."""

from __future__ import annotations

import signal
import sys
import time

import click

from bench import images, results
from bench.bytecode import compile_program
from bench.cases import CASES, Case, Outcome, measure_case
from bench.images import Image
from bench.table import print_table

FAILED = 1
INTERRUPTED = 130


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--runs",
    type=click.IntRange(1),
    metavar="N",
    default=3,
    show_default=True,
    help="Runs of layerscope and igzip.",
)
@click.option(
    "--dive-runs",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Runs of dive; one on image A takes about a minute.",
)
@click.option(
    "--only",
    type=click.Choice([case.letter for case in CASES], case_sensitive=False),
    metavar="A|B|C|D|E",
    multiple=True,
    help="Measure only this case; can be repeated.",
)
@click.option(
    "--keep/--no-keep",
    default=True,
    show_default=True,
    help="Keep the images for the next run (3.5 GB).",
)
@click.option(
    "--scale",
    type=click.FloatRange(0, min_open=True),
    metavar="F",
    default=1.0,
    show_default=True,
    help="Images of F times the files; 0.1 for a quick look.",
)
@click.option(
    "--save",
    is_flag=True,
    help="Save the figures in results.json; only of all cases at scale 1.",
)
def main(
    runs: int, dive_runs: int, only: tuple[str, ...], keep: bool, scale: float, save: bool
) -> None:
    """Measure layerscope against dive and igzip on images made here, in the same run."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    compile_program()
    cases = [case for case in CASES if not only or case.letter in only]
    outcomes: list[Outcome] = []
    code = 0
    try:
        for case in cases:
            try:
                image = _image(case, scale)
                outcome = measure_case(case, image, runs=runs, dive_runs=dive_runs, log=_log)
            except OSError as error:
                _log(f"case {case.letter} cannot be measured: {error}")
                code = FAILED
            else:
                outcomes.append(outcome)
    except KeyboardInterrupt:
        _log("interrupted")
        code = INTERRUPTED
    finally:
        if not keep:
            for case in cases:
                images.remove(case.recipe, scale)
    if outcomes:
        print_table(outcomes, scale)
    if save:
        code = _save(outcomes, complete=scale == 1 and len(outcomes) == len(CASES)) or code
    if any(_failed(outcome) for outcome in outcomes):
        code = code or FAILED
    sys.exit(code)


def _save(outcomes: list[Outcome], *, complete: bool) -> int:
    """Save the figures of a complete run; returns the exit code."""
    try:
        if not complete:
            raise ValueError("only figures of all cases at scale 1 are saved")
        results.save(outcomes)
    except (OSError, ValueError) as error:
        _log(f"the figures were not saved: {error}")
        return FAILED
    _log(
        f"the figures are in {results.RESULTS}; python -m tests.docs.generated puts them into the pages"
    )
    return 0


def _image(case: Case, scale: float) -> Image:
    """The image of a case, which is made if it does not exist."""
    image = images.existing(case.recipe, scale)
    if image is None:
        _log(f"making image {case.letter} in {images.FOLDER}")
        start = time.perf_counter()
        image = images.make(case.recipe, scale)
        _log(f"made in {time.perf_counter() - start:.0f} s")
    return image


def _failed(outcome: Outcome) -> bool:
    """Whether an installed program failed."""
    return any(
        result.problem is not None and result.program.missing is None
        for result in (outcome.ours, outcome.peer)
    )


def _log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(prog_name="python -m bench")
