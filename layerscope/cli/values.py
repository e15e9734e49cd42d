"""What parameters may be, for completion: by the name of the option, or what the argument is called.

None of it loads what commands need to run: names that only a table of heavy modules has come from `known`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem

from layerscope.cli.known import SAFE, known

Item = CompletionItem[str]
PLATFORMS = (
    *("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386"),
    *("linux/ppc64le", "linux/riscv64", "linux/s390x", "windows/amd64"),
)
"""Those of official images."""
_FILE = re.compile(r"(\.{0,2}/|~)")
"""How a path begins that is no name of an image."""


def values_of(param: click.Parameter, incomplete: str) -> list[Item] | None:
    """What a parameter may be; None if only its type knows."""
    name = param.opts[0] if isinstance(param, click.Option) else (param.metavar or "").strip("[]….")
    values = VALUES.get(name)
    return None if values is None else list(values(incomplete))


def _images(incomplete: str) -> Iterator[Item]:
    """Names of images, schemes, and files."""
    scheme, separator, rest = incomplete.partition("://")
    if separator:
        yield from _of_scheme(scheme, rest)
        return
    if not _FILE.match(incomplete):
        found = known()
        places: dict[str, list[str]] = {}
        for source, names in found.images.items():
            for forms in names:
                if (name := _form(forms, incomplete)) is not None:
                    places.setdefault(name, []).append(source)
        yield from (Item(name, help=", ".join(where)) for name, where in sorted(places.items()))
        if incomplete:
            yield from _starting(incomplete, (f"{name}://" for name in found.schemes))
    yield Item(incomplete, type="file")


def _of_scheme(scheme: str, rest: str) -> Iterator[Item]:
    """Names of images in one source, or files."""
    found = known()
    if found.schemes.get(scheme):
        yield from (Item(f"{scheme}://{path}") for path in _files(rest))
    for forms in found.images.get(scheme, ()):
        if (name := _form(forms, rest)) is not None:
            yield Item(f"{scheme}://{name}")


def _form(forms: tuple[str, ...], incomplete: str) -> str | None:
    """The form of a name, the shortest first, that goes on after what is written."""
    return next((form for form in forms if form.startswith(incomplete)), None)


def _files(written: str) -> list[str]:
    """Paths that begin so, with `/` after directories: the shell does not complete what follows a scheme."""
    folder, slash, begin = written.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:  # noqa: PTH111  # keeps the slash
            names = [entry.name + "/" * entry.is_dir() for entry in entries]
    except OSError:
        return []
    return sorted(
        folder + slash + name
        for name in names
        if name.startswith(begin) and SAFE.fullmatch(name) and (begin or not name.startswith("."))
    )


def _starting(incomplete: str, values: Iterator[str] | tuple[str, ...]) -> Iterator[Item]:
    return (Item(value) for value in values if value.startswith(incomplete) and value != incomplete)


def _limits(incomplete: str) -> Iterator[Item]:
    from dataclasses import fields

    from layerscope.limits import Limits

    return _starting(incomplete, (f"{field.name}=" for field in fields(Limits)))


def _themes(incomplete: str) -> Iterator[Item]:
    from layerscope.tui.theme_names import THEME_NAMES

    return _starting(incomplete, THEME_NAMES)


def _rules(incomplete: str) -> Iterator[Item]:
    """One rule after others and commas."""
    before, comma, begin = incomplete.rpartition(",")
    return (
        Item(before + comma + name, help=title)
        for name, title in known().rules.items()
        if name.startswith(begin)
    )


def _rule_severities(incomplete: str) -> Iterator[Item]:
    """A rule, and then its severity."""
    name, separator, _ = incomplete.partition("=")
    if not separator:
        return (Item(f"{item.value}=", help=item.help) for item in _rules(incomplete))
    return _starting(incomplete, tuple(f"{name}={each}" for each in ("error", "warning", "note", "off")))  # fmt: skip


def _engines(incomplete: str) -> Iterator[Item]:
    return _starting(incomplete, ("docker", "podman", "buildah"))


def _a_directory(incomplete: str) -> Iterator[Item]:
    yield Item(incomplete, type="dir")


def _a_file(incomplete: str) -> Iterator[Item]:
    yield Item(incomplete, type="file")


VALUES: dict[str, Callable[[str], Iterator[Item]]] = {
    **dict.fromkeys(("IMAGE", "OLD", "NEW"), _images),
    **dict.fromkeys(("ARGS", "-- BUILD ARGS"), _a_file),
    "--platform": lambda incomplete: _starting(incomplete, PLATFORMS),
    "--limit": _limits,
    "--theme": _themes,
    "--only": _rules,
    "--except": _rules,
    "--rule": _rule_severities,
    "--engine": _engines,
    "--store-root": _a_directory,
}
"""Options by their first name, arguments by what help calls them."""
