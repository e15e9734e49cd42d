"""Windows images that differ only in the OS version: shown, distinguished and selected by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import CancelledError, LayerscopeError
from layerscope.image.platform import Platform
from layerscope.layers.store import Store
from layerscope.opening.open import Options, open_image
from layerscope.report.images_schema import document as images_document
from layerscope.report.schema import image_document
from layerscope.sources import Candidate, Request, engine_listing, open_source
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.folder import saved_images
from layerscope.sources.listing import SourceListing
from tests.images import digest, docker_archive, file, layer_tar
from tests.sources.fake_engine import IMAGE_ID, FakeEngine, serving
from tests.sources.image_files import (
    LAYERS,
    Layout,
    codes,
    layers_of,
    listing,
    open_path,
    refuse,
    runs_on,
    save,
    tagged,
    unpack,
    warning_message,
)

OLD, NEW = "windows(10.0.17763.7)/amd64", "windows(10.0.20348.2)/amd64"
STATED = {
    "both": (True, True),
    "descriptor": (True, False),
    "config": (False, True),
}
"""Where the version stands: in the descriptor, in the config."""


def windows(*platforms: str, form: str = "named", stated: str = "both") -> bytes:
    """An archive of images for these platforms; the layer of image n holds the file n."""
    layout = Layout()
    listed, configured = STATED[stated]
    manifests = []
    for number, platform in enumerate(platforms):
        full = runs_on(platform)["platform"]
        bare = {key: value for key, value in full.items() if key != "os.version"}
        manifests.append(
            layout.manifest(
                [layer_tar([file(str(number))])],
                config=full if configured else bare,
                platform=full if listed else bare,
            )
        )
    if form == "unnamed":
        return layout.tar(manifests)
    return layout.tar([layout.index(manifests, **(tagged("app:1") if form == "named" else {}))])


@pytest.mark.parametrize("form", ["named", "index", "unnamed"])
@pytest.mark.parametrize("stated", STATED)
def test_versions_are_distinguished(tmp_path: Path, form: str, stated: str) -> None:
    """In an index with or without a name, or side by side; wherever the version is stated."""
    path = save(tmp_path, windows(OLD, NEW, form=form, stated=stated))
    opened = open_path(path)
    assert (layers_of(opened), str(opened.image.platform)) == ([[b"0"]], OLD)
    assert [str(other.platform) for other in opened.image.alternatives] == [NEW]
    found = image_document(opened)
    assert (found["os"], found["osVersion"]) == ("windows", "10.0.17763.7")
    assert [other["platform"] for other in found["alternatives"]] == [NEW]
    assert codes(opened) == ["platform-fallback"]
    assert OLD in warning_message(opened, "platform-fallback")
    assert NEW in warning_message(opened, "platform-fallback")


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (OLD, b"0"),
        (NEW, b"1"),
        ("windows(10.0.20348)/amd64", b"1"),
        ("windows(10.0.17763)/x86_64", b"0"),
        ("windows(10.0.20348.2.1)/amd64", b"1"),
        ("Windows(10.0.20348+win32k)/amd64", b"1"),
    ],
)
def test_a_version_chooses(tmp_path: Path, stated: str, wanted: str, shown: bytes) -> None:
    """By its leading components, and without a warning."""
    opened = open_path(save(tmp_path, windows(OLD, NEW, stated=stated)), platform=wanted)
    assert (layers_of(opened), codes(opened)) == ([[shown]], [])


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("wanted", ["10.0.2034", "10.0.203480", "10.0.20348.22", "10.0.14393", "0"])
def test_another_version_is_refused(tmp_path: Path, stated: str, wanted: str) -> None:
    """The hint lists the available versions."""
    path = save(tmp_path, windows(OLD, NEW, stated=stated))
    error = refuse(path, platform=f"windows({wanted})/amd64")
    assert f"no image for platform windows({wanted})/amd64" in str(error)
    assert OLD in str(error.hint)
    assert NEW in str(error.hint)


def test_a_platform_without_a_version_leaves_the_choice_open(tmp_path: Path) -> None:
    """A warning names the versions, but no other platform."""
    path = save(tmp_path, windows("linux/s390x", OLD, NEW))
    opened = open_path(path, platform="windows/amd64")
    assert (layers_of(opened), codes(opened)) == ([[b"1"]], ["several-platforms"])
    assert warning_message(opened, "several-platforms").startswith(f"showing {OLD} of ")
    assert NEW in warning_message(opened, "several-platforms")
    assert "s390x" not in warning_message(opened, "several-platforms")
    assert codes(open_path(save(tmp_path, windows(OLD)), platform="windows/amd64")) == []
    other = windows("linux/s390x", OLD, "windows(10.0.26100.1)/arm64")
    assert codes(open_path(save(tmp_path, other), platform="windows/amd64")) == []


def test_this_machine_comes_before_versions(tmp_path: Path) -> None:
    """The warning still names the versions."""
    opened = open_path(save(tmp_path, windows(OLD, NEW, str(Platform.host()))))
    assert layers_of(opened) == [[b"2"]]
    assert OLD in warning_message(opened, "several-platforms")
    assert NEW in warning_message(opened, "several-platforms")


def test_the_config_overrides_the_descriptor(tmp_path: Path) -> None:
    """As for the architecture; a version that only one of them states is used."""
    layout = Layout()
    config = runs_on("windows(10.0.20348.9)/amd64")["platform"]
    image = layout.manifest(LAYERS, config=config, **runs_on("windows(10.0.20348)/amd64"))
    path = save(tmp_path, layout.tar([image]))
    opened = open_path(path, platform="windows(10.0.20348.9)/amd64")
    assert opened.image.platform.os_version == "10.0.20348.9"


@pytest.mark.parametrize("wanted", ["10.0.20348", "10.0.20348.2"])
def test_an_archive_states_the_version_in_its_config(tmp_path: Path, wanted: str) -> None:
    """As written by `docker save` on Windows; an image without a version matches any."""
    config = runs_on(NEW)["platform"]
    path = save(tmp_path, docker_archive(LAYERS, config=config))
    opened = open_path(path, platform=f"windows({wanted})/amd64")
    assert image_document(opened)["osVersion"] == "10.0.20348.2"
    error = refuse(path, platform=OLD)
    assert (f"no image for platform {OLD}" in str(error), error.hint) == (True, f"available: {NEW}")
    plain = save(tmp_path, docker_archive(LAYERS, config=runs_on("windows/amd64")["platform"]))
    opened = open_path(plain, platform=NEW)
    assert image_document(opened)["osVersion"] is None


def test_an_image_of_linux_has_no_version(tmp_path: Path) -> None:
    """The JSON key is present, and null."""
    found = image_document(open_path(save(tmp_path, docker_archive(LAYERS))))
    assert found["osVersion"] is None
    assert list(found)[5:9] == ["os", "osVersion", "architecture", "variant"]


# --- The explorer's question ----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["named", "index", "unnamed"])
@pytest.mark.parametrize("platform", [None, "windows/amd64", "windows(10.0)/amd64"])
def test_the_explorer_asks_for_a_version(tmp_path: Path, form: str, platform: str | None) -> None:
    """If two images differ in nothing else; then there is no warning, and cancelling opens nothing."""
    request = Request(
        str(save(tmp_path, windows(OLD, NEW, "windows(10.0.26100.1)/arm64", form=form))),
        platform=None if platform is None else Platform.parse(platform),
    )
    shown: list[str] = []

    def last(candidates: Sequence[Candidate]) -> Candidate:
        shown.extend(str(candidate.platform) for candidate in candidates)
        assert len({candidate.group for candidate in candidates}) == len(candidates)
        return candidates[-1]

    image = open_source(request, last).image
    assert (str(image.platform), shown) == (NEW, [OLD, NEW])
    assert [str(other.platform) for other in image.alternatives] == [
        OLD,
        "windows(10.0.26100.1)/arm64",
    ]
    assert image.warnings == ()
    with pytest.raises(CancelledError):
        open_source(request, lambda _: None)


@pytest.mark.parametrize(
    ("platforms", "wanted"),
    [
        ((OLD, NEW), "windows(10.0.20348)/amd64"),
        ((OLD, NEW, str(Platform.host())), None),
        ((OLD, "windows(10.0.17763.7)/arm64"), None),
        (("linux/s390x", "linux/riscv64"), None),
    ],
)
def test_the_explorer_does_not_ask_without_a_choice(
    tmp_path: Path, platforms: tuple[str, ...], wanted: str | None
) -> None:
    """For a requested version, this machine's platform, or images for other processors."""

    def nobody(_: object) -> Candidate:
        raise AssertionError

    chosen = None if wanted is None else Platform.parse(wanted)
    open_source(Request(str(save(tmp_path, windows(*platforms))), platform=chosen), nobody)


