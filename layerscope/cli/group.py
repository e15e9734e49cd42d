"""The first argument that is not an option: a command if it names one, otherwise an image."""

from __future__ import annotations

import click

from layerscope.cli.output import reader_gone
from layerscope.faults import InternalError

DEFAULT_COMMAND = "open"


class ImageOrCommandGroup(click.Group):
    """A click group with a hidden default command that takes an image; options can precede the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_command_first(args))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. A broken pipe other than stdout is no end as click has it, but a fault: raises `InternalError`."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if reader_gone():
                raise
            raise InternalError(error) from error

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [IMAGE]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]…", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        default = self.commands[DEFAULT_COMMAND]
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
        takes_value = {
            name
            for command in self.commands.values()
            for param in command.params
            if isinstance(param, click.Option) and not param.is_flag and not param.count
            for name in param.opts
        }
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
                if word in self.commands and word != DEFAULT_COMMAND:
                    return [word, *args[:position], *args[position + 1 :]]
                image = word
            if word in own:
                return [word]
            position += 2 if word in takes_value else 1
        return [DEFAULT_COMMAND, *args]
