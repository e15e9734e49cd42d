"""The command line: data on stdout, messages on stderr, stable exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from layerscope import __version__
from layerscope.cli.group import (
    COMPLETION,
    DEFAULT_COMMAND,
    PROGRAM,
    ImageOrCommandGroup,
    did_you_mean,
    intended_command,
)
from layerscope.cli.streams import UnwritableError, guard_streams, print_error, stderr_failed
from layerscope.errors import CancelledError, ExitCode, LayerscopeError, UsageError
from layerscope.faults import (
    OutOfMemoryError,
    as_user_error,
    claim_memory_report,
    is_out_of_memory,
    reset_memory_report,
    watch_threads,
)
from layerscope.signals import EndedBySignal
from layerscope.site import page_address

_HELP = f"""Explore container images: what each layer adds, costs and wastes.

IMAGE is an image archive (docker save, podman save, skopeo copy), compressed or not, an OCI layout, a dir: folder, - for stdin, or
the name or ID of an image in Docker, Podman or containerd. SCHEME://NAME looks in one source only: docker, podman,
containers-storage, docker-store, containerd, registry. registry://NAME needs no engine. The first argument that is not an option is
a command if it names one, otherwise an image; use ./report for an image named report.

In the explorer, press ? for keys and filters. Settings and key bindings are read from ~/.config/layerscope/config.toml, or from
$LAYERSCOPE_CONFIG; {page_address("settings")} shows every setting.
"""


@click.group(
    help=_HELP,
    cls=ImageOrCommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM)
def layerscope() -> None:
    """The program: its commands are in `COMMANDS`."""


def run(args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    reset_memory_report()
    try:
        if args is None and (instruction := os.environ.get(COMPLETION)) is not None:
            from layerscope.cli.completion import answer_shell

            return answer_shell(layerscope, instruction)
        code = layerscope.main(
            args=None if args is None else list(args), prog_name=PROGRAM, standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        if error.ctx is not None:
            click.echo(f"\n  hint: {_how_to_open_image(error.ctx)}", err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        print_error(_usage_error(error))
        return ExitCode.USAGE
    except LayerscopeError as error:
        print_error(error)
        return error.exit_code
    except (KeyboardInterrupt, CancelledError, click.Abort):
        return ExitCode.INTERRUPTED
    except UnwritableError as error:
        print_error(UsageError(f"cannot write stdout: {error.strerror}"))
        return ExitCode.USAGE
    except EndedBySignal as error:
        return 128 + error.number
    except SystemExit:
        # Click exits like this when the reader of stdout has closed it; click has silenced stdout by then.
        return ExitCode.OK
    except OSError as error:
        if is_out_of_memory(error):
            return _fault(error)
        where = f"{error.filename}: " if error.filename else ""
        print_error(LayerscopeError(f"{where}{error.strerror or error}"))
        return ExitCode.UNREADABLE
    except Exception as error:
        return _fault(error)
    return code if isinstance(code, int) else ExitCode.OK


def _usage_error(error: click.ClickException) -> UsageError:
    """Convert a click error into our own."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "layerscope"
    hint = f"see {command.removesuffix(' ' + DEFAULT_COMMAND)} --help"
    message = " ".join(line.strip() for line in error.format_message().splitlines())
    explores = context is not None and context.info_name in (DEFAULT_COMMAND, "demo")
    if explores and message.startswith("Got unexpected extra argument"):
        hint = "two images: layerscope diff A B"
    if context is not None and (command_line := intended_command(context)) is not None:
        hint = did_you_mean(command_line)
    if isinstance(error, click.MissingParameter) and context is not None:
        first_argument = next(
            (param for param in context.command.params if isinstance(param, click.Argument)), None
        )
        if error.param is first_argument:
            hint = f"{hint}; {_how_to_open_image(context)}"
    return UsageError(message, hint=hint)


def _how_to_open_image(context: click.Context) -> str:
    """How to open an image that has the name of a command."""
    return f"an image named {context.info_name}: layerscope -- {context.info_name}"


def _fault(error: BaseException) -> int:
    """Report an unexpected exception; returns its exit code."""
    fault = as_user_error(error)
    if not isinstance(fault, OutOfMemoryError) or claim_memory_report():
        print_error(fault)
    return fault.exit_code


def main() -> NoReturn:
    """Run the program, then exit without freeing the memory of a million paths piece by piece."""
    guard_streams()
    watch_threads(print_error)
    code = run()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print_error(UsageError(f"cannot write stdout: {error.strerror}"))
            code = ExitCode.USAGE
    if stderr_failed() and code < ExitCode.INTERNAL:
        code = ExitCode.USAGE
    os._exit(code)
