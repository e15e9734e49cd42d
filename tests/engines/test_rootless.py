"""Rootless Podman: a user's own store and service, used by that user and by root."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import need
from tests.engines.sample import SAMPLE, TAG, report_of, without_source
from tests.engines.users import User, new_user
from tests.images import docker_archive, file, layer_tar

pytestmark = pytest.mark.engine

HIDDEN = "layerscope-hidden:1"
"""An image with a file that only its owner, who is not root, may read."""
SECRET = b"secret" * 20


@dataclass(frozen=True)
class Rootless:
    """A user with a store of Podman's."""

    user: User
    driver: str

    @property
    def store(self) -> Path:
        """The default folder of the store."""
        return self.user.home / ".local/share/containers/storage"

    def podman(self, *words: str | Path) -> list[str]:
        """A command line."""
        return ["podman", "--storage-driver", self.driver, *map(str, words)]

    def report(self, reference: str, **more: str) -> dict[str, Any]:
        """The report of an image, run by the user."""
        ran = self.user.layerscope(
            "report", reference, "--format", "json", "--files", "--no-cache", **more
        )
        assert ran.code == 0, ran.err
        report: dict[str, Any] = json.loads(ran.out)
        return report


@pytest.fixture(scope="module", params=["overlay", "vfs"])
def rootless(request: pytest.FixtureRequest) -> Iterator[Rootless]:
    """A user whose store has the sample image and `HIDDEN`."""
    need("podman", "newuidmap")
    hidden = [layer_tar([file("secret", SECRET, mode=0o600, uid=1000, gid=1000)])]
    with new_user() as user:
        account = Rootless(user, request.param)
        for name, data in (("sample", SAMPLE), ("hidden", docker_archive(hidden, tags=[HIDDEN]))):
            path = user.home / f"{name}.tar"
            path.write_bytes(data)
            loaded = user.run(*account.podman("load", "-q", "-i", path))
            if loaded.code and request.param == "overlay":
                pytest.skip(f"no rootless overlay here: {loaded.err.splitlines()[-1]}")
            if loaded.code and "user namespace" in loaded.err:
                pytest.skip(f"no user namespaces here: {loaded.err.splitlines()[-1]}")
            assert loaded.code == 0, loaded.err
        yield account
        # Files of subordinate IDs are root's to remove; what else Podman left running ends with its pause process.
        user.run(*account.podman("system", "migrate"))


def test_the_user_reads_the_default_store(rootless: Rootless, archive: Path) -> None:
    report = rootless.report(TAG)
    assert report["image"]["source"] == {
        "kind": "containers-storage",
        "location": str(rootless.store),
    }
    assert without_source(report) == report_of(str(archive))


def test_root_reads_a_users_store_by_its_folder(rootless: Rootless, archive: Path) -> None:
    assert report_of(f"containers-storage://{TAG}", rootless.store) == report_of(str(archive))


def test_files_of_subordinate_users_are_listed(rootless: Rootless) -> None:
    """The user cannot read their contents; the error explains how to, and that works."""
    report = rootless.report(HIDDEN)
    (layer,) = report["layers"]
    assert [(each["path"], each["bytes"], each["uid"]) for each in layer["files"]] == [
        ("secret", len(SECRET), 1000)
    ]
    assert layer["verified"] is None
    ran = rootless.user.layerscope("cat", HIDDEN, "/secret", "--no-cache")
    assert (ran.code, ran.out) == (3, "")
    assert "podman unshare" in ran.err
    interpreter, paths = rootless.user.python()
    words = ("unshare", "env", f"PYTHONPATH={paths}", interpreter, "-m", "layerscope")
    inside = rootless.user.run(*rootless.podman(*words, "cat", HIDDEN, "/secret", "--no-cache"))
    assert (inside.code, inside.out) == (0, SECRET.decode()), inside.err


def test_the_users_service_is_asked_first(rootless: Rootless, archive: Path) -> None:
    """At Podman's usual socket, before the store is read."""
    user = rootless.user
    socket = user.home / "run" / "podman" / "podman.sock"
    socket.parent.mkdir(exist_ok=True)
    shutil.chown(socket.parent, user.uid, user.gid)
    command = user.command(*rootless.podman("system", "service", "--time=0", f"unix://{socket}"))
    process = subprocess.Popen(
        command, cwd=user.home, env=user.environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not socket.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        report = rootless.report(TAG)
        assert report["image"]["source"] == {"kind": "podman", "location": f"unix://{socket}"}
        assert without_source(report) == report_of(str(archive))
    finally:
        process.terminate()
        process.wait(30)
        socket.unlink(missing_ok=True)


def test_a_store_of_root_is_closed_to_the_user(rootless: Rootless) -> None:
    """The exit code is 4."""
    ran = rootless.user.layerscope("report", TAG, "--store-root", "/root/containers")
    assert ran.code == 4
    assert "permission denied" in ran.err
