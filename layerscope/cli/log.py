"""`layerscope log IMAGE PATH…`: lists the steps that touched a path, newest last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from layerscope.cli.options import (
    headers_only_option,
    image_options,
    options_of,
    request_of,
    settings_of,
)
from layerscope.cli.output_options import binary_option, format_option, ignore_errors_option
from layerscope.errors import NothingFoundError


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@format_option()
@binary_option
@ignore_errors_option
@headers_only_option
@image_options
def log(
    reference: str,
    paths: tuple[str, ...],
    format_name: str,
    binary: bool,
    ignore_errors: bool,
    **given: Any,
) -> None:
    """Show which steps of IMAGE touched each PATH, newest last.

    PATH can be a glob: '*.conf' matches names, 'etc/**/*.conf' matches whole paths. For a directory, changes below it are
    counted. Exits with 1 if no step touched any path.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream, report_options
    from layerscope.cli.paths import say_unknown, unknown_layers
    from layerscope.cli.streams import say
    from layerscope.opening.open import open_image
    from layerscope.report.log import find_events, write_json, write_text

    given["no_duplicates"] = True  # not shown here
    wanted = options_of(given)
    with progress_bar() as progress:
        opened = open_image(
            request_of(reference, progress, given), replace(wanted, tables=not wanted.verify)
        )
    say_unknown(opened)
    options = report_options(binary=binary or settings_of(given).binary)
    events, unmatched = find_events(opened, paths)
    some = True  # if the reader of stdout stops early, something was written
    with output_stream(None) as stream:
        if format_name == "json":
            some = write_json(opened, events, stream)
        else:
            some = write_text(opened, events, stream, options)
    unknown = unknown_layers(opened)
    nothing = "no step touched" if unknown is None else "no known layer has changes of"
    for path in unmatched if some else ():
        say(NothingFoundError(f"{nothing} {path}", hint=unknown))
    if not ignore_errors:
        opened.raise_damage()
    if not some:
        raise NothingFoundError(f"{nothing} {' or '.join(paths)}", hint=unknown)
