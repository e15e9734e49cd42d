"""`--pull`: nothing is fetched unless requested, and then by the engine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerscope.errors import (
    CancelledError,
    ImageNotFoundError,
    LayerscopeError,
    UnreachableError,
    UsageError,
)
from layerscope.image.platform import Platform
from layerscope.opening.open import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request, open_source
from layerscope.sources.base import FoundImages
from layerscope.sources.lookup import Source, pull_in_turn
from tests.images import docker_archive, write
from tests.sources.fake_engine import FakeEngine, serving
from tests.sources.image_files import LAYERS

NEW = "example.test/new"
WORDS: list[dict[str, object]] = [
    {"status": "Pulling from new", "id": "latest"},
    {"status": "Downloading", "id": "a", "progressDetail": {"current": 100, "total": 300}},
    {"status": "Downloading", "id": "b", "progressDetail": {"current": 50, "total": 50}},
    {"status": "Downloading", "id": "a", "progressDetail": {"current": 300, "total": 300}},
    {"status": "Extracting", "id": "a", "progressDetail": {"current": 9000, "total": 9000}},
    {"status": "Pull complete", "id": "a", "progressDetail": {}},
    {"status": "Status: Downloaded newer image"},
]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """Docker, whose registry has whatever one asks for; there is no Podman."""
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "s") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        monkeypatch.setenv("CONTAINER_HOST", f"unix://{folder}/none")
        engine.pulls = WORDS
        yield engine


def pulls(engine: FakeEngine) -> list[dict[str, list[str]]]:
    """The pull requests that the engine received."""
    return [query for path, query in engine.asked if path == "/images/create"]


class RecordedProgress(NullProgress):
    """Records progress."""

    def __init__(self) -> None:
        self.stages: dict[str, int] = {}
        self._stage = ""

    def stage(self, name: str, total: int | None = None) -> None:
        # Layers become known one by one: nobody knows how much a pull will be.
        assert total is None or not name.startswith("Pulling")
        self._stage = name
        self.stages[name] = 0

    def advance(self, done: int) -> None:
        self.stages[self._stage] += done


@pytest.mark.parametrize("reference", [NEW, f"docker://{NEW}"])
def test_nothing_is_pulled_without_the_option(engine: FakeEngine, reference: str) -> None:
    """The hint of a missing image names the option."""
    with pytest.raises(ImageNotFoundError) as caught:
        open_source(Request(reference))
    assert pulls(engine) == []
    if "://" not in reference:
        assert "--pull" in str(caught.value.hint)


@pytest.mark.parametrize("reference", [NEW, f"docker://{NEW}"])
def test_a_missing_image_is_pulled_and_opened(engine: FakeEngine, reference: str) -> None:
    """Docker pulls it; only downloaded bytes count as progress."""
    progress = RecordedProgress()
    opened = open_image(Request(reference, pull=True, progress=progress))
    assert opened.image.source_kind == "docker"
    assert len(opened.indexes) == len(LAYERS)
    assert [(query["fromImage"], query["tag"]) for query in pulls(engine)] == [([NEW], ["latest"])]
    assert progress.stages[f"Pulling {NEW} with docker"] == 350


@pytest.mark.parametrize("reference", ["demo", "docker://demo"])
def test_an_existing_image_is_not_pulled_again(engine: FakeEngine, reference: str) -> None:
    """Even if the registry has a newer one."""
    open_source(Request(reference, pull=True))
    assert pulls(engine) == []


def test_a_file_is_not_pulled(engine: FakeEngine, tmp_path: Path) -> None:
    """Nor is a reference that looks like a path."""
    path = write(tmp_path / "image", docker_archive(LAYERS))
    assert open_source(Request(str(path), pull=True)).image.source_kind == "docker-archive"
    with pytest.raises(ImageNotFoundError, match="no such file"):
        open_source(Request(f"{tmp_path}/other.tar", pull=True))
    assert pulls(engine) == []


def test_the_platform_is_passed_on(engine: FakeEngine) -> None:
    """The pulled image is checked against it."""
    open_source(Request(NEW, pull=True, platform=Platform.parse("linux/amd64")))
    assert pulls(engine)[0]["platform"] == ["linux/amd64"]
    with pytest.raises(LayerscopeError, match="no image for platform linux/arm64"):
        open_source(Request(f"{NEW}2", pull=True, platform=Platform.parse("linux/arm64")))


def test_a_digest_is_sent_without_the_tag(engine: FakeEngine) -> None:
    """Engines refuse both together."""
    digest = "sha256:" + "a" * 64
    with pytest.raises(ImageNotFoundError):
        open_source(Request(f"{NEW}:1@{digest}", pull=True))
    assert (pulls(engine)[0]["fromImage"], pulls(engine)[0]["tag"]) == ([NEW], [digest])


@pytest.mark.parametrize(
    "error",
    [
        {"errorDetail": {"message": "no space\nleft"}, "error": "no space left"},
        {"error": "no space left"},
    ],
)
def test_an_error_inside_the_stream_is_reported(
    engine: FakeEngine, error: dict[str, object]
) -> None:
    """The status is 200 already, so the engine reports it in the stream."""
    engine.pulls = [*WORDS[:2], error]
    with pytest.raises(ImageNotFoundError) as caught:
        open_source(Request(NEW, pull=True))
    assert caught.value.message == f"{NEW}: docker could not pull it: no space left"
    assert caught.value.exit_code == 3


def test_an_image_missing_from_the_registry_is_reported(engine: FakeEngine) -> None:
    """With the engine's message and a hint."""
    engine.pulls = None
    with pytest.raises(ImageNotFoundError, match="could not pull it: manifest for") as caught:
        open_source(Request(NEW, pull=True))
    assert "docker login" in str(caught.value.hint)


