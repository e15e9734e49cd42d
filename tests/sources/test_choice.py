"""Which of several images is shown: by name, digest or number, and for which platform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerscope.errors import CancelledError, LayerscopeError, UsageError
from layerscope.image.platform import Platform
from layerscope.sources import Candidate, Request, open_source
from layerscope.sources.names import candidate_names, choose_by_name, normalise
from tests.images import archive, digest, docker_archive, image_config
from tests.sources.image_files import (
    BASE,
    LAYERS,
    NAMES,
    TOP,
    Layout,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    runs_on,
    save,
    tagged,
    warning_message,
)


def _several() -> bytes:
    """An archive of three images: base (two tags), top, and one without a name."""
    files = {"0.tar": BASE, "1.tar": TOP}
    items = []
    for number, (layers, tags) in enumerate(
        (
            (["0.tar"], ["base:1", "base:2"]),
            (["1.tar"], ["reg.io:5000/team/top:1"]),
            (["0.tar", "1.tar"], None),
        )
    ):
        config = image_config([files[name] for name in layers])
        name = f"{digest(config)[7:]}.json" if number else "base.json"
        files[name] = config
        items.append({"Config": name, "RepoTags": tags, "Layers": layers})
    return archive(files | {"manifest.json": dump(items)})


def test_the_first_of_several_images_is_shown_with_a_warning(tmp_path: Path) -> None:
    """The warning lists the others, and how to select them."""
    opened = open_path(save(tmp_path, _several()))
    assert layers_of(opened) == [NAMES[0]]
    assert codes(opened) == ["several-images"]
    message = warning_message(opened, "several-images")
    assert "3 images" in message
    assert "reg.io:5000/team/top:1" in message
    assert "--image" in message
    assert [other.reference for other in opened.image.alternatives] == [
        "reg.io:5000/team/top:1",
        None,
    ]


def test_an_image_can_be_named_in_many_ways(tmp_path: Path) -> None:
    """By full or short name, tag, digest, digest prefix or number; then there is no warning."""
    path = save(tmp_path, _several())
    config = digest(image_config(LAYERS))
    for wanted, found in (
        ("base:1", [NAMES[0]]),
        ("base:2", [NAMES[0]]),
        ("docker.io/library/base:2", [NAMES[0]]),
        ("2", [NAMES[0]]),
        ("reg.io:5000/team/top:1", [NAMES[1]]),
        (config, NAMES),
        (config[7:], NAMES),
        (config[7:15], NAMES),
        ("@0", [NAMES[0]]),
        ("@1", [NAMES[1]]),
        ("@2", NAMES),
    ):
        opened = open_path(path, image=wanted)
        assert (layers_of(opened), codes(opened)) == (found, []), wanted
    assert codes(open_path(path, image="1")) == ["several-images"]


@pytest.mark.parametrize(
    "wanted", ["nothing", "base", "base:3", "@3", "@x", "@-1", "", ":", "@" + "9" * 50]
)
def test_a_missing_image_is_reported(tmp_path: Path, wanted: str) -> None:
    """The hint lists the available images."""
    error = refuse(save(tmp_path, _several()), image=wanted)
    assert "base:1" in str(error.hint)


def test_some_of_many_images_are_listed(tmp_path: Path) -> None:
    """The list ends with the number of images left out."""
    candidates = [Candidate([f"demo:{n}"], None, lambda: None) for n in range(40)]  # type: ignore[arg-type,return-value]  # never loaded
    words = candidate_names(candidates)
    assert (len(words), words[-1]) == (13, "and 28 more")
    with pytest.raises(LayerscopeError):
        choose_by_name(candidates, "other")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("demo", "docker.io/library/demo:latest"),
        ("demo:1", "docker.io/library/demo:1"),
        ("team/demo", "docker.io/team/demo:latest"),
        ("docker.io/demo", "docker.io/library/demo:latest"),
        ("index.docker.io/a/b:1", "docker.io/a/b:1"),
        ("localhost/demo:1", "localhost/demo:1"),
        ("reg:5000/demo", "reg:5000/demo:latest"),
        ("demo@sha256:abc", "docker.io/library/demo@sha256:abc"),
    ],
)
def test_names_are_compared_in_full(name: str, full: str) -> None:
    """Names are normalised as Docker does."""
    assert normalise(name) == full


def test_the_user_can_be_asked(tmp_path: Path) -> None:
    """The explorer shows a list; cancelling opens nothing."""
    path = str(save(tmp_path, _several()))
    shown: list[list[str | None]] = []

    def second(candidates: object) -> Candidate:
        assert isinstance(candidates, list)
        shown.append([candidate.name for candidate in candidates])
        chosen = candidates[1]
        assert isinstance(chosen, Candidate)
        return chosen

    assert open_source(Request(path), second).image.tags == ("reg.io:5000/team/top:1",)
    assert shown == [["base:1", "reg.io:5000/team/top:1", None]]
    open_source(Request(path, "base:1"), second)
    assert len(shown) == 1
    with pytest.raises(CancelledError):
        open_source(Request(path), lambda _: None)


# --- Platforms ------------------------------------------------------------------------------------


def _platforms(*platforms: str, named: bool = True, described: bool = True) -> bytes:
    """An index of one image for several platforms; layer n of them holds the file n."""
    from tests.images import file, layer_tar

    layout = Layout()
    manifests = []
    for number, platform in enumerate(platforms):
        stated = runs_on(platform)["platform"]
        manifests.append(
            layout.manifest(
                [layer_tar([file(str(number))])],
                config=stated,
                **(runs_on(platform) if described else {}),
            )
        )
    return layout.tar([layout.index(manifests, **(tagged("demo:1") if named else {}))])


def _shown(path: Path, platform: str | None = None) -> int:
    (layer,) = layers_of(open_path(path, platform=platform))
    return int(layer[0])


HOST = str(Platform.host())
OTHERS = [name for name in ("linux/s390x", "linux/riscv64", "windows/amd64") if name != HOST]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("described", [True, False])
def test_the_default_platform_is_this_machine(tmp_path: Path, named: bool, described: bool) -> None:
    """The platform may be stated by the index or only by the configs; a warning lists the others."""
    path = save(tmp_path, _platforms(*OTHERS, HOST, named=named, described=described))
    opened = open_path(path)
    assert _shown(path) == len(OTHERS)
    assert codes(opened) == ["several-platforms"]
    assert "--platform" in warning_message(opened, "several-platforms")
    assert OTHERS[0] in warning_message(opened, "several-platforms")
    assert [str(other.platform) for other in opened.image.alternatives] == OTHERS
    for number, platform in enumerate(OTHERS):
        assert _shown(path, platform) == number
        assert codes(open_path(path, platform=platform)) == []


def test_without_an_image_for_this_machine_the_first_is_shown(tmp_path: Path) -> None:
    """A warning says so if there are several images, not for a single one."""
    path = save(tmp_path, _platforms(*OTHERS))
    opened = open_path(path)
    assert (_shown(path), codes(opened)) == (0, ["platform-fallback"])
    assert HOST in warning_message(opened, "platform-fallback")
    assert codes(open_path(save(tmp_path, _platforms(OTHERS[0])))) == []


def test_a_requested_platform_must_exist(tmp_path: Path) -> None:
    """In an index, and in an archive whose config alone states the platform."""
    error = refuse(save(tmp_path, _platforms(*OTHERS)), platform="linux/arm/v7")
    assert "no image for platform linux/arm/v7" in str(error)
    assert OTHERS[0] in str(error.hint)
    path = save(tmp_path, docker_archive(LAYERS))
    assert layers_of(open_path(path, platform="linux/amd64")) == NAMES
    error = refuse(path, platform="linux/arm64")
    assert "no image for platform linux/arm64" in str(error)
    assert error.hint == "available: linux/amd64"


def test_an_image_without_a_platform_runs_anywhere(tmp_path: Path) -> None:
    """A root filesystem has no platform."""
    assert layers_of(open_path(save(tmp_path, BASE), platform="linux/arm64")) == [NAMES[0]]


def test_the_nearest_variant_is_taken(tmp_path: Path) -> None:
    """The requested variant, else the next lower one; 386 and 32-bit ARM only without a better match."""
    arm = save(tmp_path, _platforms("linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64"))
    for wanted, number in (
        ("linux/arm/v7", 1),
        ("linux/arm/v6", 2),
        ("linux/arm", 1),
        ("linux/arm/v8", 1),
        ("linux/arm64", 3),
        ("linux/arm64/v9", 3),
    ):
        assert _shown(arm, wanted) == number
    amd = save(tmp_path, _platforms("linux/386", "linux/amd64/v3", "linux/amd64", "linux/amd64/v2"))
    for wanted, number in (
        ("linux/amd64", 2),
        ("linux/amd64/v2", 3),
        ("linux/amd64/v3", 1),
        ("linux/amd64/v4", 1),
        ("linux/386", 0),
        ("amd64", 2),
    ):
        assert _shown(amd, wanted) == number


def test_names_come_before_platforms(tmp_path: Path) -> None:
    """The name selects between two images for two platforms each."""
    layout = Layout()
    indexes = [
        layout.index(
            [layout.manifest([layer], config=runs_on(p)["platform"], **runs_on(p)) for p in OTHERS],
            **tagged(name),
        )
        for layer, name in ((BASE, "base:1"), (TOP, "top:1"))
    ]
    path = save(tmp_path, layout.tar(indexes))
    opened = open_path(path, image="top:1", platform=OTHERS[1])
    assert (layers_of(opened), str(opened.image.platform)) == ([NAMES[1]], OTHERS[1])
    assert codes(open_path(path, platform=OTHERS[1])) == ["several-images"]
    assert len(opened.image.alternatives) == 2 * len(OTHERS) - 1


def test_images_without_names_for_one_platform_are_several(tmp_path: Path) -> None:
    """`docker save ID ID` saves two images, not one image for two platforms."""
    layout = Layout()
    images = [layout.manifest([layer], **runs_on(HOST)) for layer in LAYERS]
    path = save(tmp_path, layout.tar(images))
    assert codes(open_path(path)) == ["several-images"]
    assert layers_of(open_path(path, image="@1")) == [NAMES[1]]
    nested = layout.tar([layout.index([image]) for image in images])
    assert codes(open_path(save(tmp_path, nested))) == ["several-images"]


@pytest.mark.parametrize("text", ["", "/", "linux/", "/amd64", "a/b/c/d", "linux//v7"])
def test_an_invalid_platform_is_reported(text: str) -> None:
    with pytest.raises(UsageError):
        Platform.parse(text)


def test_a_manifest_digest_names_an_image(tmp_path: Path) -> None:
    """The digest of the index that leads to it does, too."""
    layout = Layout()
    image = layout.manifest(LAYERS)
    index = layout.index([image], **tagged("demo:1"))
    path = save(tmp_path, layout.tar([index, layout.manifest([BASE], **tagged("base:1"))]))
    for wanted in (image["digest"], index["digest"], index["digest"][7:20]):
        assert layers_of(open_path(path, image=wanted)) == NAMES
    opened = open_path(path, image="demo:1")
    assert opened.image.manifest_digest == image["digest"]
    assert json.loads(layout.files["index.json"])["manifests"][0]["digest"] == index["digest"]
