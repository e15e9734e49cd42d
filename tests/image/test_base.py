"""Estimates of the end of the base image, for histories that real builders wrote."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from layerscope.image.base import BASE_NAME, BaseGuess, guess_base
from layerscope.image.history import HistoryEntry, align
from layerscope.image.model import Image, ImageConfig
from layerscope.image.platform import Platform
from layerscope.sources import Request, open_source
from tests.images import archive, docker_archive, file, layer_tar, oci_files, write

BUILDKIT = "buildkit.dockerfile.v0"
NOP = "/bin/sh -c #(nop) "


def entry(
    created_by: str = "",
    comment: str = "",
    *,
    created: str = "2024-01-02T03:04:05.123456789Z",
    author: str | None = None,
    layer: bool = False,
) -> HistoryEntry:
    return HistoryEntry(created, created_by or None, author, comment or None, not layer)


def image(history: list[HistoryEntry], annotations: Mapping[str, str] | None = None) -> Image:
    """An image with this history."""
    steps, _ = align(history, sum(not step.empty_layer for step in history))
    return Image(
        reference="x",
        tags=(),
        id=None,
        manifest_digest=None,
        created=None,
        platform=Platform.of("linux", "amd64", ""),
        source_kind="docker-archive",
        location="x",
        config=ImageConfig(),
        steps=steps,
        layers=(),
        alternatives=(),
        warnings=(),
        annotations=annotations or {},
    )


def guess(history: list[HistoryEntry], annotations: Mapping[str, str] | None = None) -> BaseGuess:
    found = guess_base(image(history, annotations))
    assert found is not None
    return found


BUILDAH = [
    entry(NOP + "ADD file:22aec57521a5 in / ", layer=True),
    entry(NOP + 'CMD ["bash"]', "FROM d86bf3a2d0fc"),
    entry(NOP + "ENV LANG=C.UTF-8", "FROM localhost/debian-oci:bookworm-slim"),
    entry("/bin/sh -c apt-get update", "FROM 1bad0194e292", layer=True),
    entry(NOP + 'CMD ["python3"]', "FROM 9cad86f20546"),
    entry(NOP + "COPY file:50dbe in ./ ", "FROM localhost/python-oci:3.8", layer=True),
    entry("/bin/sh -c pip install -r requirements.txt", "FROM 72a4f35f3564", layer=True),
]
"""Three builds with buildah, each based on the previous one."""


def test_buildah_records_the_base() -> None:
    """The last FROM with a name counts; those of intermediate images are ignored."""
    found = guess(BUILDAH)
    assert (found.steps, found.layers, found.name) == (5, 2, "localhost/python-oci:3.8")
    assert found.reason == "step 5 was built FROM localhost/python-oci:3.8"


def test_the_manifest_names_the_base() -> None:
    """The annotation determines the name, and the history the end of the base."""
    named = {BASE_NAME: "localhost/python-oci:3.8"}
    assert guess(BUILDAH, named).reason.endswith("python-oci:3.8, as in the manifest")
    other = guess(BUILDAH, {BASE_NAME: "docker.io/library/python:3.8"})
    assert (other.steps, other.name) == (5, "docker.io/library/python:3.8")
    assert "the manifest names docker.io/library/python:3.8" in other.reason
    alone = guess([entry("COPY a /", BUILDKIT, layer=True)], named)
    assert (alone.steps, alone.layers) == (0, 0)
    assert "not where it ends" in alone.reason


def test_a_change_of_builder_ends_the_base() -> None:
    """Classic Docker's steps are below BuildKit's, as in images on older official ones."""
    found = guess(
        [
            entry(NOP + "ADD file:4b1be in / ", layer=True),
            entry(NOP + ' CMD ["bash"]'),
            entry("ENV LANG=C.UTF-8", BUILDKIT),
            entry("RUN /bin/sh -c apt-get update # buildkit", BUILDKIT, layer=True),
            entry('CMD ["gunicorn"]', BUILDKIT),
        ]
    )
    assert (found.steps, found.layers) == (2, 1)
    assert found.reason == "the builder changes at step 2"


@pytest.mark.parametrize(
    "added",
    [
        entry("ADD README.md /x", author="kaniko", created="0001-01-01T00:00:00Z", layer=True),
        entry("jib-core:null", author="Jib", created="1970-01-01T00:00:00Z", layer=True),
        entry("ko build ./cmd", "go build output, at /ko-app/x", author="ko", layer=True),
        entry("bazel build //x", created="1970-01-01T00:00:00Z", layer=True),
        entry("", "store paths: ['/nix/store/x']", layer=True),
    ],
    ids=["kaniko", "jib", "ko", "bazel", "nix"],
)
def test_appending_builders_end_the_base(added: HistoryEntry) -> None:
    """The base keeps its history, and the appended steps have another dialect."""
    busybox = [entry(NOP + "ADD file:9ceca in / ", layer=True), entry(NOP + ' CMD ["sh"]')]
    found = guess([*busybox, added, added])
    assert (found.steps, found.layers) == (2, 1)


def test_a_command_and_a_long_gap_end_the_base() -> None:
    """BuildKit built both base and image: the base ends where layers follow a command weeks later."""
    then, now = "2025-02-06T20:21:11Z", "2025-03-11T09:41:13Z"
    found = guess(
        [
            entry(
                "# debian.sh --arch 'amd64' out/", "debuerreotype 0.15", created=then, layer=True
            ),
            entry("ENV PATH=/usr/local/bin", BUILDKIT, created=then),
            entry("RUN /bin/sh -c set -eux; # buildkit", BUILDKIT, created=then, layer=True),
            entry('CMD ["python3"]', BUILDKIT, created=then),
            entry("WORKDIR /app", BUILDKIT, created=now, layer=True),
            entry("COPY . . # buildkit", BUILDKIT, created=now, layer=True),
            entry('CMD ["python3" "app.py"]', BUILDKIT, created=now),
        ]
    )
    assert (found.steps, found.layers) == (4, 2)


def test_a_command_within_one_build_does_not_end_the_base() -> None:
    """Layers follow the command within seconds."""
    now = "2025-03-11T09:41:13Z"
    found = guess(
        [
            entry("# debian.sh --arch 'amd64' out/", "debuerreotype 0.15", layer=True),
            entry("RUN /bin/sh -c make # buildkit", BUILDKIT, created=now, layer=True),
            entry('CMD ["x"]', BUILDKIT, created=now),
            entry("COPY . . # buildkit", BUILDKIT, created="2025-03-11T09:41:20Z", layer=True),
        ]
    )
    assert found.steps == 1


def test_layers_long_after_a_command_are_not_in_the_base() -> None:
    """The builder is the same, but layers follow a command days later."""
    found = guess(
        [
            entry(NOP + "ADD file:ce026 in / ", created="2018-12-26T08:20:42Z", layer=True),
            entry(NOP + ' CMD ["sh"]', created="2018-12-26T08:20:42Z"),
            entry(NOP + "ADD file:139c3 in /x ", created="2018-12-28T16:50:41Z", layer=True),
            entry("/bin/sh -c mkdir -p /root", created="2018-12-28T16:50:42Z", layer=True),
        ]
    )
    assert (found.steps, found.reason) == (2, "layers follow the CMD of step 1")


def test_a_long_gap_ends_the_base() -> None:
    """An old Alpine ends without a command, and the next step is days later. Later gaps come from a build cache."""
    found = guess(
        [
            entry(NOP + "ADD file:eeed5 in / ", created="2016-12-27T18:17:13Z", layer=True),
            entry(NOP + " ENV A=b", created="2017-01-03T13:15:49Z"),
            entry("/bin/sh -c apk update", created="2017-01-03T13:15:58Z", layer=True),
            entry(NOP + "COPY multi:0847 in / ", created="2017-01-17T11:17:46Z", layer=True),
        ]
    )
    assert (found.steps, found.reason) == (1, "step 1 was built 6 days after the previous one")


def test_an_image_from_scratch_has_no_base() -> None:
    """There is no guess for a build within seconds, or by a builder that records no time."""
    seconds = [
        entry(NOP + "ADD file:bc85f in / ", created="2020-06-02T07:19:53.1Z", layer=True),
        entry(NOP + ' CMD ["a"]', created="2020-06-02T07:19:53.7Z"),
        entry(NOP + "COPY dir:dce9 in /b ", created="2020-06-02T07:19:54.2Z", layer=True),
    ]
    bazel = [
        entry("bazel build ...", author="Bazel", created="1970-01-01T00:00:00Z", layer=True)
    ] * 3
    for history in (seconds, bazel, [], [entry(created="no date", layer=True)] * 2):
        assert guess_base(image(history)) is None


def test_hostile_histories_are_quick() -> None:
    """A hundred thousand steps of two builders without layers are fast."""
    pair = [entry('CMD ["x"]', BUILDKIT), entry(NOP + ' CMD ["x"]', "FROM " + "x" * 600)]
    history = pair * 50_000
    made = image(history)
    start = time.process_time()
    assert guess_base(made) is None
    assert time.process_time() - start < 2


def test_annotations_come_from_the_manifest(tmp_path: Path) -> None:
    """OCI manifests have annotations; Docker archives have none."""
    layers = [layer_tar([file("a", b"1")])]
    files = oci_files(layers)
    name, manifest = next(
        (name, json.loads(data))
        for name, data in files.items()
        if name.startswith("blobs/") and b'"schemaVersion"' in data
    )
    manifest["annotations"] = {BASE_NAME: "alpine:3", "number": 1}
    files[name] = json.dumps(manifest).encode()
    for path, data, expected in (
        ("oci.tar", archive(files), {BASE_NAME: "alpine:3"}),
        ("docker.tar", docker_archive(layers), {}),
    ):
        source = open_source(Request(str(write(tmp_path / path, data))))
        assert source.image.annotations == expected
