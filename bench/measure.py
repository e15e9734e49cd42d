"""Runs programs in turns and measures their time and memory."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOPWATCH = Path(__file__).with_name("stopwatch.py")
MAX_MESSAGE = 160
Check = Callable[[Path], "str | None"]
"""Reads the output of a program; returns what is wrong with it, or None."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program with the commands of one run, which are run one after the other."""

    label: str
    runs: int
    commands: Sequence[Sequence[str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cache_variable: str | None = None
    """The environment variable for the cache folder, which is new and empty in each run."""
    check: Check | None = None
    missing: str | None = None
    """If the program is not installed, how to install it."""


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one run, in seconds and bytes."""

    wall: float
    cpu: float
    memory: int


@dataclass(slots=True)
class Result:
    """All runs of a program, or why there are none."""

    program: Program
    runs: list[Run] = field(default_factory=list)
    problem: str | None = None

    @property
    def wall(self) -> float:
        """Median wall time."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median of user and system time."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def memory(self) -> int:
        """The highest peak, in bytes."""
        return max(run.memory for run in self.runs)


class RunError(Exception):
    """A command failed or printed a wrong result; the text says which."""


def run_in_turns(programs: Sequence[Program], log: Callable[[str], None]) -> list[Result]:
    """Run the programs A B A B, so that a machine that slows down does so for all of them."""
    results = [Result(program, problem=program.missing) for program in programs]
    for turn in range(max(program.runs for program in programs)):
        for result in results:
            program = result.program
            if result.problem is not None or turn >= program.runs:
                continue
            try:
                run = _run(program)
            except RunError as error:
                result.problem = str(error)
                log(f"{program.label}: {error}")
            else:
                result.runs.append(run)
                log(f"{program.label}: run {turn + 1} of {program.runs}, {run.wall:.2f} s")
    return results


def read_through(paths: Sequence[Path]) -> None:
    """Read files once, so that every run finds them in the page cache."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def _run(program: Program) -> Run:
    """One run: the sum of its commands, and the highest peak among them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = {**os.environ, **program.environment}
        if program.cache_variable is not None:
            environment[program.cache_variable] = str(Path(folder, "cache"))
        parts = [
            _command(command, environment, Path(folder), program.check)
            for command in program.commands
        ]
    return Run(
        wall=sum(part.wall for part in parts),
        cpu=sum(part.cpu for part in parts),
        memory=max(part.memory for part in parts),
    )


def _command(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, check: Check | None
) -> Run:
    """Measure one command, and check its output if there is a check. Raises `RunError`."""
    stdout = Path(os.devnull) if check is None else folder / "stdout"
    stderr = folder / "stderr"
    # In its own session, it cannot reach the terminal, and all of it is killed when we are interrupted.
    starter = subprocess.Popen(
        [sys.executable, "-I", "-S", STOPWATCH, stdout, stderr, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,
    )
    try:
        printed, errors = starter.communicate()
    except BaseException:
        os.killpg(starter.pid, signal.SIGKILL)
        starter.communicate()
        raise
    if starter.returncode != 0:
        raise RunError(f"cannot start {command[0]}: {_last_line(errors)}")
    wall, cpu, memory, code = printed.split()
    if code != "0":
        output = stderr.read_text(errors="replace") or (
            "" if check is None else stdout.read_text(errors="replace")
        )
        raise RunError(f"exit code {code}: {_last_line(output)}")
    if check is not None and (problem := check(stdout)) is not None:
        raise RunError(problem)
    return Run(float(wall), float(cpu), int(memory))


def _last_line(text: str) -> str:
    """The last line that is not empty, shortened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:MAX_MESSAGE] if lines else "no message"
