"""The first argument that is not an option: a command if it names one, otherwise an image."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

import click

from layerscope.cli.streams import stdout_closed
from layerscope.errors import ImageNotFoundError, UnreachableError
from layerscope.faults import InternalError

PROGRAM = "layerscope"
COMPLETION = f"_{PROGRAM.upper()}_COMPLETE"
"""The environment variable in which completion scripts pass their request; click sets its name."""
DEFAULT_COMMAND = "open"
COMMANDS = {
    DEFAULT_COMMAND: "",
    "report": "Print what each step adds, costs and wastes.",
    "ci": "Check an image against limits; exit 1 if it fails.",
    "fix": "Write fixes for the findings as a patch for the Dockerfile.",
    "diff": "Compare two images; exit 1 if they differ.",
    "series": "Show what each release makes its users fetch again, and why.",
    "sbom": "List all packages as CycloneDX or SPDX.",
    "log": "Show which steps touched a path.",
    "ls": "List files of an image.",
    "cat": "Print files of an image.",
    "extract": "Save files of an image.",
    "fleet": "Report on many images: what they share, waste and could save.",
    "ask": "Answer questions about runs of fleet, by name or in SQL.",
    "save": "Save the analysis of an image to a file.",
    "images": "List images of engines and local stores.",
    "build": "Build an image and explore it.",
    "demo": "Explore the bundled sample image.",
    "web": "Explore an image in a browser on this machine.",
    "rules": "List the rules for findings.",
    "cache": "Show or clear the cache.",
    "completion": "Print the completion script for a shell.",
}
"""One-line summaries in the order of the help. The command is `NAME_command` or `NAME` in the module of that name; help and completion
import none of them."""


_IMAGE = f"{__name__}.image"
"""Key in click's context for the first argument, if it is taken for an image because it names no command."""
_MIN_SIMILARITY = 0.75
"""Minimum similarity of a word and the command that it may mean; 0.71 is that of memcached and cache."""


def intended_command(context: click.Context) -> str | None:
    """The command line that the user may have meant by a word that was taken for an image; None if there is none."""
    word = context.meta.get(_IMAGE)
    if word is None or not word.isalpha():
        return None
    from difflib import get_close_matches

    names = [name for name in COMMANDS if name != DEFAULT_COMMAND]
    close = get_close_matches(word.lower(), names, 1, _MIN_SIMILARITY)
    return f"`{PROGRAM} {close[0]}`" if close else None


def did_you_mean(command: str) -> str:
    """The hint for a mistyped command."""
    return f"did you mean {command}?"


class CommandGroup(click.Group):
    """A group whose usage errors have the context of their command, which click leaves out for options without values."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            name = ctx.invoked_subcommand
            command = None if error.ctx or name is None else self.get_command(ctx, name)
            if command is not None:
                error.ctx = click.Context(command, info_name=name, parent=ctx)
            raise


class ImageOrCommandGroup(CommandGroup):
    """A click group with a hidden default command that takes an image; options can precede the command.

    A command's module is imported when the command is needed.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return self.load_command(cmd_name) if cmd_name in COMMANDS else None

    @staticmethod
    def load_command(name: str) -> click.Command:
        """Import the command of that name."""
        module = import_module(f"layerscope.cli.{name}")
        command: click.Command = getattr(module, f"{name}_command", None) or getattr(module, name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_command_first(ctx, args))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command.

        A broken pipe other than stdout raises `InternalError`; click would take it for a normal end. An image that is not found
        may be a mistyped command.
        """
        try:
            return super().invoke(ctx)
        except (ImageNotFoundError, UnreachableError) as error:
            if (command_line := intended_command(ctx)) is not None:
                hint = did_you_mean(command_line)
                error.hint = hint if error.hint is None else f"{hint} For an image: {error.hint}"
            raise
        except BrokenPipeError as error:
            if stdout_closed():
                raise
            raise InternalError(error) from error

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [IMAGE]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]…", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        default = self.load_command(DEFAULT_COMMAND)
        records = [
            record
            for param in (*default.params, *self.params, self.get_help_option(ctx))
            if isinstance(param, click.Option)
            and (record := param.get_help_record(ctx)) is not None
        ]
        with formatter.section("Options"):
            formatter.write_dl(records)
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, summary in COMMANDS.items() if summary])

    def _with_command_first(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`args` with the command's name in front, or only --help or --version if given."""
        early_options = {
            name
            for param in (
                *self.params,
                self.get_help_option(click.Context(self, **self.context_settings)),
            )
            if param is not None
            for name in param.opts
        }
        position, image = 0, None
        while position < len(args):
            word = args[position]
            if word == "--":
                break
            if image is None and (word == "-" or not word.startswith("-")):
                if word in COMMANDS and word != DEFAULT_COMMAND:
                    return [word, *args[:position], *args[position + 1 :]]
                image = word
            if word in early_options:
                return [word]
            position += (
                2
                if self._takes_value(word, COMMANDS if image is None else (DEFAULT_COMMAND,))
                else 1
            )
        ctx.meta[_IMAGE] = image
        return [DEFAULT_COMMAND, *args]

    def _takes_value(self, word: str, commands: Iterable[str]) -> bool:
        """Whether a word is an option that takes a value: the first of these commands that has it decides."""
        if not word.startswith("-"):
            return False
        options = (
            param
            for name in commands
            for param in self.load_command(name).params
            if isinstance(param, click.Option) and word in param.opts
        )
        option = next(options, None)
        return option is not None and not (option.is_flag or option.count)