def test_a_pull_can_be_stopped(engine: FakeEngine) -> None:
    """Even while the engine sends nothing."""
    engine.silence.clear()

    class Stops(NullProgress):
        started = time.monotonic()

        def cancelled(self) -> bool:
            return time.monotonic() - self.started > 0.3

    with pytest.raises(CancelledError):
        open_source(Request(NEW, pull=True, progress=Stops()))
    assert time.monotonic() - Stops.started < 5


def test_a_pull_without_an_engine_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is 4, and the hint says what to start."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(UnreachableError, match="no engine is running to pull it") as caught:
        open_source(Request(NEW, pull=True))
    assert caught.value.exit_code == 4
    assert "podman system service" in str(caught.value.hint)
    with pytest.raises(UnreachableError, match="no engine is listening"):
        open_source(Request(f"podman://{NEW}", pull=True))


def test_the_first_engine_that_answers_pulls() -> None:
    """Docker, else Podman; sources that only read are skipped."""
    here = FoundImages("here", [])

    def source(name: str, outcome: FoundImages | LayerscopeError | None) -> Source:
        def pull(*_: object) -> FoundImages:
            if isinstance(outcome, LayerscopeError):
                raise outcome
            assert outcome is not None
            return outcome

        return Source(name, (name,), pull, pull=None if outcome is None else pull)

    down = source("docker", UnreachableError("down"))
    found = pull_in_turn(Request(NEW), NEW, [source("store", None), down, source("podman", here)])
    assert found is here
    failed = source("docker", ImageNotFoundError("no such thing"))
    with pytest.raises(ImageNotFoundError, match="no such thing"):
        pull_in_turn(Request(NEW), NEW, [failed, source("podman", here)])


@pytest.mark.parametrize("scheme", ["containers-storage", "docker-store", "containerd", "oci"])
def test_sources_that_only_read_cannot_pull(scheme: str, tmp_path: Path) -> None:
    """A usage error with exit code 2."""
    with pytest.raises(UsageError, match="--pull is not supported") as caught:
        open_source(Request(f"{scheme}://{NEW}", pull=True))
    assert "docker:// or podman://" in str(caught.value.hint)
    with pytest.raises(UsageError, match="--pull is not supported"):
        open_source(Request(NEW, pull=True, store_root=tmp_path))
