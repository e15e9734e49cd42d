"""A simple model of a builder with a cache: each step runs again if it or any step before it changed, and stores the time of its
build."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.analysis.series.releases import Made, release
from tests.images import Member, file, layer_tar

Inputs = Mapping[str, int]
"""The version of what each step is made from, by its name."""


@dataclass(frozen=True)
class Planned:
    """A step of a Dockerfile."""

    name: str
    """A letter."""
    kind: str
    """RUN, COPY or LABEL; PART for a COPY of the one file that never changes."""

    def text(self, inputs: Inputs) -> str:
        """The instruction; the version of a RUN or a LABEL is in its text, that of a COPY in its files."""
        version = inputs[self.name]
        if self.kind == "PART":
            return f"COPY {self.name}/same /{self.name}/"
        if self.kind == "COPY":
            return f"COPY {self.name} /{self.name}/"
        return (
            f"RUN make {self.name} {version}"
            if self.kind == "RUN"
            else f"LABEL {self.name}={version}"
        )

    def stored(self, inputs: Inputs, time: int) -> list[Member] | None:
        """Two files, one of which has another content in each version; times are those of the build."""
        if self.kind == "LABEL":
            return None
        size = 100 * (1 + ord(self.name) - ord("a"))
        same = file(f"{self.name}/same", self.name.encode() * size, mtime=time)
        if self.kind == "PART":
            return [same]
        varied = f"{self.name} {inputs[self.name]}".encode().ljust(50, b".")
        return [
            same,
            file(f"{self.name}/varied", varied, mtime=time),
        ]


@dataclass
class Builder:
    """Builds releases one after the other; its cache is never emptied."""

    built: int = 0
    cache: dict[tuple[object, ...], list[Member] | None] = field(default_factory=dict)

    def build(self, steps: Sequence[Planned], inputs: Inputs) -> list[Made]:
        """A release."""
        self.built += 1
        key: tuple[object, ...] = ()
        made = []
        for step in steps:
            key = (*key, step.text(inputs), step.kind == "COPY" and inputs[step.name])
            if key not in self.cache:
                self.cache[key] = step.stored(inputs, self.built)
            made.append(Made(step.text(inputs), self.cache[key]))
        return made


def archives(steps: Sequence[Planned], releases: Sequence[Inputs]) -> list[bytes]:
    """The releases of a series of inputs, uncompressed: the size of a layer does not depend on the time in it."""
    builder = Builder()
    return [
        release(builder.build(steps, inputs), buildkit=False, compress=None, layout=False)
        for inputs in releases
    ]


def fetched_bytes(steps: Sequence[Planned], releases: Sequence[Inputs]) -> list[int]:
    """For each release, the bytes of the tars that hosts with the previous release fetch."""
    builder = Builder()
    built = [builder.build(steps, inputs) for inputs in releases]
    tars = [[layer_tar(made.stored) for made in one if made.stored is not None] for one in built]
    return [sum(len(tar) for tar in set(new) - set(old)) for old, new in itertools.pairwise(tars)]


def unchanged_bytes(steps: Sequence[Planned], releases: Sequence[Inputs]) -> list[int]:
    """Content bytes in those tars that the previous release also has."""
    builder = Builder()
    built = [builder.build(steps, inputs) for inputs in releases]
    found = []
    for old, new in itertools.pairwise(built):
        have = {layer_tar(made.stored) for made in old if made.stored is not None}
        contents = {member.data for made in old for member in made.stored or ()}
        fetched = {
            layer_tar(made.stored): made.stored
            for made in new
            if made.stored is not None and layer_tar(made.stored) not in have
        }
        found.append(
            sum(
                len(member.data)
                for members in fetched.values()
                for member in members
                if member.data in contents
            )
        )
    return found


def first_changes(steps: Sequence[Planned], old: Inputs, new: Inputs) -> dict[str, str]:
    """For each step that ran again, the step to which it is charged: itself if it changed, otherwise the first one that changed."""
    changed = [step.name for step in steps if old[step.name] != new[step.name]]
    found: dict[str, str] = {}
    for place, step in enumerate(steps):
        before = [name for name in changed if name in {one.name for one in steps[:place]}]
        if step.name in changed:
            found[step.name] = step.name
        elif before:
            found[step.name] = before[0]
    return found
