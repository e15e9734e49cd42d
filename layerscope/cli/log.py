"""`layerscope log IMAGE PATH…`: lists the steps that touched a path, newest last."""

from __future__ import annotations

from typing import Any

import click
from msgspec.structs import replace

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
    **params: Any,
) -> None:
    """Show which steps of IMAGE touched each PATH, newest last.

    PATH can be a glob: '*.conf' matches names, 'etc/**/*.conf' matches whole paths. For a directory, changes below it are
    counted. Exits with 1 if no step touched any path.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream, report_options
    from layerscope.cli.paths import unknown_layers, warn_unknown_layers
    from layerscope.cli.streams import print_error
    from layerscope.opening.open import open_image
    from layerscope.report.log import find_events, write_json, write_text

    params["no_duplicates"] = True  # not shown here
    open_options = options_of(params)
    with progress_bar() as progress:
        opened = open_image(
            request_of(reference, progress, params),
            replace(open_options, tables=not open_options.verify),
        )
    warn_unknown_layers(opened)
    options = report_options(binary=binary or settings_of(params).binary)
    events, unmatched = find_events(opened, paths)
    has_events = True  # stays true if the reader of stdout stops early
    with output_stream(None) as stream:
        if format_name == "json":
            has_events = write_json(opened, events, stream)
        else:
            has_events = write_text(opened, events, stream, options)
    unknown = unknown_layers(opened)
    message = "no step touched" if unknown is None else "no known layer has changes of"
    for path in unmatched if has_events else ():
        print_error(NothingFoundError(f"{message} {path}", hint=unknown))
    if not ignore_errors:
        opened.raise_damage()
    if not has_events:
        raise NothingFoundError(f"{message} {' or '.join(paths)}", hint=unknown)