# --- Engines and lists ----------------------------------------------------------------------------

VERSION = {"Os": "windows", "OsVersion": "10.0.20348.2"}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine that has one image, of Windows."""
    with serving(tmp_path / "docker.sock") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        engine.extra_fields = dict(VERSION)
        engine.export = docker_archive(LAYERS, config=runs_on(NEW)["platform"])
        yield engine


def test_an_engine_states_the_version_before_its_export(engine: FakeEngine) -> None:
    source = open_source(Request("docker://demo"))
    assert str(source.image.platform) == NEW
    assert not any(path.endswith("/get") for path, _ in engine.asked)
    with pytest.raises(LayerscopeError, match="no image for platform windows"):
        open_source(Request("docker://demo", platform=Platform.parse(OLD)))


def test_an_engine_is_asked_for_the_version(engine: FakeEngine) -> None:
    """The platform parameter of its API contains it."""
    engine.api_version = "1.49"
    engine.extra_fields |= {"Descriptor": {"digest": IMAGE_ID}}
    open_image(Request("docker://demo"))
    (query,) = (query for path, query in engine.asked if path.endswith("/get"))
    assert query["platform"] == [
        '{"os": "windows", "os.version": "10.0.20348.2", "architecture": "amd64"}'
    ]


def test_several_versions_of_an_engine_are_alternatives(engine: FakeEngine) -> None:
    """The config or the index states them."""
    engine.api_version = "1.49"
    held = [
        (runs_on(OLD)["platform"], runs_on("windows/amd64")["platform"]),
        (runs_on("windows/amd64")["platform"], runs_on(NEW)["platform"]),
    ]
    engine.extra_fields |= {
        "Descriptor": {"digest": IMAGE_ID},
        "Manifests": [
            {
                "ID": digest(b"%d" % number),
                "Kind": "image",
                "Available": True,
                "Descriptor": {"platform": listed},
                "ImageData": {"Platform": stated},
            }
            for number, (stated, listed) in enumerate(held)
        ],
    }
    source = open_source(Request("docker://demo", platform=Platform.parse(NEW)))
    assert str(source.image.platform) == NEW
    assert [str(other.platform) for other in source.image.alternatives] == [OLD]


def test_an_export_is_cached_with_its_version(engine: FakeEngine, tmp_path: Path) -> None:
    """Even if only the descriptor states it."""
    layout = Layout()
    bare = runs_on("windows/amd64")["platform"]
    engine.export = layout.tar([layout.manifest(LAYERS, config=bare, **runs_on(NEW))])
    store = Store(tmp_path / "cache")
    for _ in range(2):
        opened = open_image(Request("docker://demo"), Options(cache=store))
        assert str(opened.image.platform) == NEW
    assert sum(path.endswith("/get") for path, _ in engine.asked) == 1


def test_lists_of_images_state_the_version(engine: FakeEngine, tmp_path: Path) -> None:
    """For engines and folders, and in JSON."""
    listed = engine_listing.list_images(
        "docker", lambda: [Endpoint(engine.url, "test")], Request("")
    )
    assert [str(image.platform) for image in listed] == [NEW]
    save(tmp_path / "saved", windows(NEW, stated="descriptor"))
    saved = list(saved_images(tmp_path / "saved"))
    source = listing("docker", lambda _: listed)
    (found,) = images_document([SourceListing(source, [*listed, *saved])])["sources"]
    assert [image["platform"] for image in found["images"]] == [NEW, NEW]


def test_an_archive_of_old_docker_states_the_version(tmp_path: Path) -> None:
    """In the description of its topmost layer."""
    from tests.sources.test_other_forms import _legacy

    top: dict[str, Any] = {"os": "windows", "os.version": "10.0.20348.2"}
    path = unpack(tmp_path / "old", _legacy(**top))
    assert str(open_path(path).image.platform) == NEW
