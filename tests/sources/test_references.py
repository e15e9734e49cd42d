"""Names of images, matched as the engines match them."""

from __future__ import annotations

import pytest

from layerscope.errors import ImageNotFoundError
from layerscope.sources.references import (
    NamedImage,
    NotInStoreError,
    looks_like_path,
    pick_image,
    similar_names,
)

DIGEST = "sha256:" + "d" * 64
IMAGES = [
    NamedImage(
        "ab" * 32, ["docker.io/library/flask:latest", "docker.io/library/flask:3"], [DIGEST]
    ),
    NamedImage("ac" * 32, ["localhost/flask:dev"]),
    NamedImage("cd" * 32, ["quay.example/team/web:1"]),
    NamedImage("dd" * 32, ["docker.io/team/web:1"]),
    NamedImage("ee" * 32, ["cafe:latest"]),
    NamedImage("ca" * 32, []),
]


@pytest.mark.parametrize(
    ("reference", "number"),
    [
        ("flask", 0),
        ("flask:3", 0),
        ("docker.io/library/flask", 0),
        ("index.docker.io/library/flask:3", 0),
        (f"flask@{DIGEST}", 0),
        (f"flask:9@{DIGEST}", 0),
        (DIGEST, 0),
        ("flask:dev", 1),
        ("localhost/flask:dev", 1),
        ("team/web:1", 3),
        ("quay.example/team/web:1", 2),
        ("ab", 0),
        ("sha256:ab", 0),
        ("cafe", 4),
        ("ca", 5),
    ],
)
def test_an_image_is_found(reference: str, number: int) -> None:
    """By full and short names, digests and ID prefixes; a name is preferred to an ID."""
    assert pick_image(reference, IMAGES) is IMAGES[number]


def test_a_short_name_matches_under_any_registry() -> None:
    """As a last resort, like in Podman."""
    assert pick_image("web:1", [IMAGES[2]]) is IMAGES[2]


@pytest.mark.parametrize("reference", ["a", "web:1"])
def test_an_ambiguous_name_is_refused(reference: str) -> None:
    """The message lists the matches."""
    with pytest.raises(ImageNotFoundError, match="2 images match") as caught:
        pick_image(reference, IMAGES)
    assert not isinstance(caught.value, NotInStoreError)


@pytest.mark.parametrize("reference", ["flask:4", f"web@{DIGEST}", "ffff", "", "@", ":", "sha256:"])
def test_a_missing_image_is_not_found(reference: str) -> None:
    with pytest.raises(ImageNotFoundError):
        pick_image(reference, IMAGES)


def test_similar_names_are_suggested() -> None:
    """Other tags of the repository first, then similar names."""
    names = [name for image in IMAGES for name in image.names]
    assert similar_names("flask:4", names)[:2] == ["flask:latest", "flask:3"]
    assert similar_names("falsk", names)[0] == "flask:latest"
    assert similar_names("something-else", names) == []


@pytest.mark.parametrize(
    "reference", ["/a", "./a", "../a", "~/a", "a.tar", "a.TGZ", "a/b.tar.zst", "."]
)
def test_paths_look_like_paths(reference: str) -> None:
    """Engines are never asked for them."""
    assert looks_like_path(reference)


@pytest.mark.parametrize("reference", ["a", "a/b:1", "reg.example:5000/a", "tar", "a.tar:1"])
def test_names_do_not_look_like_paths(reference: str) -> None:
    """Slashes and dots alone do not make a path."""
    assert not looks_like_path(reference)
