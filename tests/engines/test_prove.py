"""`layerscope fix --prove`: buildah builds images before and after fixes, and the promised bytes are saved."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engines.conftest import need

APPLETS = [
    "sh",
    "rm",
    "mkdir",
    "cp",
    "chown",
    "chmod",
    "echo",
    "cat",
    "ls",
    "ln",
    "yes",
    "head",
    "tr",
    "find",
    "touch",
]

LAYERS = """\
FROM scratch
ADD base.tar /
ENV PATH=/bin
# fetch it
RUN mkdir -p /var/lib/apt/lists /opt && \\
    yes list | head -c 400000 >/var/lib/apt/lists/x_Packages && \\
    yes tool | head -c 100000 >/opt/tool
RUN yes big | head -c 3000000 >/opt/big; cp /opt/big /opt/kept
RUN cp /opt/big /opt/other && rm /opt/big
COPY app /app
RUN chown -R app:app /app
CMD ["/bin/sh"]
"""
SCRIPTS = """\
FROM scratch
ADD base.tar /
ENV PATH=/bin HOME=/root
RUN set -e; \\
    mkdir -p /root/.npm/_cacache; \\
    # both
    for name in a b; do \\
      yes $name | head -c 900000 >/root/.npm/_cacache/$name; \\
    done
RUN set -eux; mkdir -p /var/cache/apk; for n in 1 2; do yes $n | head -c 300000 >/var/cache/apk/$n; done
USER app
RUN mkdir -p /home/app/.cache/pip; yes p | head -c 600000 >/home/app/.cache/pip/x; echo done >/home/app/done
CMD ["/bin/sh"]
"""
COPIES = """\
FROM scratch
ADD base.tar /
ENV PATH=/bin
WORKDIR /app
COPY wheels /tmp/wheels
RUN cp /tmp/wheels/x /app/x; rm -rf /tmp/wheels
COPY . /app
CMD ["/bin/sh"]
"""
SOURCES = """\
FROM scratch
ADD base.tar /
ENV PATH=/bin
COPY wheels /build/
RUN cd /build && cp x y && mkdir /opt && cp y /opt/kept
RUN echo other >/opt/other
RUN rm -rf /build
CMD ["/bin/sh"]
"""


@dataclass(frozen=True)
class Store:
    """A separate store of buildah, and a build context."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    def layerscope(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "layerscope", *words)

    def built(self, dockerfile: str) -> None:
        """Build an image from the context."""
        (self.folder / "context" / "Dockerfile").write_text(dockerfile)
        process = self.run("buildah", "build", "--layers", "-t", "app:1", "context")
        assert process.returncode == 0, process.stderr

    def images(self) -> str:
        """The names and IDs of all images."""
        return self.run("buildah", "images", "-a", "-q").stdout


IMAGE = "containers-storage://localhost/app:1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose build context has a base with a shell, an application with its Git history, and wheels."""
    need("buildah")
    busybox = shutil.which("busybox")
    assert busybox is not None
    context = tmp_path / "context"
    files = {
        "app/.git/objects/pack": b"g" * 700_000,
        "app/main.py": b"x = 1\n",
        "app/data": b"d" * 500_000,
        "wheels/x": b"w" * 800_000,
    }
    for name, data in files.items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_bytes(data)
    with tarfile.open(context / "base.tar", "w") as tar:
        tar.add(os.path.realpath(busybox), "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        texts = {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
            "etc/group": "root:x:0:\napp:x:1000:\n",
        }
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        home = tarfile.TarInfo("home/app")
        home.type, home.mode, home.uid, home.gid = tarfile.DIRTYPE, 0o755, 1000, 1000
        tar.addfile(home)
    conf = tmp_path / "storage.conf"
    conf.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/graph"\n'
    )
    environment = {
        **os.environ,
        "CONTAINERS_STORAGE_CONF": str(conf),
        "BUILDAH_ISOLATION": "chroot",
        "LAYERSCOPE_CACHE_DIR": str(tmp_path / "cache"),
    }
    return Store(tmp_path, environment)


@pytest.mark.parametrize(
    ("dockerfile", "rules"),
    [
        (LAYERS, {"rewritten-for-attributes", "deleted-later", "copied-context", "apt-lists"}),
        (SCRIPTS, {"npm-cache", "apk-cache", "pip-cache"}),
        (COPIES, {"deleted-later"}),
        (SOURCES, {"deleted-later"}),
    ],
    ids=["layers", "scripts", "copies", "sources"],
)
def test_promised_bytes_are_saved(store: Store, dockerfile: str, rules: set[str]) -> None:
    """Exactly; no live file is lost, the context is unchanged, and no image is left."""
    store.built(dockerfile)
    before = store.images()
    proof = store.layerscope(
        "fix", IMAGE, "--dockerfile", "context/Dockerfile", "--prove", "--engine", "buildah"
    )
    assert proof.returncode == 0, proof.stdout + proof.stderr
    first, _, rest = proof.stdout.partition("\n")
    promised, saved = first.removeprefix("✔ ").split(", ")[:2]
    assert promised.removesuffix(" promised") == saved.removesuffix(" saved"), proof.stdout
    assert first.endswith("no live file lost")
    for rule in rules:
        (line,) = [line for line in rest.splitlines() if line.endswith(f"  {rule}")]
        assert line.split()[:2] == line.split()[2:4], line
    assert (store.folder / "context" / "Dockerfile").read_text() == dockerfile
    assert [path.name for path in (store.folder / "context" / "wheels").iterdir()] == ["x"]
    assert store.images() == before


def test_a_fix_that_breaks_the_image_fails(store: Store) -> None:
    """A file that depended on the cache is lost, and --write writes nothing."""
    store.built(
        "FROM scratch\nADD base.tar /\nENV PATH=/bin\n"
        "RUN mkdir -p /var/cache/apk; yes a | head -c 300000 >/var/cache/apk/a;"
        ' rm() { /bin/rm "$@"; /bin/rm -f /opt/live; }; mkdir /opt; yes l | head -c 5000 >/opt/live\n'
    )
    text = (store.folder / "context" / "Dockerfile").read_text()
    proof = store.layerscope(
        "fix",
        IMAGE,
        "--dockerfile",
        "context/Dockerfile",
        "--prove",
        "--engine",
        "buildah",
        "--write",
    )
    assert proof.returncode == 1, proof.stdout + proof.stderr
    assert "1 live file lost" in proof.stdout
    assert "/opt/live" in proof.stdout
    assert (store.folder / "context" / "Dockerfile").read_text() == text


def test_build_arguments_are_passed_on_and_names_refused(store: Store) -> None:
    """Arguments after `--` go to the build; existing tags cannot be replaced."""
    store.built(
        "FROM scratch\nADD base.tar /\nENV PATH=/bin\nARG SIZE=200000\n"
        "RUN mkdir -p /var/cache/apk; yes a | head -c $SIZE >/var/cache/apk/a\n"
    )
    command = ("fix", IMAGE, "--dockerfile", "context/Dockerfile", "--prove", "--engine", "buildah")
    proof = store.layerscope(*command, "--keep", "--", "--build-arg", "SIZE=100000")
    assert proof.returncode == 0, proof.stdout + proof.stderr
    kept = proof.stdout.rpartition("kept: ")[2].strip()
    assert kept.removeprefix("sha256:")[:12] in store.images()
    refused = store.layerscope(*command, "--", "-t", "app:1")
    assert refused.returncode == 2
    assert "no existing tag may be replaced" in refused.stderr
