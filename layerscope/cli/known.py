"""What completion offers but takes long to find: names of images, rules, schemes. Another process looks for them, and leaves them in
the cache folder.

Pressing Tab never waits for an engine: it takes what the file has, however old, and at most once in a while starts the process
that writes a newer one. Only if there is no file yet it waits, for `WAIT` seconds at most.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerscope import __version__
from layerscope.cli.cache import COMPLETION_FILE, COMPLETION_STARTED
from layerscope.cli.group import COMPLETION
from layerscope.files import read_file, replacing
from layerscope.layers.user_store import cache_place

EVERY = 20.0
"""Seconds from one look to the next."""
REFRESH = "refresh"
"""What the environment variable for completion is in the process that looks."""
WAIT = 1.0
"""Seconds that the first answer may take."""
PATIENCE = 8.0
"""Seconds that an engine has: less than after what it is called unreachable, so that a silent one keeps its names."""
SAFE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+-]{0,300}")
"""Names that no shell reads as anything but text. Engines give no others; what else a store claims is not offered."""
_MOST = 8 << 20
_LOOK = 0.02
"""Seconds between two looks at the file."""


@dataclass(slots=True)
class Known:
    """What is known. Everything in it is safe for a shell and a terminal."""

    images: dict[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    """The names of images by their source, each in its forms, the shortest first."""
    rules: dict[str, str] = field(default_factory=dict)
    """Titles of the rules for findings."""
    schemes: dict[str, bool] = field(default_factory=dict)
    """Schemes of references, and whether a path follows."""
    complete: bool = False
    """Whether all sources have answered or had their time."""


def known() -> Known:
    """What is known now. Starts to look for more if that was long ago."""
    folder, size = cache_place()
    path = folder / COMPLETION_FILE
    found = _read(path)
    begun = size != 0 and _is_old(path) and _start(folder)
    deadline = time.monotonic() + WAIT
    while begun and (found is None or not found.complete) and time.monotonic() < deadline:
        time.sleep(_LOOK)
        found = _read(path)
    return found or Known()


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > EVERY
    except OSError:
        return True


def _start(folder: Path) -> bool:
    """Start to look, if nobody else has lately; whether it was started."""
    started = folder / COMPLETION_STARTED
    if not _is_old(started):
        return False
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        started.touch(mode=0o600)
        _spawn([sys.executable, "-P", "-m", "layerscope"], os.environ | {COMPLETION: REFRESH})
    except OSError:  # without a mark of it, every Tab would start another process
        return False
    return True


def _spawn(command: list[str], environment: Mapping[str, str]) -> None:
    """Start a process that outlives this one, without a terminal to be interrupted by or to ask for a passphrase on."""
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    try:
        os.posix_spawn(command[0], command, environment, file_actions=silent, setsid=True)
    except NotImplementedError:  # an old system
        os.posix_spawn(command[0], command, environment, file_actions=silent, setpgroup=0)


def refresh() -> None:
    """Ask all sources, and write down what each answers as it comes. Takes `PATIENCE` and little more."""
    from layerscope.analysis.findings.rules import RULES
    from layerscope.sources import SOURCES, Request
    from layerscope.sources.listing import list_images
    from layerscope.sources.references import FILE_SCHEMES

    path = cache_place()[0] / COMPLETION_FILE
    before = _read(path) or Known()
    found = Known(
        before.images,
        {rule.name: rule.title for rule in RULES},
        {name: name in FILE_SCHEMES for source in SOURCES for name in source.schemes},
    )
    deadline = time.monotonic() + PATIENCE
    for answer in list_images(Request(""), patience=PATIENCE):
        if answer.refusal is not None and time.monotonic() >= deadline:
            continue  # it is silent: what it had before may still be there
        names = {name for image in answer.images for name in image.tags}
        found.images[answer.source.name] = [_forms(name) for name in sorted(names)]
        _write(path, found)
    found.complete = True
    _write(path, found)


def _forms(name: str) -> tuple[str, ...]:
    """A name as people write it, and whole."""
    from layerscope.sources.references import LOCALHOST, familiar_name

    return tuple(dict.fromkeys((familiar_name(name).removeprefix(LOCALHOST), name)))


def _write(path: Path, found: Known) -> None:
    document = {
        "version": __version__,
        "images": found.images,
        "rules": found.rules,
        "schemes": found.schemes,
        "complete": found.complete,
    }
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path, prefix=".completion-", mode=0o600) as stream:
            stream.write(json.dumps(document).encode())


def _read(path: Path) -> Known | None:
    """What the file says; None if there is none of this version."""
    try:
        document = json.loads(read_file(path, _MOST))
        if document["version"] != __version__:
            return None
        return Known(
            {source: _safe(names) for source, names in document["images"].items()},
            _texts(document["rules"]),
            {
                name: bool(path)
                for name, path in document["schemes"].items()
                if SAFE.fullmatch(name)
            },
            document["complete"] is True,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _safe(names: Any) -> Sequence[tuple[str, ...]]:
    forms = (tuple(form for form in each if SAFE.fullmatch(form)) for each in names)
    return [each for each in forms if each]


def _texts(texts: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(text) for name, text in texts.items() if SAFE.fullmatch(name)}
