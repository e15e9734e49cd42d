"""The steps of the demo image's Dockerfile, and the layers that they leave.

It is a believable first Dockerfile, with the mistakes that this program is there to show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from layerscope.demo.apt import ASKED_FOR, install_packages
from layerscope.demo.archive import Step
from layerscope.demo.base import fill_base
from layerscope.demo.dates import BASE_TIME, BUILD_TIME, CHECKOUT_TIME, stamp
from layerscope.demo.dpkg import Dpkg
from layerscope.demo.shop import SEED_DATA, build_context
from layerscope.demo.tree import DIRECTORY, Entry, Layer
from layerscope.demo.wheels import REQUIREMENTS, install_wheels

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LANG = "LANG=C.UTF-8"
_BUILDKIT = "buildkit.dockerfile.v0"
_OWNER = 1000
_LABELS = {
    "org.opencontainers.image.title": "Tiny Shop",
    "org.opencontainers.image.version": "1.4.2",
}
_CHECK = ["CMD-SHELL", "python3 -m shop.health || exit 1"]
_COMMAND = ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]
_SECOND = 1_000_000_000


def build_steps() -> Iterator[Step]:
    """Every step in order; a layer is made when its step is asked for."""
    directories: dict[str, Entry] = {}
    dpkg = Dpkg()

    base = Layer(BASE_TIME, directories)
    fill_base(base, dpkg)
    yield Step(
        stamp(BASE_TIME),
        "/bin/sh -c #(nop) ADD file:4b1be1de1a1e5aa608c688cad2824587262081866180d7368feb79d33ca05953 in / ",
        base.tar(),
    )
    yield Step(
        stamp(BASE_TIME),
        '/bin/sh -c #(nop)  CMD ["bash"]',
        config={"Env": [_PATH], "Cmd": ["bash"]},
    )
    yield _setting(0, f"ENV {_PATH}", {"Env": [_PATH]})
    yield _setting(0, f"ENV {_LANG}", {"Env": [_PATH, _LANG]})

    apt = Layer(BUILD_TIME + 61, directories)
    install_packages(apt, dpkg)
    command = f"apt-get update && apt-get install -y {ASKED_FOR} && "
    command += "ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime"
    yield _writing(f"RUN /bin/sh -c {command} # buildkit", apt)

    work = Layer(BUILD_TIME + 62, directories)
    work.directory("app")
    yield _writing("WORKDIR /app", work, {"WorkingDir": "/app"})

    requirements = Layer(BUILD_TIME + 63, directories)
    requirements.file("app/requirements.txt", REQUIREMENTS, mtime=CHECKOUT_TIME)
    yield _writing("COPY requirements.txt . # buildkit", requirements)

    pip = Layer(BUILD_TIME + 81, directories)
    install_wheels(pip)
    command = "pip install --break-system-packages -r requirements.txt"
    yield _writing(f"RUN /bin/sh -c {command} # buildkit", pip)

    sources = Layer(BUILD_TIME + 83, directories)
    _copy_sources(sources)
    yield _writing("COPY . /app # buildkit", sources)

    owned = Layer(BUILD_TIME + 85, directories)
    for entry in sources.entries.values():
        owned.add(replace(entry, uid=_OWNER, gid=_OWNER))
    yield _writing(f"RUN /bin/sh -c chown -R {_OWNER}:{_OWNER} /app # buildkit", owned)

    cleaned = Layer(BUILD_TIME + 86, directories)
    _clean_up(cleaned)
    command = "rm -rf /app/assets/seed-data.sql /app/.git /app/.env /app/instance && "
    command += f"install -d -o {_OWNER} -g {_OWNER} /app/instance"
    yield _writing(f"RUN /bin/sh -c {command} # buildkit", cleaned)

    yield from _last_settings()


def _copy_sources(layer: Layer) -> None:
    """Copy the build context as it is, whatever it holds."""
    for path, data in build_context().items():
        mode = 0o755 if path.startswith(".git/hooks/") else 0o644
        if path.startswith(".git/objects/pack/"):
            mode = 0o444
        layer.file(f"app/{path}", data, mode, mtime=CHECKOUT_TIME)
    for path, entry in layer.entries.items():
        if entry.type == DIRECTORY:
            layer.entries[path] = layer.directories[path] = replace(entry, mtime=CHECKOUT_TIME)


def _clean_up(layer: Layer) -> None:
    """Remove what should not have come along: the layers below keep it all the same."""
    layer.whiteout(f"app/{SEED_DATA}")
    layer.whiteout("app/.git")
    layer.whiteout("app/.env")
    layer.directory("app/instance", uid=_OWNER, gid=_OWNER)
    layer.opaque("app/instance")


def _last_settings() -> Iterator[Step]:
    yield _setting(86, "EXPOSE map[8000/tcp:{}]", {"ExposedPorts": {"8000/tcp": {}}})
    yield _setting(86, f"USER {_OWNER}", {"User": str(_OWNER)})
    words = " ".join(f'"{word}"' for word in _CHECK)
    health = {"Test": _CHECK, "Interval": 30 * _SECOND, "Timeout": 3 * _SECOND}
    text = f'HEALTHCHECK &{{[{words}] "30s" "3s" "0s" "0s" \'\\x00\'}}'
    yield _setting(86, text, {"Healthcheck": health})
    for name in _LABELS:
        labels = dict(list(_LABELS.items())[: list(_LABELS).index(name) + 1])
        yield _setting(86, f"LABEL {name}={_LABELS[name]}", {"Labels": labels})
    words = " ".join(f'"{word}"' for word in _COMMAND)
    yield _setting(86, f"CMD [{words}]", {"Cmd": _COMMAND})


def _setting(second: int, created_by: str, config: dict[str, Any]) -> Step:
    """A step that writes no layer."""
    return Step(stamp(BUILD_TIME + second), created_by, None, _BUILDKIT, config)


def _writing(created_by: str, layer: Layer, config: dict[str, Any] | None = None) -> Step:
    """A step that writes `layer`."""
    return Step(stamp(layer.mtime), created_by, layer.tar(), _BUILDKIT, config or {})
