"""The details of the whole image: totals, config, source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.text import Text

from layerscope import text
from layerscope.image.secret_spans import masked
from layerscope.tui.session import Session

MAX_VALUE_LENGTH = 2000
"""Maximum number of characters of a value."""
MAX_LISTED = 100
"""Maximum number of variables, labels and warnings that are listed."""


def append_image(body: Text, session: Session, quiet: str) -> None:
    """Append all facts about the image; `quiet` is the colour of labels."""
    image = session.image
    body.append(f"{text.safe_name(image.title)}  ", "bold")
    body.append(f"{text.safe_name(str(image.platform))}\n", quiet)
    if session.opened is not None:
        account = session.opened.accounting
        body.append(
            f"{text.size(account.stored)} stored · {text.size(account.live)} live · {text.size(account.wasted)} wasted\n"
            f"{text.count_of(account.files, 'file')} · {text.count_of(account.paths, 'path')} · "
            f"{text.count_of(account.entries, 'entry', 'entries')} in the layers\n"
        )
    for label, value in _facts(session):
        body.append(f"{label}  ", quiet).append(text.safe_name(value[:MAX_VALUE_LENGTH]) + "\n")
    warnings = session.opened.warnings if session.opened is not None else image.warnings
    for warning in warnings[:MAX_LISTED]:
        body.append(f"{warning.code}: {text.safe_name(warning.message)}\n", quiet)


def _facts(session: Session) -> Iterator[tuple[str, str]]:
    """Labels and values; facts without a value are left out."""
    image, config = session.image, session.image.config
    facts: list[tuple[str, str | None]] = [
        ("tags", ", ".join(image.tags)),
        ("created", text.date_of(image.created)),
        ("entrypoint", _words(config.entrypoint)),
        ("cmd", _words(config.cmd)),
        ("user", config.user),
        ("workdir", config.working_dir),
        ("ports", ", ".join(config.exposed_ports)),
        ("volumes", ", ".join(config.volumes)),
        *(("env", masked(variable, "ENV")) for variable in config.env[:MAX_LISTED]),
        *(("label", f"{name}={value}") for name, value in list(config.labels.items())[:MAX_LISTED]),
        ("source", f"{image.source_kind} {image.location}"),
        ("image ID", image.id),
        ("manifest", image.manifest_digest),
    ]
    yield from ((label, value) for label, value in facts if value)


def _words(command: Sequence[str]) -> str:
    """A command in exec form; empty if there is none."""
    return json.dumps(list(command), ensure_ascii=False) if command else ""
