"""Images and keys for snapshots of every view: an empty image, and one with names that would act on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unicodedata import category

from textual.pilot import Pilot

from layerscope.tui.app import LayerscopeApp
from tests.images import CREATED, directory, docker_archive, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

FIND_FILE = ("4", *"app.py", "tab", "5")
VIEW_KEYS: Mapping[str, tuple[str, ...]] = {
    "explore": ("j", "j", "j", "j", "tab", "enter"),
    "waste": ("2", "down"),
    "life": ("tab", "3"),
    "find": ("4", *"aptlst"),
    "file": FIND_FILE,
    "dockerfile": ("6", "down"),
    "map": ("7",),
    "findings": ("8",),
    "packages": ("9",),
}
"""Keys that open each view with something to see, on the bundled image."""

HOSTILE_NAMES = (
    b"[red]markup[/red] [/x] [id].tsx",
    b"\x1b]0;title\x07\x1b[31mescape\r\n\t\x9b",
    "\u202egnp.exe \u2066isolate\u200b\ufeff".encode(),
    ("文書" * 40 + " 👩\u200d👩\u200d👧 e\u0301").encode(),
    b"not \xff\xfe UTF-8 \xc3",
    b"long" * 1000,
)
"""Markup, escape sequences, bidirectional text, wide and joined characters, invalid UTF-8, and 4,000 characters."""


def hostile_image(path: Path) -> Path:
    """An image with these names wherever an image has names; its second layer rewrites and deletes some of the files."""
    words = "\x1b[31m[bold]instruction[/bold] \u202e文書\x07 \\\n && " + "very long " * 60
    content = b"line \x1b[31mred\x07 [b]markup[/b] \xe2\x80\xae turned\n" * 40
    folders = [directory(name) for name in HOSTILE_NAMES]
    files = [file(name + b"/" + name, content * 9) for name in HOSTILE_NAMES]
    secret = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
    caches = [file(b"var/cache/apt/archives/" + name, b"c" * 90_000) for name in HOSTILE_NAMES]
    first = [*folders, *files, *caches, file(b"root/[b]\x1b/id_rsa", secret)]
    names = [name + b"/" + name for name in HOSTILE_NAMES]
    second = [file(names[0], content), file(names[1], content), whiteout(names[2])]
    second += [file(names[5], content), whiteout(names[3])]
    layers = [layer_tar(first), layer_tar(second)]
    history = [
        {"created": CREATED, "created_by": f"/bin/sh -c {words}", "comment": words},
        {"created": CREATED, "created_by": f"COPY {words}", "author": words},
    ]
    config = {"config": {"Env": [words], "Cmd": [words], "Labels": {words: words}}}
    tags = ("[b]\x1bhostile\u202e[/b]:latest",)
    return write(path, docker_archive(layers, history=history, config=config, tags=tags))


def empty_image(path: Path) -> Path:
    """An image without any layer."""
    return write(path, docker_archive([], history=[]))


def showing(
    *keys: str, theme: str = "dark", ready: Callable[[LayerscopeApp], None] | None = None
) -> Callable[[Pilot[Any]], Any]:
    """Load the image, press keys, and check that nothing on screen acts on a terminal; then call `ready`."""

    async def prepare(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, LayerscopeApp)
        app.theme = f"layerscope-{theme}"
        await loaded(pilot)
        for key in keys:
            await pilot.press(key)
        await settled(pilot)
        for line in screen_text(app):
            assert not {one for one in line if category(one) in ("Cc", "Cs")}, line
            assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
        if ready is not None:
            ready(app)

    return prepare


def picture_of(image: Path, **how: Any) -> LayerscopeApp:
    """The explorer on an image, with findings."""
    return explorer(image, rules={}, **how)
