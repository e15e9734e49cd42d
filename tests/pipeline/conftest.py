"""Two small images on a machine where scripts run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images import docker_archive, file, layer_tar, whiteout, write
from tests.pipeline.steps import Machine

BASE = layer_tar([file("etc/motd", b"welcome\n" * 500)])
ADDED = layer_tar([file("big", b"1" * 3000)])
REMOVED = layer_tar([whiteout("big")])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With `app.tar`, which wastes 3 kB of 7, and `base.tar`, which wastes nothing."""
    made = Machine(tmp_path)
    write(made.work / "app.tar", docker_archive([BASE, ADDED, REMOVED], tags=("app:2",)))
    write(made.work / "base.tar", docker_archive([BASE], tags=("app:1",)))
    (made.work / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\nRUN make\nRUN rm big\n")
    return made
