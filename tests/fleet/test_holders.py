"""The images of an answer: as many as the answer counts, and those with matching rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from layerscope.fleet.fleet import Fleet
from layerscope.fleet.holders import images_of
from layerscope.fleet.tables import FindingRow, LayerRow
from tests.fleet.running import fleet_of, written


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    return fleet_of(folder, [*written(folder / "images", 14), folder / "none.tar"])


def image_groups(fleet: Fleet, about: object) -> dict[str, list[int]]:
    return images_of(fleet, about, lambda: None)


def all_images(groups: Iterable[list[int]]) -> set[int]:
    return {image for images in groups for image in images}


def test_images_are_as_many_as_answers_count(fleet: Fleet) -> None:
    """For every layer, rule, line, package, build and duplicate."""
    answers = fleet.answers
    counted: list[Any] = [
        *answers.layers,
        *answers.rules,
        *answers.lines,
        *answers.packages,
        *answers.builds,
        *answers.duplicates.largest,
        *answers.growth,
    ]
    for one in counted:
        groups = image_groups(fleet, one)
        assert len(all_images(groups.values())) == one.images, one
        assert all(images == sorted(set(images)) for images in groups.values())
    for base in answers.bases:
        for version in base.versions:
            assert image_groups(fleet, version) == {"": version.images}


def test_images_of_layers_and_rules_have_matching_rows(fleet: Fleet) -> None:
    rows = list(fleet.results.rows(LayerRow))
    for layer in fleet.answers.layers:
        images = {row.image for row in rows if row.key == layer.digest}
        assert set(image_groups(fleet, layer)[""]) == images
    (rule,) = fleet.answers.rules
    findings = fleet.results.rows(FindingRow)
    assert set(image_groups(fleet, rule)[""]) == {
        row.image for row in findings if row.rule == rule.rule
    }


def test_versions_and_digests_are_groups(fleet: Fleet) -> None:
    """Versions of a package and layers of a build are groups, each with its images."""
    package = next(one for one in fleet.answers.packages if len(one.versions) > 1)
    groups = image_groups(fleet, package)
    assert {name: len(images) for name, images in groups.items()} == {
        version.version: version.images for version in package.versions
    }
    build = fleet.answers.builds[0]
    assert list(image_groups(fleet, build)) == build.layers


def test_the_check_stops_the_scan(fleet: Fleet) -> None:
    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    for one in (fleet.answers.layers[0], fleet.answers.duplicates.largest[0]):
        with pytest.raises(StoppedError):
            images_of(fleet, one, stop)
