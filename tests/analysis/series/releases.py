"""Releases built in code: their steps with the files that each stores, as BuildKit or as the classic builder records them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerscope.analysis.series.series import Series
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.options import Options
from layerscope.opening.series import OpenedSeries, open_series
from layerscope.sources.base import Request
from tests.images import CREATED, Compression, Member, docker_archive, layer_tar, oci_archive, write

FOLDER = "out"


@dataclass(frozen=True)
class Made:
    """A step of a release."""

    text: str
    """Its instruction as a Dockerfile has it."""
    stored: Sequence[Member] | None = None
    """What its layer holds; None for a step without one."""
    arguments: Mapping[str, str] | None = None
    """The build arguments that a RUN saw."""

    def entry(self, *, buildkit: bool) -> dict[str, object]:
        """Its entry in the history."""
        name, _, rest = self.text.partition(" ")
        seen = "".join(f" {key}={value}" for key, value in (self.arguments or {}).items())
        count = f"|{len(self.arguments)}{seen} " if self.arguments else ""
        if buildkit:
            command = f"RUN {count}/bin/sh -c {rest}" if name == "RUN" else self.text
            made: dict[str, object] = {
                "created_by": f"{command} # buildkit",
                "comment": "buildkit.dockerfile.v0",
            }
        else:
            plain = (
                f"{count}/bin/sh -c {rest}" if name == "RUN" else f"/bin/sh -c #(nop)  {self.text}"
            )
            made = {"created_by": plain}
        return {"created": CREATED, "empty_layer": self.stored is None, **made}


def release(
    steps: Sequence[Made],
    *,
    buildkit: bool = True,
    base: int = 0,
    compress: Compression | None = "gzip",
    layout: bool = True,
    tag: str = "app:1",
) -> bytes:
    """An archive of an image of these steps; the first `base` of them were created a day before."""
    history = [step.entry(buildkit=buildkit) for step in steps]
    for entry in history[base:] if base else ():
        entry["created"] = "2024-02-02T00:00:00Z"
    layers = [layer_tar(step.stored) for step in steps if step.stored is not None]
    pack = oci_archive if layout else docker_archive
    return pack(layers, compress=compress, history=history, tags=(tag,))


def opened(folder: Path, releases: Sequence[bytes], dockerfile: str | None = None) -> OpenedSeries:
    """A series of these archives."""
    paths = [write(folder / f"app-{number}.tar", data) for number, data in enumerate(releases, 1)]
    options = Options(rules={})
    if dockerfile is not None:
        options = Options(rules={}, dockerfile=parse_dockerfile(dockerfile.encode(), "Dockerfile"))
    return open_series([Request(str(path)) for path in paths], options)


def series_of(folder: Path, releases: Sequence[bytes]) -> Series:
    """The figures of a series of these archives."""
    return opened(folder, releases).series
