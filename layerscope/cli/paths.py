"""Shared by ls, cat and extract: opening the image, finding paths, errors for missing ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from layerscope.cli.output_options import ignore_errors_option
from layerscope.errors import LayerscopeError, NothingFoundError, UsageError

if TYPE_CHECKING:
    from layerscope.browse.named_paths import Lookup, Missing
    from layerscope.opening.opened import Opened
    from layerscope.progress import Progress

_Function = TypeVar("_Function", bound=Callable[..., Any])


_MAX_NAMED = 20
"""Maximum layers that a message names."""


def open_for_paths(reference: str, progress: Progress, params: dict[str, Any]) -> Opened:
    """Open an image without a search for duplicates, which these commands do not need."""
    from layerscope.cli.options import options_of, request_of
    from layerscope.opening.open import Options, open_image

    options = options_of(params)
    opened = open_image(
        request_of(reference, progress, params),
        Options(
            verify=options.verify,
            verify_small=False,
            duplicates=False,
            cache=options.cache,
            tables=not options.verify,
            compare=False,
            headers_only=options.headers_only,
        ),
    )
    warn_unknown_layers(opened)
    return opened


def warn_unknown_layers(opened: Opened) -> None:
    """Warn on stderr about layers that are missing from the output of a command."""
    if unknown := unknown_layers(opened):
        click.echo(f"layerscope: changes of unknown layers are missing; {unknown}", err=True)


def unknown_layers(opened: Opened, after: int | None = None) -> str | None:
    """Which layers are unknown, of those up to `after`, and how to read them; None if all are known."""
    unknown = [layer for layer in opened.unknown_layers if after is None or layer <= after]
    if not unknown:
        return None
    numbers = ", ".join(map(str, unknown[:_MAX_NAMED])) + (
        " …" if len(unknown) > _MAX_NAMED else ""
    )
    return f"unknown layers: {numbers}; leave out --headers-only to fetch them"


def lookup_of(opened: Opened, layer: int | None) -> tuple[Lookup, int]:
    """A lookup of paths as they are after `layer` (None: the last one), and the number of that layer. Raises `UsageError`."""
    from layerscope.browse.named_paths import Lookup

    count = opened.filesystem.layer_count
    if layer is not None and not 0 <= layer < count:
        raise UsageError(
            f"no layer {layer}",
            hint=f"the image has layers 0 to {count - 1}" if count else "the image has no layers",
        )
    after = count - 1 if layer is None else layer
    return Lookup(opened.filesystem, after), after


def find_all(
    opened: Opened,
    lookup: Lookup,
    patterns: Sequence[str],
    report: Callable[[LayerscopeError], None],
) -> tuple[list[int], bool]:
    """The numbers of the paths that the patterns match, in order and without repeats; and whether every pattern matched. An error is
    passed to `report` for each one that does not."""
    from layerscope.browse.named_paths import Missing

    unknown = unknown_layers(opened, lookup.layer)
    matches: dict[int, None] = {}
    all_matched = True
    for pattern in patterns:
        paths = lookup.find(pattern)
        if isinstance(paths, Missing):
            all_matched = False
            report(not_found(paths, unknown))
        else:
            matches.update(dict.fromkeys(paths))
    return list(matches), all_matched


def not_found(missing: Missing, unknown: str | None = None) -> NothingFoundError:
    """The error for a missing path, with similar paths as its hint; `unknown` is what `unknown_layers` returns."""
    near = ["/" + os.fsdecode(path) for path in missing.near]
    hint = (
        f"did you mean {', '.join(near[:-1])}{' or ' if len(near) > 1 else ''}{near[-1]}?"
        if near
        else None
    )
    if missing.deleted is not None:
        hint = f"deleted in layer {missing.deleted}: --layer {missing.deleted - 1} has it"
    elif missing.added is not None:
        hint = f"added in layer {missing.added}: --layer {missing.added} has it"
    if missing.link is not None:
        link, target = map(os.fsdecode, missing.link)
        return NothingFoundError(
            f"{missing.word}: /{link} is a symlink to {target}",
            hint=hint and f"symlinks are not followed; {hint}",
        )
    if unknown is not None:
        hint = "; ".join(filter(None, (hint, unknown)))
        return NothingFoundError(f"{missing.word}: no such path in the known layers", hint=hint)
    return NothingFoundError(f"{missing.word}: no such path in the image", hint=hint)


def path_options(function: _Function) -> _Function:
    """Add `--layer N` and `--ignore-errors`."""
    layer = click.option(
        "--layer",
        type=int,
        metavar="N",
        help="Use the filesystem after layer N (from 0) instead of the final image.",
    )
    return layer(ignore_errors_option(function))
