"""Running engines, asked through their API."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layerscope.errors import CancelledError, ImageNotFoundError
from layerscope.opening.open import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request, open_source
from tests.engines.conftest import Daemon
from tests.engines.sample import TAG, report_of

pytestmark = pytest.mark.engine


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A running engine's scheme; its variable names the socket."""
    if request.param == "docker":
        daemon: Daemon = request.getfixturevalue("docker_engine")
        monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.socket}")
    else:
        daemon = request.getfixturevalue("podman_service")
        monkeypatch.setenv("CONTAINER_HOST", f"unix://{daemon.socket}")
    scheme: str = request.param
    return scheme


def test_an_export_equals_the_saved_archive(engine: str, archive: Path) -> None:
    """By name, and by ID prefix."""
    expected = report_of(str(archive))
    assert report_of(f"{engine}://{TAG}") == expected
    opened = open_image(Request(f"{engine}://{TAG}"))
    assert opened.image.source_kind == engine
    assert opened.image.location.startswith("unix://")
    assert [tag.removeprefix("localhost/") for tag in opened.image.tags] == [TAG]
    assert all(opened.verified(number) for number in range(3))
    assert opened.image.id is not None
    assert report_of(f"{engine}://{opened.image.id[7:19]}") == expected


def test_steps_are_known_before_the_export(engine: str) -> None:
    """Commands and layers of the steps, and the diff IDs."""
    source = open_source(Request(f"{engine}://{TAG}"))
    assert source.awaits_export
    whole = source.complete(Request(f"{engine}://{TAG}"), None).image
    assert [layer.diff_id for layer in source.image.layers] == [
        layer.diff_id for layer in whole.layers
    ]
    assert [step.created_by for step in source.image.steps] == [
        step.created_by for step in whole.steps
    ]
    assert [step.layer for step in source.image.steps] == [step.layer for step in whole.steps]


def test_similar_names_are_suggested_for_a_missing_image(engine: str) -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        open_source(Request(f"{engine}://layerscope-sample:2"))
    assert TAG in str(caught.value.hint)


def test_an_export_can_be_stopped(engine: str) -> None:
    class Stopped(NullProgress):
        def cancelled(self) -> bool:
            return True

    source = open_source(Request(f"{engine}://{TAG}"))
    assert source.awaits_export
    with pytest.raises(CancelledError):
        source.complete(Request(f"{engine}://{TAG}", progress=Stopped()), None)


def test_an_engine_behind_ssh(
    docker_engine: Daemon, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script replaces ssh and runs docker's own command."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nfor word; do last=$word; done\nDOCKER_HOST=unix://{docker_engine.socket} exec sh -c "$last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@elsewhere")
    assert report_of(f"docker://{TAG}") == report_of(str(archive))
