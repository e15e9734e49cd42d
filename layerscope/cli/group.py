"""The first argument that is not an option: a command if it names one, otherwise an image."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from layerscope.cli.streams import stdout_closed
from layerscope.faults import InternalError

DEFAULT_COMMAND = "open"
COMMANDS = (
    DEFAULT_COMMAND,
    *("report", "ci", "fix", "diff", "log", "ls", "cat", "extract", "images", "build", "demo"),
    *("rules", "cache"),
)
"""Each is the command `NAME_command` or `NAME` of a module of that name, in the order of the help."""


class ImageOrCommandGroup(click.Group):
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
        return super().parse_args(ctx, self._with_command_first(args))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command.

        A broken pipe other than stdout is not a normal end, as in click, but an internal error: raises `InternalError`.
        """
        try:
            return super().invoke(ctx)
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
        self.format_commands(ctx, formatter)

    def _with_command_first(self, args: list[str]) -> list[str]:
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
                2 if self._takes_value(word, COMMANDS if image is None else COMMANDS[:1]) else 1
            )
        return [DEFAULT_COMMAND, *args]

    def _takes_value(self, word: str, commands: Sequence[str]) -> bool:
        """Whether a word is an option of one of these commands that takes a value."""
        return word.startswith("-") and any(
            word in param.opts
            for name in commands
            for param in self.named(name).params
            if isinstance(param, click.Option) and not param.is_flag and not param.count
        )
