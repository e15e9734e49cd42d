"""What the commands on paths of an image share: opening it, finding paths, saying what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from layerscope.browse.named_paths import Lookup, Missing
from layerscope.cli.output_options import ignore_errors_option
from layerscope.errors import ExitCode, LayerscopeError, UsageError
from layerscope.opening.open import Opened, Options, open_image
from layerscope.progress import Progress

_Function = TypeVar("_Function", bound=Callable[..., Any])


class NothingFoundError(LayerscopeError):
    """A path is not in the image."""

    exit_code = ExitCode.FAILED
    title = "Not found"


def open_for_paths(reference: str, progress: Progress, given: dict[str, Any]) -> Opened:
    """An image, without a search for duplicates: nobody asked for one."""
    from layerscope.cli.options import options_of, request_of

    options = options_of(given)
    return open_image(
        request_of(reference, progress, given),
        Options(verify=options.verify, verify_small=False, duplicates=False, cache=options.cache),
    )


def lookup_of(opened: Opened, layer: int | None) -> tuple[Lookup, int]:
    """Finds paths after a layer, the last one for None; and that layer. Raises `UsageError`."""
    count = opened.filesystem.layer_count
    if layer is not None and not 0 <= layer < count:
        raise UsageError(
            f"there is no layer {layer}",
            hint=f"layers are counted from 0 to {count - 1}" if count else "the image has none",
        )
    after = count - 1 if layer is None else layer
    return Lookup(opened.filesystem, after), after


def find_all(
    lookup: Lookup, words: Sequence[str], complain: Callable[[LayerscopeError], None]
) -> tuple[list[int], bool]:
    """The paths of all words, each once, in their order; and whether every word names one."""
    found: dict[int, None] = {}
    complete = True
    for word in words:
        paths = lookup.find(word)
        if isinstance(paths, Missing):
            complete = False
            complain(not_found(paths))
        else:
            found.update(dict.fromkeys(paths))
    return list(found), complete


def not_found(missing: Missing) -> NothingFoundError:
    """Words for a path that is not there."""
    near = [os.fsdecode(path) for path in missing.near]
    hint = (
        f"is it {', '.join(near[:-1])}{' or ' if len(near) > 1 else ''}{near[-1]}?"
        if near
        else None
    )
    if missing.link is not None:
        link, target = map(os.fsdecode, missing.link)
        return NothingFoundError(
            f"{missing.word}: {link} is a symlink to {target}",
            hint=hint and hint.replace("is it", "links are not followed: is it", 1),
        )
    return NothingFoundError(f"{missing.word}: no such path in the image", hint=hint)


def path_options(function: _Function) -> _Function:
    """Add `--layer N` and `--ignore-errors`."""
    layer = click.option(
        "--layer",
        type=int,
        metavar="N",
        help="As visible after layer N, counted from 0, instead of in the final image.",
    )
    return layer(ignore_errors_option(function))
