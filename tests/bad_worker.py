"""Workers for tests that fail or send invalid messages, chosen by name in the environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

from layerscope.channel import Task, serve_at_once
from layerscope.image.history import Step
from layerscope.image.model import Beside, Image, ImageConfig, Layer
from layerscope.image.platform import Platform
from layerscope.layers import store
from layerscope.opening import messages, sending, worker
from layerscope.opening.messages import encode
from tests import second_processes

MODULE = "tests.bad_worker"
NAME = "LAYERSCOPE_TEST_FAULT"

_STEP = Step(0, 0, True, "COPY", "layer0 /", (), None, None, None, None)
_LAYER = Layer(0, 0, None, None, None, None, None)
_IMAGE = Image(
    "image", (), None, None, None, Platform("", ""), "docker-archive", "image", ImageConfig(), (_STEP,), (_LAYER,), (), ()
)  # fmt: skip
_DESCRIBED = messages.Described(_IMAGE, [messages.BlobFacts("b", 9, False, None, None)], None, False)  # fmt: skip
_STACKED = messages.Stacked(["0" * 64], True, True, [], [], None)
_ENOUGH = messages.Done(None)

SAYING: dict[str, list[bytes]] = {
    "text": [b"Traceback (most recent call last):"],
    "bytes": [b"\xff\x00\xfe"],
    "other JSON": [b"[1, 2, 3]"],
    "deep JSON": [b"[" * 100_000],
    "an unknown event": [b'{"type": "Explode"}'],
    "an event without its fields": [b'{"type": "Indexed", "number": 1}'],
    "an event of other types": [b'{"type": "Checked", "number": "1", "right": 2}'],
    "the end at once": [encode(_ENOUGH)],
    "an image of other layers": [encode(messages.Described(_IMAGE, [], None, False))],
    "results before the image": [encode(messages.DuplicatesFound(True))],
    "a stack before the image": [encode(_STACKED)],
    "findings before the stack": [encode(_DESCRIBED), encode(messages.FindingsFound(["a"], True))],
    "attestations before the stack": [
        encode(_DESCRIBED),
        encode(messages.BesideFound(Beside(), [])),
    ],
    "a stack of layers without indexes": [encode(_DESCRIBED), encode(_STACKED)],
    "an index that is not there": [encode(_DESCRIBED), encode(messages.Indexed(0, "0" * 64, True))],
    "a key that is a path": [encode(_DESCRIBED), encode(messages.Indexed(0, "../" * 9, True))],
    "a layer that is not there": [encode(_DESCRIBED), encode(messages.Indexed(7, "0" * 64, True))],
}
"""Messages that a worker sends before it ends; each must be rejected."""


def _saying(messages: list[bytes]) -> Callable[[], None]:
    def answer(task: Task) -> Iterator[bytes]:
        for body in messages:
            task.progress(body)
        yield encode(_ENOUGH)

    return lambda: serve_at_once(answer)


def _full() -> None:
    """Make every write to the cache fail."""

    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store._write = write  # type: ignore[assignment]
    worker.main()


def _wordy() -> None:
    """Answer with more data than requested."""
    read = worker._Worker._read
    worker._Worker._read = lambda *about: [*read(*about), b"more"]  # type: ignore[method-assign]
    worker.main()


def _broken() -> None:
    """Raise an internal error."""
    vars(sending)["analyse"] = lambda *_: 1 // 0
    worker.main()


ODD: dict[str, Callable[[], None]] = {"full": _full, "wordy": _wordy, "broken": _broken}


def main() -> None:
    """Run the worker."""
    name = os.environ[NAME]
    if name in SAYING:
        _saying(SAYING[name])()
    else:
        {**second_processes.BAD, **ODD}[name]()
