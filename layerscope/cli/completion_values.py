"""Possible values of parameters, for completion: by the name of the option or argument.

Nothing here imports the modules that commands need to run: names from heavy modules come from `completion_cache`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem

from layerscope.cli.completion_cache import SAFE_NAME, completion_names

Item = CompletionItem[str]
PLATFORMS = (
    *("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386"),
    *("linux/ppc64le", "linux/riscv64", "linux/s390x", "windows/amd64"),
)
"""The platforms of Docker's official images."""
_FILE = re.compile(r"(\.{0,2}/|~)")
"""The start of a path, which cannot be an image name."""


def values_of(param: click.Parameter, incomplete: str) -> list[Item] | None:
    """Completions for a parameter; None if click completes its type."""
    name = param.opts[0] if isinstance(param, click.Option) else (param.metavar or "").strip("[]….")
    values = VALUES.get(name)
    return None if values is None else list(values(incomplete))


def _images(incomplete: str) -> Iterator[Item]:
    """Image names, schemes and files."""
    scheme, separator, rest = incomplete.partition("://")
    if separator:
        yield from _images_in_source(scheme, rest)
        return
    if not _FILE.match(incomplete):
        collected = completion_names()
        places: dict[str, list[str]] = {}
        for source, names in collected.images.items():
            for forms in names:
                if (name := _form(forms, incomplete)) is not None:
                    places.setdefault(name, []).append(source)
        yield from (Item(name, help=", ".join(where)) for name, where in sorted(places.items()))
        if incomplete:
            yield from _starting(incomplete, (f"{name}://" for name in collected.schemes))
    yield Item(incomplete, type="file")


def _images_in_source(scheme: str, rest: str) -> Iterator[Item]:
    """Image names in one source, or files."""
    collected = completion_names()
    if collected.schemes.get(scheme):
        yield from (Item(f"{scheme}://{path}") for path in _files(rest))
    for forms in collected.images.get(scheme, ()):
        if (name := _form(forms, rest)) is not None:
            yield Item(f"{scheme}://{name}")


def _form(forms: tuple[str, ...], incomplete: str) -> str | None:
    """The shortest form of a name that starts with a text; None if there is none."""
    return next((form for form in forms if form.startswith(incomplete)), None)


def _files(written: str) -> list[str]:
    """Paths that start with a text, with `/` after directories: the shell does not complete paths after a scheme."""
    folder, slash, begin = written.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:  # noqa: PTH111  # keeps the slash
            names = [entry.name + "/" * entry.is_dir() for entry in entries]
    except OSError:
        return []
    return sorted(
        folder + slash + name
        for name in names
        if name.startswith(begin)
        and SAFE_NAME.fullmatch(name)
        and (begin or not name.startswith("."))
    )


def _starting(incomplete: str, values: Iterator[str] | tuple[str, ...]) -> Iterator[Item]:
    return (Item(value) for value in values if value.startswith(incomplete) and value != incomplete)


def _limits(incomplete: str) -> Iterator[Item]:
    from layerscope.limits import Limits

    return _starting(incomplete, (f"{field}=" for field in Limits.__struct_fields__))


def _themes(incomplete: str) -> Iterator[Item]:
    from layerscope.tui.theme_names import THEME_NAMES

    return _starting(incomplete, THEME_NAMES)


def _rules(incomplete: str) -> Iterator[Item]:
    """The last rule of a comma-separated list."""
    before, comma, begin = incomplete.rpartition(",")
    return (
        Item(before + comma + name, help=title)
        for name, title in completion_names().rules.items()
        if name.startswith(begin)
    )


def _rule_severities(incomplete: str) -> Iterator[Item]:
    """A rule; after `=`, its severity."""
    name, separator, _ = incomplete.partition("=")
    if not separator:
        return (Item(f"{item.value}=", help=item.help) for item in _rules(incomplete))
    return _starting(incomplete, tuple(f"{name}={each}" for each in ("error", "warning", "note", "off")))  # fmt: skip


def _engines(incomplete: str) -> Iterator[Item]:
    return _starting(incomplete, ("docker", "podman", "buildah"))


def _directory(incomplete: str) -> Iterator[Item]:
    yield Item(incomplete, type="dir")


def _file(incomplete: str) -> Iterator[Item]:
    yield Item(incomplete, type="file")


VALUES: dict[str, Callable[[str], Iterator[Item]]] = {
    **dict.fromkeys(("IMAGE", "OLD", "NEW"), _images),
    **dict.fromkeys(("ARGS", "-- BUILD ARGS"), _file),
    "--platform": lambda incomplete: _starting(incomplete, PLATFORMS),
    "--limit": _limits,
    "--theme": _themes,
    "--only": _rules,
    "--except": _rules,
    "--rule": _rule_severities,
    "--engine": _engines,
    "--store-root": _directory,
}
"""Functions that complete options, by first name, and arguments, by their name in the help."""
