"""Two builds of an image with an example of every kind of difference."""

from __future__ import annotations

from tests.images import (
    CREATED,
    Member,
    device,
    directory,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    symlink,
    whiteout,
)


def _status(**versions: str) -> bytes:
    """The status file of dpkg."""
    return b"".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n".encode()
        for name, version in versions.items()
    )


def _installed(name: str, size: int) -> list[Member]:
    """The files of a package, with dpkg's list of them."""
    return [
        file(f"usr/bin/{name}", name[:1].encode() * size),
        file(f"var/lib/dpkg/info/{name}.list", f"/.\n/usr/bin/{name}\n".encode()),
    ]


_BASE = layer_tar(
    [
        directory("etc"),
        file("etc/os-release", b"NAME=Demo\n"),
        file("etc/passwd", b"root:x:0:0\n"),
        device("dev/null", 1, 3),
        directory("usr/bin"),
        file("usr/lib/libc.so", b"c" * 40_000),
        hardlink("usr/lib/libc.so.6", "usr/lib/libc.so"),
    ]
)


def _packages(sizes: dict[str, int], **versions: str) -> bytes:
    return layer_tar(
        [
            file("var/lib/dpkg/status", _status(**versions)),
            *(member for name, size in sizes.items() for member in _installed(name, size)),
        ]
    )


_OLD_PACKAGES = _packages(
    {"curl": 30_000, "vim": 90_000, "zlib": 8_000}, curl="7.88", vim="9.0", zlib="1.2"
)
_NEW_PACKAGES = _packages(
    {"curl": 31_500, "git": 120_000, "zlib": 8_000}, curl="8.5~\x1b[31m", git="2.43", zlib="1.2"
)
_OLD_APP = layer_tar(
    [
        file("app/main.py", b"print('hello')\n"),
        file("app/same-size.bin", b"a" * 5_000),
        file("app/unchanged.bin", b"u" * 5_000, mtime=1),
        file("app/mode", b"m", mode=0o644),
        file("app/becomes-a-link", b"l" * 700),
        symlink("app/current", "releases/1"),
        file("app/gone\x07 \u202e.exe", b"g" * 64),
        file("app/cache/a", b"c" * 9_000),
    ]
)
_NEW_APP = layer_tar(
    [
        file("app/main.py", b"print('hello, world')\n"),
        file("app/same-size.bin", b"b" * 5_000),
        file("app/unchanged.bin", b"u" * 5_000, mtime=2),
        file("app/mode", b"m", mode=0o600, uid=1000, xattrs={b"user.a": b"1"}),
        symlink("app/becomes-a-link", "mode"),
        symlink("app/current", "releases/2"),
        file(b"app/caf\xe9 ", b"latin-1"),
        file("app/copy.bin", b"u" * 5_000),
    ]
)
_TOUCHED = layer_tar([file("etc/motd", b"hi", mtime=5)])
_TOUCHED_AGAIN = layer_tar([file("etc/motd", b"hi", mtime=6)])
_CLEAN = layer_tar([whiteout("etc/passwd")])


def _history(*texts: tuple[str, bool]) -> list[dict[str, object]]:
    return [
        {"created": CREATED, "created_by": text} | ({} if layer else {"empty_layer": True})
        for text, layer in texts
    ]


def old_image() -> bytes:
    """The old build."""
    return docker_archive(
        [_BASE, _OLD_PACKAGES, _TOUCHED, _OLD_APP],
        history=_history(
            (f"/bin/sh -c #(nop) ADD file:{'5a' * 32} in / ", True),
            ("RUN /bin/sh -c apt-get install -y curl vim # buildkit", True),
            ("RUN /bin/sh -c echo -n hi > /etc/motd # buildkit", True),
            ("ENV MODE=slow", False),
            (f"/bin/sh -c #(nop) COPY dir:{'ab' * 32} in /app ", True),
            ('CMD ["python", "/app/main.py"]', False),
        ),
        config={
            "config": {
                "Env": ["PATH=/usr/bin", "MODE=slow", "GONE=1"],
                "Cmd": ["python", "/app/main.py"],
                "Labels": {"version": "1"},
                "ExposedPorts": {"80/tcp": {}},
            }
        },
        tags=("demo:1",),
    )


def new_image() -> bytes:
    """The new build."""
    return docker_archive(
        [_BASE, _NEW_PACKAGES, _TOUCHED_AGAIN, _NEW_APP, _CLEAN],
        history=_history(
            (f"/bin/sh -c #(nop) ADD file:{'5a' * 32} in / ", True),
            ("RUN /bin/sh -c apt-get install -y curl git # buildkit", True),
            ("RUN /bin/sh -c echo -n hi > /etc/motd # buildkit", True),
            ("ENV MODE=\x1b[31mfast", False),
            (f"/bin/sh -c #(nop) COPY dir:{'cd' * 32} in /app ", True),
            ("RUN /bin/sh -c rm /etc/passwd # buildkit", True),
            ('CMD ["python", "/app/main.py"]', False),
            ("USER 1000", False),
        ),
        config={
            "config": {
                "Env": ["PATH=/usr/bin", "MODE=\x1b[31mfast"],
                "Cmd": ["python", "/app/main.py"],
                "User": "1000",
                "WorkingDir": "/app",
                "Labels": {"version": "2", "text": "long " * 40},
                "ExposedPorts": {"8080/tcp": {}},
                "Volumes": {"/data": {}},
            }
        },
        tags=("demo:2",),
    )


KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQ" * 30
KEY += b"\n-----END PRIVATE KEY-----\n"


def risky_image(*names: str | bytes, title: str = "risky:1", command: str = "") -> bytes:
    """A build with a private key that a later step deletes, a setuid file and package lists: each of these names, one if
    there are none."""
    chosen = [name if isinstance(name, bytes) else name.encode() for name in names or ("x",)]
    chosen = [name.replace(b"/", b"\\") for name in chosen]
    keys = [
        file(b"keys/" + name + b".pem", KEY + str(number).encode())
        for number, name in enumerate(chosen)
    ]
    return docker_archive(
        [
            _BASE,
            layer_tar([file(b"var/lib/apt/lists/" + name, b"l" * 300_000) for name in chosen]),
            layer_tar([file(b"bin/" + name, b"su", mode=0o4755) for name in chosen]),
            layer_tar(keys),
            layer_tar([whiteout("keys")]),
        ],
        history=_history(
            (f"/bin/sh -c #(nop) ADD file:{'5a' * 32} in / ", True),
            (f"RUN /bin/sh -c apt-get update {command} # buildkit", True),
            ("RUN /bin/sh -c chmod u+s /bin/x # buildkit", True),
            ("COPY keys /keys # buildkit", True),
            ("RUN /bin/sh -c rm -r /keys # buildkit", True),
            (f"LABEL {command}={command}", False),
        ),
        config={"config": {"Labels": {title: title}, "Env": [f"{title}={title}"]}},
        tags=(title,),
    )
