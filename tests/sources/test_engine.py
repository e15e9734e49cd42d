"""Images of running engines, through Docker's API."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from layerscope.errors import (
    CancelledError,
    ImageNotFoundError,
    LayerscopeError,
    LimitExceededError,
    UnreachableError,
)
from layerscope.image.platform import Platform
from layerscope.limits import Limits
from layerscope.opening.open import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request, open_source
from layerscope.sources.engine import history_entries
from tests.images import digest
from tests.sources.fake_engine import IMAGE_ID, FakeEngine, serving
from tests.sources.image_files import LAYERS, NAMES, layers_of


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine that DOCKER_HOST and CONTAINER_HOST name."""
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "s") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        monkeypatch.setenv("CONTAINER_HOST", engine.url)
        yield engine


@pytest.mark.parametrize("scheme", ["docker", "podman"])
@pytest.mark.parametrize("reference", ["demo", IMAGE_ID, IMAGE_ID[7:15], "localhost/demo"])
def test_an_image_opens_by_its_names(engine: FakeEngine, scheme: str, reference: str) -> None:
    """By names and IDs that the engine resolves itself, and by those in its list."""
    opened = open_image(Request(f"{scheme}://{reference}"))
    assert layers_of(opened) == NAMES
    assert (opened.image.source_kind, opened.image.location) == (scheme, engine.url)
    assert opened.image.tags == ("demo:latest",)
    assert opened.image.id == IMAGE_ID
    assert opened.image.reference == f"{scheme}://{reference}"
    assert [opened.verified(number) for number in range(2)] == [True, True]


def test_the_image_is_described_before_its_export(engine: FakeEngine) -> None:
    """Nothing is exported until it is asked for."""
    source = open_source(Request("docker://demo"))
    assert not any(path.endswith("/get") for path, _ in engine.asked)
    assert [layer.diff_id for layer in source.image.layers] == [digest(layer) for layer in LAYERS]
    steps = [(step.instruction, step.layer) for step in source.image.steps]
    assert steps == [("COPY", 0), ("ENV", None), ("COPY", 1)]
    assert source.image.config.cmd == ("sh",)
    assert source.image.id == IMAGE_ID
    assert source.awaits_export
    assert len(source.complete(Request("docker://demo"), None).blobs) == 2


