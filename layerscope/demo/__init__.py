"""The bundled sample image: a small web shop on a Debian-like base, made in code.

Its Dockerfile is realistic, with the mistakes that layerscope is meant to show. None of its files are stored: `manifest.txt` has
paths, sizes and a few texts, and `filler` generates the rest. Every build has the same bytes on every machine and Python version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from layerscope.demo.archive import DEMO_REFERENCE, DIRECTORY, Entry, Layer, Step, write_archive
from layerscope.demo.filler import TEXTS
from layerscope.demo.packages import (
    REQUESTED,
    install,
    install_with_apt,
    install_with_pip,
    read_packages,
    unpack,
)
from layerscope.errors import UsageError
from layerscope.files import replacing

__all__ = ["DEMO_REFERENCE", "save_demo", "write_demo"]

_BASE_TIME = 1_771_895_550
"""2026-02-24: the base was published. Times are seconds since 1970."""
_CHECKOUT_TIME = 1_773_221_467
"""2026-03-11: the sources were checked out for the build."""
_BUILD_TIME = 1_773_222_012
"""2026-03-11: the build began."""
_OWNER = 1000
_TEMPLATES = "var/cache/debconf/templates.dat"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LANG = "LANG=C.UTF-8"
_LABELS = {
    "org.opencontainers.image.title": "Tiny Shop",
    "org.opencontainers.image.version": "1.4.2",
}
_HEALTH_CHECK = "python3 -m shop.health || exit 1"
_COMMAND = ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]
_BASE_INSTRUCTION = (
    "ADD file:4b1be1de1a1e5aa608c688cad2824587262081866180d7368feb79d33ca05953 in / "
)


def write_demo(stream: BinaryIO) -> None:
    """Write the sample image to `stream`, as `docker save` would. The stream need not be seekable."""
    write_archive(stream, _steps())


def save_demo(path: Path, *, overwrite: bool = False) -> None:
    """Write the sample image to `path`; on an error, nothing is written. Raises `UsageError`."""
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="name a file to write, such as demo.tar")
    if not overwrite and os.path.lexists(path):
        raise UsageError(
            f"{path} already exists", hint="choose another name, or pass --force to replace it"
        )
    try:
        with replacing(path) as stream:
            write_demo(stream)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}", hint="choose another place"
        ) from error


def _steps() -> Iterator[Step]:
    """The steps of the Dockerfile, in order; a layer is created when its step is requested."""
    directories: dict[str, Entry] = {}
    status: dict[str, str] = {}

    def layer(second: int) -> Layer:
        return Layer(_BUILD_TIME + second, directories)

    def run_step(command: str, written: Layer) -> Step:
        return Step(written.mtime, f"RUN /bin/sh -c {command} # buildkit", written)

    def setting(second: int, instruction: str, **config: Any) -> Step:
        return Step(_BUILD_TIME + second, instruction, config=config)

    base = Layer(_BASE_TIME, directories)
    install(base, read_packages("base"), status)
    base.file("etc/localtime", base.entries["usr/share/zoneinfo/Etc/UTC"].data)
    yield Step(_BASE_TIME, f"/bin/sh -c #(nop) {_BASE_INSTRUCTION}", base, comment="")
    bash = '/bin/sh -c #(nop)  CMD ["bash"]'
    yield Step(_BASE_TIME, bash, config={"Env": [_PATH], "Cmd": ["bash"]}, comment="")
    yield setting(0, f"ENV {_PATH}", Env=[_PATH])
    yield setting(0, f"ENV {_LANG}", Env=[_PATH, _LANG])

    apt = layer(61)
    install_with_apt(apt, read_packages("apt"), status)
    # debconf opens its templates for writing without changing them: the overlay copies them up.
    apt.add(_TEMPLATES, base.entries[_TEMPLATES])
    apt.symlink("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    command = f"apt-get update && apt-get install -y {REQUESTED} && "
    yield run_step(command + "ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime", apt)

    work = layer(62)
    work.directory("app")
    yield Step(work.mtime, "WORKDIR /app", work, {"WorkingDir": "/app"})

    copied = layer(63)
    requirements = "app/requirements.txt"
    copied.file(requirements, TEXTS[requirements], mtime=_CHECKOUT_TIME)
    yield Step(copied.mtime, "COPY requirements.txt . # buildkit", copied)

    pip = layer(81)
    install_with_pip(pip)
    yield run_step("pip install --break-system-packages -r requirements.txt", pip)

    sources = layer(83)
    for package in read_packages("shop"):
        unpack(sources, package, mtime=_CHECKOUT_TIME)
    script = sources.entries["app/static/js/htmx.min.js"]
    sources.add("app/static/vendor/htmx-2.0.8.min.js", script)
    for path, entry in list(sources.entries.items()):
        if entry.type == DIRECTORY:
            sources.add(path, entry._replace(mtime=_CHECKOUT_TIME))
    yield Step(sources.mtime, "COPY . /app # buildkit", sources)

    owned = layer(85)
    for path, entry in sources.entries.items():
        owned.add(path, entry._replace(uid=_OWNER, gid=_OWNER))
    yield run_step(f"chown -R {_OWNER}:{_OWNER} /app", owned)

    # Files that should not have been copied are removed; the layers below still store them.
    cleaned = layer(86)
    for whiteout in ("assets/.wh.seed-data.sql", ".wh..git", ".wh..env", "instance/.wh..wh..opq"):
        cleaned.file(f"app/{whiteout}", b"", 0)
    cleaned.directory("app/instance", uid=_OWNER, gid=_OWNER)
    command = "rm -rf /app/assets/seed-data.sql /app/.git /app/.env /app/instance && "
    yield run_step(f"{command}install -d -o {_OWNER} -g {_OWNER} /app/instance", cleaned)

    yield setting(86, "EXPOSE map[8000/tcp:{}]", ExposedPorts={"8000/tcp": {}})
    yield setting(86, f"USER {_OWNER}", User=str(_OWNER))
    health = {
        "Test": ["CMD-SHELL", _HEALTH_CHECK],
        "Interval": 30_000_000_000,
        "Timeout": 3_000_000_000,
    }
    text = f'HEALTHCHECK &{{["CMD-SHELL" "{_HEALTH_CHECK}"] "30s" "3s" "0s" "0s" \'\\x00\'}}'
    yield setting(86, text, Healthcheck=health)
    labels: dict[str, str] = {}
    for name, value in _LABELS.items():
        labels = {**labels, name: value}
        yield setting(86, f"LABEL {name}={value}", Labels=labels)
    words = " ".join(f'"{word}"' for word in _COMMAND)
    yield setting(86, f"CMD [{words}]", Cmd=_COMMAND)
