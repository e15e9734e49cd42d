"""Names that are slow to collect for completion: images, rules, schemes. A background process collects them into a file beside
the cache.

Completion never waits for an engine: it takes the names in the file, however old, and starts the process at most every
`REFRESH_SECONDS`. Only if there is no complete file yet, it waits up to `WAIT_SECONDS`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field  # msgspec takes longer to load than Tab may
from pathlib import Path
from typing import Any

from layerscope import __version__
from layerscope.cli.cache import COMPLETION_FILE, COMPLETION_STARTED
from layerscope.cli.group import COMPLETION
from layerscope.files import read_file, replacing
from layerscope.layers.user_store import cache_place

REFRESH_SECONDS = 20.0
"""Seconds after which the names are collected again."""
REFRESH = "refresh"
"""The value of the variable `COMPLETION` in the process that collects the names."""
WAIT_SECONDS = 1.0
"""Maximum seconds to wait if there is no complete file."""
ENGINE_SECONDS = 8.0
"""Seconds for an engine to answer: fewer than until it counts as unreachable, so that a silent one keeps its names."""
SAFE_NAME = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+-]{0,300}")
"""Names that every shell reads as plain text. Engines allow no others; other names in a store are not offered."""
_MAX_BYTES = 8 << 20
_POLL_SECONDS = 0.02
"""Seconds between two reads of the file."""


@dataclass(slots=True)
class CompletionNames:
    """The collected names. All of them are safe for a shell and a terminal."""

    images: dict[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    """Image names by source, each as a tuple of its forms, the shortest first."""
    rules: dict[str, str] = field(default_factory=dict)
    """Titles of the rules for findings."""
    schemes: dict[str, bool] = field(default_factory=dict)
    """Schemes of references, and whether a path follows."""
    complete: bool = False
    """Whether all sources have answered or timed out."""


def completion_names() -> CompletionNames:
    """The names in the file. Starts to collect them again if they are old."""
    folder, size = cache_place()
    path = folder / COMPLETION_FILE
    names = _read(path)
    started = size != 0 and _is_old(path) and _start_refresh(folder)
    deadline = time.monotonic() + WAIT_SECONDS
    while started and (names is None or not names.complete) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        names = _read(path)
    return names or CompletionNames()


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > REFRESH_SECONDS
    except OSError:
        return True


def _start_refresh(folder: Path) -> bool:
    """Start the process unless another one was started recently; returns whether it was started."""
    started = folder / COMPLETION_STARTED
    if not _is_old(started):
        return False
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        started.touch(mode=0o600)
        _spawn([sys.executable, "-P", "-m", "layerscope"], os.environ | {COMPLETION: REFRESH})
    except OSError:  # without the file, every Tab would start another process
        return False
    return True


def _spawn(command: list[str], environment: Mapping[str, str]) -> None:
    """Start a process that outlives this one, without a terminal that could interrupt it or on which it could ask for a passphrase."""
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    try:
        os.posix_spawn(command[0], command, environment, file_actions=silent, setsid=True)
    except NotImplementedError:  # an old system
        os.posix_spawn(command[0], command, environment, file_actions=silent, setpgroup=0)


def refresh() -> None:
    """Ask all sources, and write the file after each answer. Takes little more than `ENGINE_SECONDS`."""
    from layerscope.analysis.findings.rules import RULES
    from layerscope.sources import SOURCES, Request
    from layerscope.sources.listing import list_images
    from layerscope.sources.references import FILE_SCHEMES

    path = cache_place()[0] / COMPLETION_FILE
    before = _read(path) or CompletionNames()
    collected = CompletionNames(
        before.images,
        {rule.name: rule.title for rule in RULES},
        {name: name in FILE_SCHEMES for source in SOURCES for name in source.schemes},
    )
    deadline = time.monotonic() + ENGINE_SECONDS
    for answer in list_images(Request(""), patience=ENGINE_SECONDS):
        if answer.refusal is not None and time.monotonic() >= deadline:
            continue  # no answer: keep its earlier names
        tags = {name for image in answer.images for name in image.tags}
        collected.images[answer.source.name] = [_forms(name) for name in sorted(tags)]
        _write(path, collected)
    collected.complete = True
    _write(path, collected)


def _forms(name: str) -> tuple[str, ...]:
    """A name as people write it, and in full."""
    from layerscope.sources.references import LOCALHOST, familiar_name

    return tuple(dict.fromkeys((familiar_name(name).removeprefix(LOCALHOST), name)))


def _write(path: Path, names: CompletionNames) -> None:
    document = {
        "version": __version__,
        "images": names.images,
        "rules": names.rules,
        "schemes": names.schemes,
        "complete": names.complete,
    }
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path, prefix=".completion-", mode=0o600) as stream:
            stream.write(json.dumps(document).encode())


def _read(path: Path) -> CompletionNames | None:
    """The names in the file; None if it cannot be read or is from another version."""
    try:
        document = json.loads(read_file(path, _MAX_BYTES))
        if document["version"] != __version__:
            return None
        return CompletionNames(
            {source: _safe_names(names) for source, names in document["images"].items()},
            _safe_texts(document["rules"]),
            {
                name: bool(path)
                for name, path in document["schemes"].items()
                if SAFE_NAME.fullmatch(name)
            },
            document["complete"] is True,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _safe_names(names: Any) -> Sequence[tuple[str, ...]]:
    forms = (tuple(form for form in each if SAFE_NAME.fullmatch(form)) for each in names)
    return [each for each in forms if each]


def _safe_texts(texts: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(text) for name, text in texts.items() if SAFE_NAME.fullmatch(name)}
