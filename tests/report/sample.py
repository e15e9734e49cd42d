"""An image with an example of everything that reports show."""

from __future__ import annotations

import io
from pathlib import Path

from layerscope.opening.open import Opened, Options, open_image
from layerscope.report import ReportOptions, writer_of
from layerscope.sources import Request
from tests.images import (
    CREATED,
    device,
    directory,
    docker_archive,
    fifo,
    file,
    hardlink,
    layer_tar,
    opaque,
    symlink,
    unknown,
    whiteout,
    write,
)

STATUS = b"Package: demo\nStatus: install ok installed\n" * 90
COPYRIGHT = b"Permission is hereby granted, free of charge.\n" * 50

_BASE = layer_tar(
    [
        directory("bin"),
        file("bin/su", b"#!" + b"su" * 900, mode=0o4755),
        hardlink("bin/sudo", "bin/su"),
        directory("dev", mode=0o1777),
        device("dev/null", 1, 3, mode=0o666),
        fifo("dev/queue"),
        file("etc/os-release", b"NAME=Demo\n"),
        symlink("etc/release", "os-release"),
        directory("tmp", mode=0o1777),
        file("usr/share/doc/one/copyright", COPYRIGHT),
        file("usr/share/doc/two/copyright", COPYRIGHT),
        file("usr/share/文書/説明.txt", "説明".encode() * 100),
        file("var/cache/templates.dat", b"t" * 1500),
        file("var/lib/dpkg/status", STATUS),
        *(file(f"var/lib/lists/{number:02}", b"list" * (30 + number)) for number in range(24)),
    ]
)
_UPDATE = layer_tar(
    [
        file("usr/share/doc/three/copyright", COPYRIGHT),
        file("var/cache/templates.dat", b"t" * 1500),
        file("var/lib/dpkg/status", STATUS + b"Package: more\n"),
    ]
)
_CHMOD = layer_tar([file("etc/os-release", b"NAME=Demo\n", mode=0o600, uid=1000, gid=1000)])
_CLEAN = layer_tar(
    [
        opaque("var/lib/lists"),
        whiteout("usr/share/doc/two"),
        file("dev/queue", b"no longer a pipe"),
        symlink("tmp", "var/tmp"),
    ]
)
_APP = layer_tar(
    [
        directory("app", uid=1000, gid=1000),
        file("app/main.py", b"print('hello')\n", uid=1000, gid=1000),
        file("app/bell\x07 \x1b[31m\n", b"control", uid=1000, gid=1000),
        file(b"app/caf\xe9", b"latin-1", uid=1000, gid=1000),
        file("app/[bold]markup[/bold]", b"[red]", uid=1000, gid=1000),
        file("app/gpj\u202e.exe ", b"reordered", uid=1000, gid=1000),
        hardlink("app/broken", "nowhere"),
        unknown("app/odd", b"?"),
        *(file(f"app/copies/{number}-{copy}", b"%d" % number * (40 - number))
          for number in range(10, 22) for copy in "ab"),
    ]
)  # fmt: skip
_EMPTY = layer_tar([])

LAYERS = (_BASE, _UPDATE, _CHMOD, _EMPTY, _CLEAN, _APP, _APP)

_HISTORY: list[tuple[str, bool]] = [
    (f"/bin/sh -c #(nop) ADD file:{'5a' * 32} in / ", True),
    ('/bin/sh -c #(nop)  CMD ["sh"]', False),
    ("|1 MORE=yes /bin/sh -c apt-get update; \\\n\tapt-get install -y demo more", True),
    ("ENV NOTE=[bold]not markup[/bold] \x1b[31m\u202e", False),
    ("RUN /bin/sh -c chmod 600 /etc/os-release # buildkit", True),
    ("WORKDIR /app", True),
    ("RUN /bin/sh -c rm -rf /var/lib/lists/* /usr/share/doc/two # buildkit", True),
    ("COPY --chown=1000:1000 文書/app /app # buildkit", True),
    ("bazel build //:app", True),
]
HISTORY = [
    {"created": CREATED, "created_by": text} | ({} if layer else {"empty_layer": True})
    for text, layer in _HISTORY
]


def sample() -> bytes:
    """The image as an archive; its layers are plain, so that its bytes are the same everywhere."""
    return docker_archive(LAYERS, history=HISTORY, tags=("demo:latest", "demo:1"))


def opened(path: Path, image: bytes, options: Options | None = None) -> Opened:
    """Write an image and open it."""
    return open_image(Request(str(write(path, image))), options)


def report(image: Opened, form: str = "text", options: ReportOptions | None = None) -> bytes:
    """The text of a report."""
    stream = io.BytesIO()
    writer_of(form)(image, stream, options or ReportOptions())
    return stream.getvalue()
