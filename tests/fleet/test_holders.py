"""Which images have what an answer is about: as many as the answer counts, and those whose rows say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from layerscope.fleet.fleet import Fleet
from layerscope.fleet.holders import holders
from layerscope.fleet.tables import FindingRow, LayerRow
from tests.fleet.running import fleet_of, written


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    return fleet_of(folder, [*written(folder / "images", 14), folder / "none.tar"])


def found(fleet: Fleet, about: object) -> dict[str, list[int]]:
    return holders(fleet, about, lambda: None)


def every(groups: Iterable[list[int]]) -> set[int]:
    return {image for images in groups for image in images}


def test_as_many_as_the_answers_count(fleet: Fleet) -> None:
    """Of every layer, rule, line, package, build and duplicate."""
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
        groups = found(fleet, one)
        assert len(every(groups.values())) == one.images, one
        assert all(images == sorted(set(images)) for images in groups.values())
    for base in answers.bases:
        for version in base.versions:
            assert found(fleet, version) == {"": version.images}


def test_layers_and_findings(fleet: Fleet) -> None:
    """Those whose rows have them."""
    rows = list(fleet.results.rows(LayerRow))
    for layer in fleet.answers.layers:
        images = {row.image for row in rows if row.key == layer.digest}
        assert set(found(fleet, layer)[""]) == images
    (rule,) = fleet.answers.rules
    findings = fleet.results.rows(FindingRow)
    assert set(found(fleet, rule)[""]) == {row.image for row in findings if row.rule == rule.rule}


def test_versions_and_digests_are_groups(fleet: Fleet) -> None:
    """Of packages and of builds, each with its images."""
    package = next(one for one in fleet.answers.packages if len(one.versions) > 1)
    groups = found(fleet, package)
    assert {name: len(images) for name, images in groups.items()} == {
        version.version: version.images for version in package.versions
    }
    build = fleet.answers.builds[0]
    assert list(found(fleet, build)) == build.layers


def test_no_longer_wanted(fleet: Fleet) -> None:
    """The check ends it."""

    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    for one in (fleet.answers.layers[0], fleet.answers.duplicates.largest[0]):
        with pytest.raises(StoppedError):
            holders(fleet, one, stop)
