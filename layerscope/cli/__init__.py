"""The command line: stdout is data, stderr is words, exit codes are an interface."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from layerscope import __version__
from layerscope.cli.build import build
from layerscope.cli.cache import cache
from layerscope.cli.cat import cat
from layerscope.cli.ci import ci
from layerscope.cli.demo import demo
from layerscope.cli.diff import diff
from layerscope.cli.extract import extract
from layerscope.cli.group import DEFAULT_COMMAND, ImageOrCommandGroup
from layerscope.cli.images import images
from layerscope.cli.log import log
from layerscope.cli.ls import ls
from layerscope.cli.open import open_command
from layerscope.cli.output import UnwritableError, guard_streams, say, words_lost
from layerscope.cli.report import report
from layerscope.cli.rules import rules
from layerscope.errors import CancelledError, ExitCode, LayerscopeError, UsageError
from layerscope.faults import as_user_error, is_out_of_memory, watch_threads
from layerscope.signals import EndedBySignal

COMMANDS: tuple[click.Command, ...] = (
    open_command,
    report,
    ci,
    diff,
    log,
    ls,
    cat,
    extract,
    images,
    build,
    demo,
    rules,
    cache,
)


@click.group(
    cls=ImageOrCommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="layerscope")
def layerscope() -> None:
    """Explore container images: what each layer adds, costs and wastes.

    IMAGE is a saved image (docker save, podman save, skopeo copy), compressed or not, an OCI layout or dir: folder, - for
    stdin, or the name or ID of an image that Docker, Podman or containerd has. SCHEME://NAME asks one of them alone:
    docker, podman, containers-storage, docker-store, containerd. The first word that is no option is a command if it names one; write ./report for an image of that name.

    In the explorer, ? shows its keys and the language of its filters. Settings, and keys of your own, go into ~/.config/layerscope/config.toml, or the file that $LAYERSCOPE_CONFIG names; README has a sample of it.
    """


for _command in COMMANDS:
    layerscope.add_command(_command)


def run(args: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code."""
    try:
        code = layerscope.main(
            args=None if args is None else list(args), prog_name="layerscope", standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        say(_usage_error(error))
        return ExitCode.USAGE
    except LayerscopeError as error:
        say(error)
        return error.exit_code
    except (KeyboardInterrupt, CancelledError, click.Abort):
        return ExitCode.INTERRUPTED
    except UnwritableError as error:
        say(UsageError(f"stdout cannot be written: {error.strerror}"))
        return ExitCode.USAGE
    except EndedBySignal as error:
        return 128 + error.number
    except SystemExit:
        # How click ends when whoever reads stdout has seen enough; it has silenced stdout, too.
        return ExitCode.OK
    except OSError as error:
        if is_out_of_memory(error):
            return _fault(error)
        where = f"{error.filename}: " if error.filename else ""
        say(LayerscopeError(f"{where}{error.strerror or error}"))
        return ExitCode.UNREADABLE
    except Exception as error:
        return _fault(error)
    return code if isinstance(code, int) else ExitCode.OK


def _usage_error(error: click.ClickException) -> UsageError:
    """A mistake in the words of a command line, as our own errors put it."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "layerscope"
    hint = f"see {command.removesuffix(' ' + DEFAULT_COMMAND)} --help"
    return UsageError(error.format_message(), hint=hint)


def _fault(error: BaseException) -> int:
    """Say what an unexpected exception means; its exit code."""
    fault = as_user_error(error)
    say(fault)
    return fault.exit_code


def main() -> NoReturn:
    """The program. It ends at once: what a million paths took of memory need not be given back piece by piece."""
    guard_streams()
    watch_threads(say)
    code = run()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            say(UsageError(f"stdout cannot be written: {error.strerror}"))
            code = ExitCode.USAGE
    if words_lost() and code < ExitCode.INTERNAL:
        code = ExitCode.USAGE
    os._exit(code)
