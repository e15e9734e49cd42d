"""`layerscope ask DIR QUESTION`: questions about the runs of `layerscope fleet --output DIR`."""

from __future__ import annotations

from pathlib import Path

import click

from layerscope.cli.output_options import binary_option, format_option, output_option
from layerscope.errors import UsageError

_FORMATS = ("text", "json", "csv")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("question", metavar="[QUESTION|SQL]", required=False)
@click.option(
    "--run",
    metavar="N|all",
    help="Ask about this run, or about all of them.  [default: the newest]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Print at most N rows.")
@format_option(_FORMATS)
@output_option
@binary_option
def ask(
    folder: Path,
    question: str | None,
    run: str | None,
    limit: int | None,
    format_name: str,
    output: Path | None,
    binary: bool,
) -> None:
    """Answer a question about the runs in DIR: a named one, or one in SQL (DuckDB).

    Without a question, lists the named questions, and the tables with their columns.
    """
    from layerscope.cli.options import settings_of
    from layerscope.cli.output import check_output, output_stream, report_options
    from layerscope.fleet.questions import QUESTIONS, ask, tables
    from layerscope.report.query import write
    from layerscope.sources.inputs import InputFiles

    if question is None and (run is not None or limit is not None):
        raise UsageError(
            "--run and --limit need a question",
            hint=f"layerscope ask {folder} lists those with a name",
        )
    inputs = InputFiles()
    inputs.add_folder(folder)
    check_output(output, inputs)
    options = report_options(output, binary=binary or settings_of({}).binary)
    if question is None:
        with output_stream(output) as stream:
            rows = [(name, each.title) for name, each in QUESTIONS.items()]
            columns = [
                (name, column, kind, description)
                for name, _, table_columns in tables()
                for column, kind, _, description in [
                    ("run", "BIGINT", False, "number of the run"),
                    *table_columns,
                ]
            ]
            if format_name == "text":
                write("text", ("question", "answers"), rows, stream, options)
                stream.write(b"\n")
            write(format_name, ("table", "column", "type", "description"), columns, stream, options)
        return
    number = None if run in (None, "all") else _number(str(run))
    answer = ask(folder, question, run=number, all_runs=run == "all")
    with output_stream(output) as stream:
        write(format_name, answer.columns, answer.rows(limit), stream, options)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UsageError(f"--run {text!r}: expected the number of a run, or all")
    return int(text)
