"""Images that the tags of one place name: which, in which order, each once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from layerscope.errors import ImageNotFoundError, UsageError
from layerscope.sources.base import Request
from layerscope.sources.tagged import TaggedImages, tagged_images
from layerscope.words import ReleaseOrder
from tests.images import archive, docker_files, file, layer_tar, oci_files, write
from tests.sources.registry.server import Registry


def files_of(number: int, created: str | None, tag: str) -> Mapping[str, bytes]:
    """An image in a layout."""
    config: dict[str, object] = {"created": created}
    return oci_files([layer_tar([file("a", b"%d" % number)])], config=config, tags=(tag,))


def tags_of(found: TaggedImages) -> list[str]:
    """The tags of the images that were found."""
    return [(one.image or one.reference).rpartition(":")[2] for one in found.requests]


DATES = {
    "1.0": "2024-01-01T00:00:00Z",
    "1.10": "2024-03-01T00:00:00Z",
    "1.2": "2024-04-01T00:00:00Z",
}


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry with three versions, the last of which has three tags."""
    with Registry() as served:
        repository = served.repository()
        for number, (tag, date) in enumerate(DATES.items()):
            repository.push(files_of(number, date, f"app:{tag}"), tag)
        repository.push(files_of(2, DATES["1.2"], "app:1.2"), "latest")
        repository.push(files_of(2, DATES["1.2"], "app:1.2"), "stable")
        yield served


def test_dates_order_the_tags_of_a_repository(registry: Registry) -> None:
    """1.2 was built after 1.10; one image with several tags counts once."""
    found = tagged_images(Request(registry.reference()), None, None)
    assert tags_of(found) == ["1.0", "1.10", "1.2"]
    assert found.order is ReleaseOrder.CREATED
    assert found.duplicate_tags == 2


def test_tags_are_selected_by_glob_and_number(registry: Registry) -> None:
    request = Request(registry.reference())
    assert tags_of(tagged_images(request, "1.?*", None)) == ["1.0", "1.10", "1.2"]
    assert tags_of(tagged_images(request, None, 2)) == ["1.10", "1.2"]
    assert tags_of(tagged_images(request, "1.1*", 2)) == ["1.10"]
    with pytest.raises(ImageNotFoundError, match="none of its 5 tags matches '2"):
        tagged_images(request, "2.*", None)


def test_versions_order_images_without_dates() -> None:
    """Numbers in tags are compared as numbers."""
    with Registry() as registry:
        repository = registry.repository()
        for number, tag in enumerate(("v1.10", "v1.9", "v2")):
            repository.push(files_of(number, None, f"app:{tag}"), tag)
        found = tagged_images(Request(registry.reference()), None, None)
    assert tags_of(found) == ["v1.9", "v1.10", "v2"]
    assert found.order is ReleaseOrder.VERSION


def test_globs_match_the_tags_of_an_archive(tmp_path: Path) -> None:
    """The last part of a name is its tag."""
    files: dict[str, bytes] = {}
    manifest = []
    for number, (tag, date) in enumerate(DATES.items()):
        files_of_image = docker_files(
            [layer_tar([file("a", b"%d" % number)])], config={"created": date}, tags=(f"app:{tag}",)
        )
        manifest += json.loads(files_of_image["manifest.json"])
        files |= files_of_image
    files["manifest.json"] = json.dumps(manifest).encode()
    path = write(tmp_path / "all.tar", archive(files))
    found = tagged_images(Request(str(path)), "1.*", None)
    assert tags_of(found) == ["1.0", "1.10", "1.2"]
    assert {one.reference for one in found.requests} == {str(path)}


def test_stdin_has_no_tags() -> None:
    """It can be read only once."""
    with pytest.raises(UsageError):
        tagged_images(Request("-"), None, 2)
