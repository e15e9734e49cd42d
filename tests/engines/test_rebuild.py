"""Predicted savings are real: an image is built, fixes are applied to the Dockerfile, and it is rebuilt."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.analysis.findings.finding import Finding
from layerscope.image.dockerfile import read_dockerfile
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from tests.engines.conftest import Podman, need, run

pytestmark = pytest.mark.engine

DOCKERFILE = (
    "FROM scratch",
    "COPY bin /bin",
    "RUN mkdir -p /var/lib/apt/lists && head -c 300000 /dev/urandom > /var/lib/apt/lists/main",
    "RUN mkdir -p /root/.cache/uv /opt && head -c 400000 /dev/urandom > /root/.cache/uv/wheel && echo app > /opt/app",
    "RUN head -c 900000 /dev/urandom > /opt/model.bin && head -c 50000 /opt/model.bin > /opt/part",
    "RUN rm /opt/model.bin",
    "COPY vendor /opt/vendor",
    "RUN chown -R 1000:1000 /opt/vendor",
    'CMD ["/opt/app"]',
)
"""A Dockerfile with four problems; files have random bytes, so that no two are equal by chance."""
PLANTED = {
    "deleted-later": 900_000,
    "rewritten-for-attributes": 600_000,
    "uv-cache": 400_000,
    "apt-lists": 300_000,
}
"""The expected findings with their bytes, largest first."""


class Builder:
    """Builds images from a folder with Buildah, and opens them."""

    def __init__(self, folder: Path, podman: Podman) -> None:
        self._folder = folder
        self._buildah = ("buildah", *podman.command[1:])
        (folder / "context" / "bin").mkdir(parents=True)
        busybox = folder / "context" / "bin" / "busybox"
        shutil.copy(str(shutil.which("busybox")), busybox)
        for name in ("sh", "mkdir", "head", "echo", "chown", "rm"):
            (busybox.parent / name).symlink_to("busybox")
        rng = random.Random(7)
        for number in range(6):
            path = folder / "context" / "vendor" / f"{number}.bin"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(rng.randbytes(100_000))

    def build(self, tag: str, instructions: Sequence[str]) -> Opened:
        """Build the image of these instructions, and analyse it."""
        dockerfile_path = self._folder / f"{tag}.Dockerfile"
        dockerfile_path.write_text("\n".join(instructions) + "\n")
        run(
            *self._buildah, "bud", "-q", "--isolation", "chroot", "--network", "host", "--layers",
            "--pull-never", "-t", tag, "-f", dockerfile_path, self._folder / "context",
        )  # fmt: skip
        archive = self._folder / f"{tag}.tar"
        run(*self._buildah, "push", "-q", tag, f"oci-archive:{archive}:{tag}")
        dockerfile = read_dockerfile(dockerfile_path)
        return open_image(Request(str(archive)), Options(rules={}, dockerfile=dockerfile))


def fixed(instructions: Sequence[str], findings: Sequence[Finding]) -> list[str]:
    """The instructions with each fix in place of the first step that it changes; the other steps of the fix are removed.

    Step numbers match the Dockerfile, because FROM scratch is not a step.
    """
    written = list(instructions[1:])
    for finding in findings:
        first = min(finding.steps)
        for step in finding.steps:
            written[step] = ""
        written[first] = finding.fix
    return [instructions[0], *(text for text in written if text)]


def test_the_predicted_saving_holds(podman: Podman, tmp_path: Path) -> None:
    """All findings have their bytes, largest first; after the fixes, the image stores as much as predicted."""
    need("buildah", "busybox")
    builder = Builder(tmp_path, podman)
    before = builder.build("before", DOCKERFILE)
    assert before.findings is not None
    found = before.findings.found
    assert {finding.rule: finding.bytes for finding in found} == PLANTED
    assert [finding.rule for finding in found] == list(PLANTED)

    after = builder.build("after", fixed(DOCKERFILE, found))
    expected = before.accounting.stored - before.findings.saving()
    assert after.accounting.stored == expected
    assert after.findings is not None
    assert after.findings.found == ()
