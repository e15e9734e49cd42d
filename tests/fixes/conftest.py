"""The chroot that all tests of fixes share."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.fixes.chroot import SHELLS, Chroot, isolation


@pytest.fixture(scope="session")
def chroot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroot]:
    """A chroot in which every program but shells is a stub."""
    missing = [name for name in (*SHELLS, "unshare", "mount") if shutil.which(name) is None]
    if (
        missing
        or subprocess.run([*isolation(), "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no namespaces or shells to run commands in")
    with Chroot(tmp_path_factory.mktemp("chroot") / "root") as chroot:
        yield chroot