@pytest.mark.parametrize(
    "tail",
    [
        b'{"errorDetail":{"message":"disk is full"},"error":"disk is full"}\r\n',
        b'{"message":"disk is full"}\n',
        b'{"cause":"x","message":"disk is full","response":500}',
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_an_error_inside_the_export_is_the_error(
    engine: FakeEngine, tail: bytes, whole: bool
) -> None:
    """The status is 200 already, so the engine appends the error to the stream."""
    assert engine.export is not None
    engine.export = engine.export if whole else engine.export[:3000]
    engine.tail = tail
    with pytest.raises(LayerscopeError, match="could not export the image: disk is full"):
        open_image(Request("docker://demo"))


def test_a_broken_connection_is_reported(engine: FakeEngine) -> None:
    """The error is one line that names the image."""
    engine.export = None
    with pytest.raises(LayerscopeError, match=r"docker://demo.*lost the connection") as caught:
        open_image(Request("docker://demo"))
    assert "\n" not in caught.value.message


def test_an_export_is_bounded(engine: FakeEngine) -> None:
    """By the limit layer_bytes, which the message names."""
    with pytest.raises(LimitExceededError, match="layer_bytes"):
        open_image(Request("docker://demo", limits=Limits(layer_bytes=2000)))


def test_a_silent_export_can_be_stopped(engine: FakeEngine) -> None:
    """Before its first byte."""
    engine.silence.clear()

    class Stops(NullProgress):
        started = time.monotonic()

        def cancelled(self) -> bool:
            return time.monotonic() - self.started > 0.3

    source = open_source(Request("docker://demo"))
    assert source.awaits_export
    with pytest.raises(CancelledError):
        source.complete(Request("docker://demo", progress=Stops()), None)
    assert time.monotonic() - Stops.started < 5


def test_the_platform_is_sent_to_engines_that_support_it(engine: FakeEngine) -> None:
    """Engines with the containerd store support it from API 1.48 on; others would ignore it."""
    engine.api_version = "1.49"
    engine.extra_fields = {"Descriptor": {"digest": IMAGE_ID}}
    open_image(Request("docker://demo", platform=Platform.parse("linux/amd64")))
    (query,) = (query for path, query in engine.asked if path.endswith("/get"))
    assert json.loads(query["platform"][0]) == {"os": "linux", "architecture": "amd64"}
    engine.asked.clear()
    engine.api_version = "1.47"
    open_image(Request("docker://demo"))
    assert not any(query for path, query in engine.asked if path.endswith("/get"))


def test_another_platform_is_refused(engine: FakeEngine) -> None:
    """The error names the platform of the engine's image."""
    with pytest.raises(LayerscopeError, match="no image for platform linux/s390x"):
        open_source(Request("docker://demo", platform=Platform.parse("linux/s390x")))


def test_a_missing_image_is_reported(engine: FakeEngine) -> None:
    """The hint suggests similar names of the engine's images."""
    with pytest.raises(ImageNotFoundError) as caught:
        open_source(Request("docker://demo:2"))
    assert caught.value.hint == "did you mean localhost/demo:latest?"


def test_an_ambiguous_id_lists_the_images(engine: FakeEngine) -> None:
    """The engine itself only reports that there is no such image."""
    engine.images = [
        {"Id": f"sha256:ab{digit * 62}", "RepoTags": [f"x{digit}:1"]} for digit in "12"
    ]
    with pytest.raises(ImageNotFoundError, match="2 images match: x1:1, x2:1"):
        open_source(Request("docker://ab"))


def test_a_missing_engine_has_its_own_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket does not exist, or nothing listens at the address."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(UnreachableError, match=r"no engine is listening.*DOCKER_HOST") as caught:
        open_source(Request("docker://demo"))
    assert caught.value.exit_code == 4
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(UnreachableError, match="no engine is listening"):
        open_source(Request("docker://demo"))


def test_a_socket_without_permission_is_reported(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint says what to do."""

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    with pytest.raises(UnreachableError, match="permission denied") as caught:
        open_source(Request("docker://demo"))
    assert "docker group" in str(caught.value.hint)


def test_another_server_is_not_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="ls-") as folder:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{folder}/s")
        listening.listen()

        def answer() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.sendall(b"SSH-2.0-hello\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/s")
        with pytest.raises(UnreachableError, match="no engine is listening"):
            open_source(Request("docker://demo"))
        listening.close()


class TestHistory:
    """An engine's history does not record which steps made a layer."""

    def test_sizes_show_which_steps_made_a_layer(self) -> None:
        """If as many steps have a size as there are layers."""
        rows = [
            {"CreatedBy": "B", "Size": 2},
            {"CreatedBy": "ENV", "Size": 0},
            {"CreatedBy": "A", "Size": 1},
        ]
        entries = history_entries(rows, 2)
        assert [entry["empty_layer"] for entry in entries] == [False, True, False]
        assert [entry["created_by"] for entry in entries] == ["A", "ENV", "B"]

    def test_instructions_show_it_for_layers_without_bytes(self) -> None:
        """Such as the layer of WORKDIR."""
        rows = [
            {"CreatedBy": "CMD x", "Size": 0},
            {"CreatedBy": "WORKDIR /a", "Size": 0},
            {"CreatedBy": "A", "Size": 1},
        ]
        assert [entry["empty_layer"] for entry in history_entries(rows, 2)] == [False, False, True]

    @pytest.mark.parametrize(
        "rows", [[], [1, None], [{"CreatedBy": 1, "Size": "x", "Created": 1e99}]]
    )
    def test_no_alignment_is_better_than_a_wrong_one(self, rows: list[object]) -> None:
        """The steps are unknown until the export."""
        assert history_entries(rows, 5) == []
