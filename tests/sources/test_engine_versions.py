"""Docker's API from version to version, as real Dockers 26.1 and 28.5 spoke it (`exchanges.py` records; `recordings/`).

The newer was asked by each of these versions of the API in turn, with its containerd store and with its classic one. Version 1.52
(Docker 29) is not recorded. Its answers are those of 1.51 without the fields that its changelog removes: empty ones, and the graph
driver.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import ImageNotFoundError, LayerscopeError
from layerscope.image.platform import Platform
from layerscope.opening.open import Opened, open_image
from layerscope.sources import Request, open_source
from layerscope.sources.endpoints import docker_endpoints
from layerscope.sources.engine_listing import list_images
from tests.images import digest
from tests.sources.exchanges import ONE, SEVERAL, Recording, answering, layers_of

VERSIONS = ("1.47", "1.48", "1.49", "1.51", "1.52")
OLDEST = "docker-26-containerd-1.45"
AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")


def _as_in_1_52(path: str, body: Any) -> Any:
    """A body as Docker 29 would have it."""
    if path == "/version":
        return body | {"ApiVersion": "1.52", "Version": "29.0.0", "MinAPIVersion": "1.44"}
    if not path.endswith("/json") or not isinstance(body, dict):
        return body
    body = {key: value for key, value in body.items() if key != "GraphDriver" and value != ""}
    if "Config" in body:
        body["Config"] = {key: value for key, value in body["Config"].items() if value}
    return body


def _recording(name: str) -> Recording:
    if not name.endswith("1.52"):
        return Recording.read(name)
    recording = Recording.read(name.replace("1.52", "1.51"))
    recording.change(_as_in_1_52)
    return recording


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """A replayed engine that DOCKER_HOST names; requests that were not recorded fail the test."""
    recording = _recording(request.param)
    with (
        tempfile.TemporaryDirectory(prefix="ls-") as folder,
        answering(Path(folder) / "s", recording.answer) as url,
    ):
        monkeypatch.setenv("DOCKER_HOST", url)
        yield recording
    assert recording.unknown == []


ALL = pytest.mark.parametrize(
    "engine",
    [
        "docker-28-overlay2-1.51",
        OLDEST,
        *(f"docker-28-containerd-{version}" for version in VERSIONS),
    ],
    indirect=True,
)
WITH_PLATFORMS = pytest.mark.parametrize(
    "engine", [f"docker-28-containerd-{version}" for version in VERSIONS[1:]], indirect=True
)


def opened(reference: str, platform: Platform | None = None) -> Opened:
    """An image of the engine."""
    return open_image(Request(f"docker://{reference}", platform=platform))


@ALL
def test_an_image_for_one_platform_opens(engine: Recording) -> None:
    """With every API version and both stores."""
    image = opened(ONE)
    built = [digest(layer) for layer in layers_of("amd64")]
    assert [layer.diff_id for layer in image.image.layers] == built
    assert all(image.verified(number) for number in range(len(built)))
    assert image.image.tags == (ONE,)
    assert image.image.platform == AMD
    assert image.image.alternatives == ()
    assert image.warnings == []


@WITH_PLATFORMS
@pytest.mark.parametrize("platform", [AMD, ARM])
def test_a_platform_of_several_is_shown_and_the_others_named(
    engine: Recording, platform: Platform
) -> None:
    """The preliminary steps and the files are those of the platform."""
    source = open_source(Request(f"docker://{SEVERAL}", platform=platform))
    built = [digest(layer) for layer in layers_of(platform.architecture)]
    assert source.image.platform == platform
    early = [layer.diff_id for layer in source.image.layers]
    versions = {asked["version"] for asked in engine.asked}
    steps_known = "v1.48" not in versions or platform == AMD
    assert early == (built if steps_known else [])  # 1.48 cannot be asked for one before the export
    image = opened(SEVERAL, platform)
    assert [layer.diff_id for layer in image.image.layers] == built
    assert all(image.verified(number) for number in range(len(built)))
    assert image.image.platform == platform


@WITH_PLATFORMS
def test_other_platforms_are_alternatives(engine: Recording) -> None:
    """A warning says which one is shown and how to select another."""
    source = open_source(Request(f"docker://{SEVERAL}"))
    others = [other.platform for other in source.image.alternatives]
    assert sorted(map(str, [source.image.platform, *others])) == ["linux/amd64", "linux/arm64"]
    messages = [warning.message for warning in source.image.warnings]
    assert any("use --platform to select another" in message for message in messages)


@WITH_PLATFORMS
def test_a_platform_that_is_not_stored_is_refused(engine: Recording) -> None:
    """The hint lists the stored ones; nothing is exported."""
    with pytest.raises(LayerscopeError, match="no image for platform linux/s390x") as caught:
        open_source(Request(f"docker://{SEVERAL}", platform=Platform.parse("linux/s390x")))
    assert "linux/arm64" in str(caught.value.hint)
    assert not any(asked["path"].endswith("/get") for asked in engine.asked)


@WITH_PLATFORMS
def test_one_platform_alone_is_exported(engine: Recording) -> None:
    """Layers of other platforms are not sent."""
    opened(SEVERAL, ARM)
    (export,) = (asked for asked in engine.asked if asked["path"].endswith("/get"))
    assert json.loads(export["query"]["platform"]) == {"os": "linux", "architecture": "arm64"}


WITHOUT_PLATFORMS = pytest.mark.parametrize(
    "engine", [OLDEST, "docker-28-containerd-1.47"], indirect=True
)


@WITHOUT_PLATFORMS
@pytest.mark.parametrize("platform", [None, AMD, ARM])
def test_an_older_engine_exports_all_platforms(
    engine: Recording, platform: Platform | None
) -> None:
    """It describes one platform only; the requested one is taken from the export."""
    image = opened(SEVERAL, platform)
    shown = platform or AMD
    assert image.image.platform == shown
    built = [digest(layer) for layer in layers_of(shown.architecture)]
    assert [layer.diff_id for layer in image.image.layers] == built


@WITHOUT_PLATFORMS
@pytest.mark.parametrize(
    ("name", "stored"), [(ONE, "linux/amd64"), (SEVERAL, "linux/amd64, linux/arm64")]
)
def test_a_platform_missing_from_an_older_engine_is_refused(
    engine: Recording, name: str, stored: str
) -> None:
    """The export shows which ones are stored; no other image is shown instead."""
    with pytest.raises(LayerscopeError, match="no image for platform linux/s390x") as caught:
        opened(name, Platform.parse("linux/s390x"))
    for platform in stored.split(", "):
        assert platform in str(caught.value.hint)


@ALL
def test_similar_names_are_suggested_for_a_missing_image(engine: Recording) -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        open_source(Request("docker://layerscope-one:2"))
    assert ONE in str(caught.value.hint)


@ALL
def test_images_are_listed(engine: Recording) -> None:
    """With platform and layers."""
    images = {
        image.tags[0]: image for image in list_images("docker", docker_endpoints, Request(""))
    }
    assert images[ONE].platform == AMD
    assert len(images[ONE].layers or []) == 2
