"""`layerscope build`: builds an image with docker, podman or buildah, then explores it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from layerscope import signals
from layerscope.errors import BuildFailedError, ExitCode, ImageNotFoundError, UsageError
from layerscope.image.digest import is_digest

ENGINES = ("docker", "podman", "buildah")
"""Programs that can build images, in search order."""
IIDFILE = "--iidfile"
_MAX_ID_BYTES = 200
"""Maximum bytes of the ID file to read."""
_DEFAULTS = {
    "image": None,
    "platform": None,
    "store_root": None,
    "pull": False,
    "max_download": None,
    "verify": False,
    "no_duplicates": False,
    "no_cache": False,
    "limit": (),
    "dockerfile": None,
    "theme": None,
}
"""Parameters for exploring the result; all options on the command line are for the build."""


class _BuildCommand(click.Command):
    """A command that takes only leading options itself, and passes everything after them to the build."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        position = 0
        while position < len(args):
            word = args[position]
            if word not in ("--engine", *ctx.help_option_names) and not word.startswith(
                "--engine="
            ):
                break
            position += 2 if word == "--engine" else 1
        if position > len(args):  # --engine without its value
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, [*args[:position], "--", *args[position:]])


@click.command(
    cls=_BuildCommand,
    options_metavar="[--engine NAME]",
)
@click.option(
    "--engine", metavar="NAME", help="Build with this program: docker, podman or buildah."
)
@click.argument("args", metavar="[ARGS]…", nargs=-1, type=click.UNPROCESSED)
def build(engine: str | None, args: tuple[str, ...]) -> None:
    """Build an image with docker, podman or buildah (the first one found), then explore it.

    ARGS are passed to the build unchanged: layerscope build -t app --target dev . If the build fails, its exit code is
    passed on.
    """
    from layerscope.cli.open import explore

    program, words = find_engine(engine), list(args)
    with signals.temporary_folder("layerscope-build-") as folder:
        file = _id_file_of(words)
        if file is None:
            file = Path(folder) / "id"
            words = [IIDFILE, str(file), *words]
        run_build([program, "build", *words])
        image_id = id_in(file)
    try:
        explore(image_id, dict(_DEFAULTS))
    except ImageNotFoundError as error:
        error.hint = "the image is not in the engine; with docker buildx, add --load"
        raise


def find_engine(name: str | None) -> str:
    """Path of the program to build with. Raises `UsageError` if it is not found."""
    names = ENGINES if name is None else (name,)
    program = next((path for each in names if (path := shutil.which(each)) is not None), None)
    if program is None:
        raise UsageError(
            f"none of {', '.join(names)} found on PATH"
            if len(names) > 1
            else f"{names[0]} not found on PATH",
            hint="install one of them, or name its path with --engine"
            if len(names) > 1
            else "choose docker, podman or buildah with --engine",
        )
    return program


def _id_file_of(words: Sequence[str]) -> Path | None:
    """The file given with --iidfile, or None."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == IIDFILE:
            return Path(value if equals else "".join(words[number + 1 : number + 2]))
    return None


def run_build(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a build with its output on stderr; `environment` defaults to that of this process. Raises `BuildFailedError`; if a signal
    arrives, raises its exception after the build has ended.
    """

    def forward(number: int) -> None:
        # The terminal interrupts the build, too: a second interrupt would keep it from cleaning up.
        if number != signal.SIGINT or not _in_terminal():
            for process in processes:
                process.send_signal(number)

    processes: list[subprocess.Popen[bytes]] = []
    # Its stdout goes to our stderr: without a terminal, stdout must hold only the report.
    with signals.handled_by(forward, patient=True):
        signals.raise_ending()
        try:
            processes.append(subprocess.Popen(command, stdout=_stderr(), env=environment))
        except OSError as error:
            raise UsageError(f"cannot run {command[0]}: {error.strerror or error}") from error
        cancel = signals.at_end(processes[0].terminate)
        try:
            code = processes[0].wait()
        finally:
            cancel()
    signals.raise_ending()
    if code == -signal.SIGINT:
        raise KeyboardInterrupt
    if code:
        code = 128 - code if code < 0 else code
        raise BuildFailedError(f"{Path(command[0]).name} build failed with exit code {code}", code)


def _in_terminal() -> bool:
    """Whether keys typed into a terminal signal this process."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _stderr() -> int | None:
    """File descriptor of stderr; None (inherit stdout) if stderr is not a file."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def id_in(file: Path) -> str:
    """The image ID that the build wrote. Raises `BuildFailedError`."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_MAX_ID_BYTES).decode("ascii", "replace").strip()
    except OSError:
        text = ""
    image_id = text if text.startswith("sha256:") else f"sha256:{text}"
    if not is_digest(image_id):
        raise BuildFailedError(
            "the build did not report an image ID",
            ExitCode.UNREADABLE,
            hint="the build succeeded; open the image by its name",
        )
    return image_id
