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
"""The environment variable by which completion scripts ask for an answer, as click calls it."""
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
    "save": "Write what is known of an image into a file.",
    "images": "List images of engines and local stores.",
    "build": "Build an image and explore it.",
    "demo": "Explore the bundled sample image.",
    "web": "Explore an image in a browser of this machine.",
    "rules": "List the rules for findings.",
    "cache": "Show or clear the cache.",
    "completion": "Print the completion script for a shell.",
}
"""What each does, in the order of the help: the command `NAME_command` or `NAME` of a module of that name. Help and completion
load none of them."""


_IMAGE = f"{__name__}.image"
"""Where the context has the first word that names no command and is taken for an image."""
_CLOSE = 0.75
"""Similarity from which a word may be a mistyped command: 0.71 is that of memcached and cache."""


def mistyped(context: click.Context) -> str | None:
    """The command that the user may have meant by the word that was taken for an image; None if there is none."""
    word = context.meta.get(_IMAGE)
    if word is None or not word.isalpha():
        return None
    from difflib import get_close_matches

    names = [name for name in COMMANDS if name != DEFAULT_COMMAND]
    close = get_close_matches(word.lower(), names, 1, _CLOSE)
    return f"`{PROGRAM} {close[0]}`" if close else None


def hint_at(command: str) -> str:
    """The hint for a command that may be meant."""
    return f"did you mean {command}?"


class CommandGroup(click.Group):
    """A group whose usage errors have the context of their command: click leaves it out of some, such as options without values."""

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
        return self.named(cmd_name) if cmd_name in COMMANDS else None

    @staticmethod
    def named(name: str) -> click.Command:
        """The command of that name."""
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
            if (meant := mistyped(ctx)) is not None:
                hint = hint_at(meant)
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
        default = self.named(DEFAULT_COMMAND)
        records = [
            record
            for param in (*default.params, *self.params, self.get_help_option(ctx))
            if isinstance(param, click.Option)
            and (record := param.get_help_record(ctx)) is not None
        ]
        with formatter.section("Options"):
            formatter.write_dl(records)
        with formatter.section("Commands"):
            formatter.write_dl([(name, does) for name, does in COMMANDS.items() if does])

    def _with_command_first(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`args` with the command's name in front; only the option for --help and --version."""
        own = {
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
            if word in own:
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
            for param in self.named(name).params
            if isinstance(param, click.Option) and word in param.opts
        )
        found = next(options, None)
        return found is not None and not (found.is_flag or found.count)
