"""`layerscope build`: builds an image as docker, podman or buildah would, and explores it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from layerscope import signals
from layerscope.errors import BuildFailedError, ExitCode, ImageNotFoundError, UsageError
from layerscope.image.digest import is_digest

ENGINES = ("docker", "podman", "buildah")
"""Programs that build, in the order in which they are looked for."""
_IIDFILE = "--iidfile"
_LONGEST_ID = 200
"""Bytes of a file with an ID that are read."""
_DEFAULTS = {
    "image": None,
    "platform": None,
    "store_root": None,
    "pull": False,
    "verify": False,
    "no_duplicates": False,
    "no_cache": False,
    "limit": (),
    "dockerfile": None,
    "theme": None,
}
"""How the result is explored: every option belongs to the build."""


class _BuildCommand(click.Command):
    """Takes its own options only in front: from the first other word on, all belongs to the build."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        position = 0
        while position < len(args):
            word = args[position]
            if word not in ("--engine", *ctx.help_option_names) and not word.startswith(
                "--engine="
            ):
                break
            position += 2 if word == "--engine" else 1
        return super().parse_args(ctx, [*args[:position], "--", *args[position:]])


@click.command(
    cls=_BuildCommand,
    short_help="Build an image and explore it.",
    options_metavar="[--engine NAME]",
)
@click.option(
    "--engine", metavar="NAME", help="Build with this program instead of the first on PATH."
)
@click.argument("args", metavar="[ARGS]…", nargs=-1, type=click.UNPROCESSED)
def build(engine: str | None, args: tuple[str, ...]) -> None:
    """Run docker, podman or buildah build with ARGS, whichever is found first, and explore the image.

    All that follows goes to the build as it is: layerscope build -t app --target dev . If the build fails, its exit code is
    passed on.
    """
    from layerscope.cli.open import explore

    program, words = _engine(engine), list(args)
    with signals.temporary_folder("layerscope-build-") as folder:
        file = _own_file(words)
        if file is None:
            file = Path(folder) / "id"
            words = [_IIDFILE, str(file), *words]
        _run([program, "build", *words])
        image_id = _id_in(file)
    try:
        explore(image_id, dict(_DEFAULTS))
    except ImageNotFoundError as error:
        error.hint = "the build did not leave it in the engine: docker buildx needs --load for that"
        raise


def _engine(name: str | None) -> str:
    """The program to build with. Raises `UsageError` if there is none."""
    names = ENGINES if name is None else (name,)
    found = next((path for each in names if (path := shutil.which(each)) is not None), None)
    if found is None:
        raise UsageError(
            f"{' or '.join(names)} is not on PATH", hint="name another one: --engine NAME"
        )
    return found


def _own_file(words: Sequence[str]) -> Path | None:
    """The file that the user wants the image's ID in; None if they do not say."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == _IIDFILE:
            return Path(value if equals else "".join(words[number + 1 : number + 2]))
    return None


def _run(command: Sequence[str]) -> None:
    """Run a build; all that it prints is words. Raises `BuildFailedError`, and what a signal raises once the build has ended."""

    def pass_on(number: int) -> None:
        # What is typed reaches the build, too: twice would make it leave things as they are.
        if number != signal.SIGINT or not _in_terminal():
            for process in started:
                process.send_signal(number)

    started: list[subprocess.Popen[bytes]] = []
    # Its stdout joins our stderr: where there is no terminal, stdout is for the report alone.
    with signals.taken_by(pass_on, patient=True):
        signals.raise_ending()
        try:
            started.append(subprocess.Popen(command, stdout=_stderr()))
        except OSError as error:
            raise UsageError(f"{command[0]} cannot be run: {error.strerror or error}") from error
        forget = signals.at_end(started[0].terminate)
        try:
            code = started[0].wait()
        finally:
            forget()
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
    """Where words go; None for where the build's own would, if our stderr is no file."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _id_in(file: Path) -> str:
    """The image's ID that a build wrote."""
    try:
        with file.open("rb") as stream:
            written = stream.read(_LONGEST_ID).decode("ascii", "replace").strip()
    except OSError:
        written = ""
    image_id = written if written.startswith("sha256:") else f"sha256:{written}"
    if not is_digest(image_id):
        raise BuildFailedError(
            "the build did not say which image it made",
            ExitCode.UNREADABLE,
            hint="it is built: open it by its name",
        )
    return image_id
