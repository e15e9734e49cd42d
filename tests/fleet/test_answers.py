"""Answers equal those of a slow model over random fleets; answers about bases, packages and builds."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from layerscope.fleet import contents
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.tables import DuplicateRow
from layerscope.image.summary import one_line
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources.base import Request
from tests.fleet.running import fleet_of
from tests.images import (
    Member,
    directory,
    docker_archive,
    file,
    layer_tar,
    oci_archive,
    whiteout,
    write,
)
from tests.strategies import random_layers

LISTS = b"Package: x\n" * 20_000
Entry = tuple[str, int]
"""The diff ID of a layer, and the number of an entry."""


def fleet_layers(seed: int) -> list[list[Member]]:
    """A pool of layers: random ones, and some with findings."""
    rng = random.Random(seed)
    pool = [layer for number in range(4) for layer in random_layers(seed * 10 + number, wild=False)]
    for number in range(3):
        lists = [file(f"var/lib/apt/lists/{n}_Packages", LISTS, mtime=number) for n in range(2)]
        pool.append([*lists, file("etc/number", b"%d" % number), file("big", rng.randbytes(5000))])
    pool.append([whiteout("var/lib/apt/lists/0_Packages"), file("etc/number", b"x" * 10)])
    pool.append([whiteout("big"), file("again", LISTS)])
    return pool


def write_fleet(folder: Path, seed: int) -> list[Path]:
    """Images of random layers from one pool; some share their first layers."""
    rng = random.Random(seed)
    pool = [layer_tar(layer) for layer in fleet_layers(seed)]
    paths: list[Path] = []
    last: list[int] = []
    for number in range(7):
        start = last[: rng.randrange(len(last) + 1)]
        chosen = start + [rng.randrange(len(pool)) for _ in range(rng.randrange(1, 5))]
        last = chosen
        history = [
            {"created_by": f"RUN step {rng.randrange(3)} of {n}"} for n in range(len(chosen))
        ]
        make = rng.choice([docker_archive, oci_archive])
        data = make(
            [pool[n] for n in chosen],
            history=history,
            config={"created": f"2024-01-{rng.randrange(1, 5):02}T00:00:00Z"},
            tags=[f"app{number % 2}:{number}"],
        )
        paths.append(write(folder / f"{number}.tar", data))
    return paths


class Naive:
    """The slow model: every answer from sets of single entries."""

    def __init__(self, images: list[Opened]) -> None:
        self.images = images
        self.keys = [[str(layer.diff_id) for layer in opened.image.layers] for opened in images]
        self.places = Counter(key for keys in self.keys for key in keys)
        self.sizes: dict[Entry, int] = {}
        self.digests: dict[Entry, bytes] = {}
        for keys, opened in zip(self.keys, images, strict=True):
            for key, index in zip(keys, opened.indexes, strict=True):
                for entry, stored in enumerate(index.columns.stored.tolist()):
                    self.sizes[key, entry] = stored
                    if index.digests is not None and stored and entry not in index.sparse:
                        self.digests[key, entry] = index.digests[entry].tobytes()

    def claimed(self, inodes: Any, opened: Opened) -> list[tuple[int, int]]:
        """Layer and entry of each distinct inode."""
        inodes_of_image = opened.filesystem.inodes
        return sorted(
            {
                (inodes_of_image.layer(i), i - int(inodes_of_image.first[inodes_of_image.layer(i)]))
                for i in map(int, inodes)
            }
        )

    def once(self, claims: dict[int, list[tuple[int, int]]]) -> Counter[str]:
        """Bytes by layer of the contents that are claimed in every image with the layer; `claims` are by image."""
        counts: Counter[Entry] = Counter()
        for image, pairs in claims.items():
            counts.update((self.keys[image][layer], entry) for layer, entry in pairs)
        sums: Counter[str] = Counter()
        for (key, entry), count in counts.items():
            if count == self.places[key]:
                sums[key] += self.sizes[key, entry]
        return sums

    def stored(self, key: str) -> int:
        return sum(size for (layer, _), size in self.sizes.items() if layer == key)


@pytest.fixture(scope="module")
def known() -> dict[int, tuple[Fleet, Naive]]:
    """Random fleets that earlier tests read, with their slow models."""
    return {}


@pytest.fixture(params=range(4))
def both(
    request: pytest.FixtureRequest,
    known: dict[int, tuple[Fleet, Naive]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Fleet, Naive]:
    """A random fleet, and its slow model; tests only read them."""
    monkeypatch.setattr(contents, "SMALLEST", 1)
    seed: int = request.param
    if seed not in known:
        paths = write_fleet(tmp_path / "images", seed)
        opened = [open_image(Request(str(path)), Options(rules={})) for path in paths]
        known[seed] = fleet_of(tmp_path, paths), Naive(opened)
    return known[seed]


def test_totals_and_layers(both: tuple[Fleet, Naive]) -> None:
    """Stored and wasted bytes, in all images and with distinct layers counted once."""
    fleet, naive = both
    totals = fleet.answers.totals
    assert totals.stored_bytes == sum(one.accounting.stored for one in naive.images)
    assert totals.stored_once_bytes == sum(map(naive.stored, naive.places))
    assert totals.layers == sum(naive.places.values())
    assert totals.distinct_layers == len(naive.places)
    wasted = {
        n: naive.claimed(one.accounting.waste.inodes, one) for n, one in enumerate(naive.images)
    }
    assert totals.wasted_bytes == sum(one.accounting.wasted for one in naive.images)
    assert totals.wasted_once_bytes == naive.once(wasted).total()
    found = {layer.digest: layer for layer in fleet.answers.layers}
    for key, places in naive.places.items():
        assert found[key].stored_bytes == naive.stored(key)
        assert found[key].total_bytes == naive.stored(key) * places
        assert found[key].images == sum(key in keys for keys in naive.keys)


def test_rules_and_lines(both: tuple[Fleet, Naive]) -> None:
    """Their savings, in all images and with distinct layers counted once."""
    fleet, naive = both
    by_rule: dict[str, dict[int, list[tuple[int, int]]]] = defaultdict(dict)
    every: dict[int, list[tuple[int, int]]] = {}
    for number, opened in enumerate(naive.images):
        assert opened.findings is not None
        rules: dict[str, list[int]] = defaultdict(list)
        for finding in opened.findings.found:
            rules[finding.rule] += finding.inodes.tolist()
        for rule, inodes in rules.items():
            by_rule[rule][number] = naive.claimed(inodes, opened)
        inodes = [inode for found in rules.values() for inode in found]
        every[number] = naive.claimed(inodes, opened)
    answers = {rule.rule: rule for rule in fleet.answers.rules}
    assert set(answers) == set(by_rule)
    for rule, found in by_rule.items():
        size = sum(naive.sizes[naive.keys[n][layer], e] for n, pairs in found.items() for layer, e in pairs)  # fmt: skip
        assert answers[rule].images == len(found)
        assert answers[rule].bytes == size
        assert answers[rule].once_bytes == naive.once(found).total()
        assert sum(line.bytes for line in answers[rule].lines) == size
    assert fleet.answers.totals.avoidable_once_bytes == naive.once(every).total()

    once = naive.once(every)
    lines: dict[str, dict[str, Any]] = {}
    for number, opened in enumerate(naive.images):
        for layer in opened.image.layers:
            key = naive.keys[number][layer.index]
            line = lines.setdefault(
                one_line(opened.image.steps[layer.step]),
                {"images": set(), "keys": set(), "stored": 0, "avoidable": 0},
            )
            line["images"].add(number)
            line["keys"].add(key)
            line["stored"] += naive.stored(key)
            line["avoidable"] += sum(naive.sizes[key, e] for own, e in every[number] if own == layer.index)  # fmt: skip
    assert {
        one.line: (one.images, one.layers, one.stored_bytes, one.stored_once_bytes, one.avoidable_bytes, one.avoidable_once_bytes)
        for one in fleet.answers.lines
    } == {
        text: (
            len(line["images"]),
            len(line["keys"]),
            line["stored"],
            sum(map(naive.stored, line["keys"])),
            line["avoidable"],
            sum(once[key] for key in line["keys"] if claimed_by(line, key, every, naive)),
        )
        for text, line in lines.items()
    }  # fmt: skip


def claimed_by(line: dict[str, Any], key: str, every: Any, naive: Naive) -> bool:
    """Whether an image with the line does not need all of the layer that the line made."""
    return any(
        naive.keys[number][layer] == key for number in line["images"] for layer, _ in every[number]
    )


def test_sharing_and_growth(both: tuple[Fleet, Naive]) -> None:
    """Unique bytes of images and repositories, and the bytes added each day."""
    fleet, naive = both
    for number, share in enumerate(fleet.answers.shares):
        others = {key for n, keys in enumerate(naive.keys) if n != number for key in keys}
        mine = set(naive.keys[number])
        assert share.unique_bytes == sum(map(naive.stored, mine - others))
        assert share.shared_bytes == sum(map(naive.stored, mine & others))
    for repository in fleet.answers.repositories:
        mine = {key for n in repository.images for key in naive.keys[n]}
        others = {key for n, keys in enumerate(naive.keys) if n not in repository.images for key in keys}  # fmt: skip
        assert repository.stored_once_bytes == sum(map(naive.stored, mine))
        assert repository.unique_bytes == sum(map(naive.stored, mine - others))
    seen: set[str] = set()
    days = sorted({str(one.image.created)[:10] for one in naive.images})
    assert [day.date for day in fleet.answers.growth] == days
    for day in fleet.answers.growth:
        new = {
            key
            for keys, one in zip(naive.keys, naive.images, strict=True)
            if str(one.image.created).startswith(str(day.date))
            for key in keys
        } - seen
        seen |= new
        assert day.added_bytes == sum(map(naive.stored, new))
        assert day.stored_once_bytes == sum(map(naive.stored, seen))


def test_duplicates(both: tuple[Fleet, Naive]) -> None:
    """Contents that distinct layers store several times."""
    fleet, naive = both
    found: dict[bytes, list[Entry]] = defaultdict(list)
    for entry, digest in naive.digests.items():
        if any(digest):
            found[digest[:16]].append(entry)
    expected = {
        digest.hex(): (
            len(entries),
            len({key for key, _ in entries}),
            sum(any(key in keys for key, _ in entries) for keys in naive.keys),
            naive.sizes[entries[0]] * (len(entries) - 1),
        )
        for digest, entries in found.items()
        if len(entries) > 1
    }
    rows = list(fleet.results.rows(DuplicateRow))
    assert {
        row.digest: (row.copies, row.layers, row.images, row.saved_bytes) for row in rows
    } == expected
    assert fleet.answers.duplicates.saved_bytes == sum(saved for *_, saved in expected.values())
    assert all(row.path for row in rows)


ROOT = layer_tar([file("etc/os-release", b"ID=x\n")])


def image(folder: Path, name: str, base: bytes, made: str, *layers: bytes) -> Path:
    """An image on a base that was created at a given time."""
    history: list[Mapping[str, object]] = [
        {"created": made, "created_by": f"ADD rootfs-{made}.tar /"},
        {"created": made, "created_by": 'CMD ["sh"]', "empty_layer": True},
        *({"created": "2025-01-01T00:00:00Z", "created_by": "RUN make"} for _ in layers),
    ]
    return write(
        folder / f"{name}.tar", docker_archive([base, *layers], history=history, tags=[f"{name}:1"])
    )


def test_bases_and_outdated_images(tmp_path: Path) -> None:
    """Versions of a base have equal steps, apart from numbers; the newest is the one created last."""
    newer = layer_tar([file("etc/os-release", b"ID=x\nVERSION=2\n")])
    app = [layer_tar([file("app", b"%d" % number)]) for number in range(3)]
    paths = [
        image(tmp_path, "a", ROOT, "2024-01-01T00:00:00Z", app[0]),
        image(tmp_path, "b", newer, "2024-03-01T00:00:00Z", app[1]),
        image(tmp_path, "c", ROOT, "2024-01-01T00:00:00Z", app[2]),
    ]
    (base,) = fleet_of(tmp_path, paths).answers.bases
    assert (base.images, base.lagging_images) == (3, 2)
    assert [(one.images, one.newest, str(one.created)[:10]) for one in base.versions] == [
        ([1], True, "2024-03-01"),
        ([0, 2], False, "2024-01-01"),
    ]
    assert [one.unique_bytes for one in base.versions] == [16, 7]


STATUS = b"Package: curl\nStatus: install ok installed\nVersion: 8\nArchitecture: all\n\n"


def test_packages(tmp_path: Path) -> None:
    """A package counts once for each layer that stores it."""
    members = [
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n"),
        file("usr/bin/curl", b"c" * 900),
    ]
    base = layer_tar(members)
    other = layer_tar([*members[:2], file("usr/bin/curl", b"d" * 700)])
    top = layer_tar([file("a", b"a")])
    paths = [
        write(tmp_path / "0.tar", docker_archive([base])),
        write(tmp_path / "1.tar", docker_archive([base, top])),
        write(tmp_path / "2.tar", docker_archive([other])),
    ]
    (curl,) = fleet_of(tmp_path, paths).answers.packages
    single = [
        open_image(Request(str(path)), Options(rules={})).findings.packages[0].bytes  # type: ignore[union-attr]
        for path in paths
    ]
    assert (curl.type, curl.name, curl.images) == ("dpkg", "curl", 3)
    assert curl.bytes == sum(single)
    assert curl.once_bytes == single[0] + single[2]
    assert [(one.version, one.images) for one in curl.versions] == [("8", 3)]


def rebuilt(folder: Path, name: str, line: str, *members: Member) -> Path:
    """An image in which a step adds these files to the same base."""
    history = [{"created_by": "COPY rootfs /"}, {"created_by": line}]
    return write(
        folder / f"{name}.tar", docker_archive([ROOT, layer_tar(members)], history=history)
    )


def test_the_same_content_under_different_digests(tmp_path: Path) -> None:
    """Layers that differ in times, modes or order only are one build, with what differs."""
    data = b"x" * 100
    paths = [
        rebuilt(tmp_path, "a", "COPY . /app", file("app/a", data, mtime=1), file("app/b", b"1")),
        rebuilt(tmp_path, "b", "COPY . /app", file("app/a", data, mtime=2), file("app/b", b"1")),
        rebuilt(tmp_path, "c", "COPY src /app", file("app/b", b"1", mode=0o600), file("app/a", data, mtime=1)),
        rebuilt(tmp_path, "d", "COPY . /app", file("app/a", data[:-1] + b"y"), file("app/b", b"1")),
    ]  # fmt: skip
    (build,) = fleet_of(tmp_path, paths).answers.builds
    assert build.same_content
    assert (len(build.layers), build.images) == (3, 3)
    assert (build.stored_bytes, build.again_bytes) == (303, 202)
    assert (build.differs.added, build.differs.modified) == (0, 0)
    assert set(build.differs.attributes) == {"mtime", "mode"}


def test_a_run_that_is_not_reproducible(tmp_path: Path) -> None:
    """A RUN made other files on the same layers; a COPY of other sources is not a rebuild."""
    paths = [
        rebuilt(tmp_path, "a", "RUN make", file("app/log", b"1"), directory("app/x")),
        rebuilt(tmp_path, "b", "RUN make", file("app/log", b"2"), directory("app/x")),
        rebuilt(tmp_path, "c", "COPY . /", file("app/src", b"1")),
        rebuilt(tmp_path, "d", "COPY . /", file("app/src", b"2")),
    ]
    (build,) = fleet_of(tmp_path, paths).answers.builds
    assert not build.same_content
    assert build.line == "RUN make"
    assert build.differs.modified == 1
    assert build.differs.paths == ["app/log"]
    assert build.differs.attributes == ["content"]


def test_layers_of_one_image_are_not_builds_of_each_other(tmp_path: Path) -> None:
    """A COPY and its chown have the same content; in two images, they are two builds."""

    def copied_and_changed(name: str, time: int, *more: bytes) -> Path:
        layers = [
            layer_tar([file("app/a", b"x" * 100, mtime=time)]),
            layer_tar([file("app/a", b"x" * 100, mtime=time, uid=5)]),
        ]
        history = [{"created_by": line} for line in ("COPY rootfs /", "COPY . /app", "RUN chown")]
        history += [{"created_by": "RUN more"} for _ in more]
        return write(
            tmp_path / f"{name}.tar", docker_archive([ROOT, *layers, *more], history=history)
        )

    one, again = (
        copied_and_changed("one", 1),
        copied_and_changed("again", 1, layer_tar([file("b")])),
    )
    other = copied_and_changed("other", 2)
    assert not fleet_of(tmp_path, [one]).answers.builds
    assert not fleet_of(tmp_path, [one, again]).answers.builds
    builds = fleet_of(tmp_path, [one, again, other]).answers.builds
    assert {(build.line, len(build.layers), build.images) for build in builds} == {
        ("COPY . /app", 2, 3),
        ("RUN chown", 2, 3),
    }


def test_builds_are_of_different_images(both: tuple[Fleet, Naive]) -> None:
    """No image has two layers of one answer."""
    fleet, naive = both
    for build in fleet.answers.builds:
        assert len(build.layers) > 1
        for keys in naive.keys:
            assert len(set(build.layers).intersection(keys)) <= 1


def test_layers_that_delete_other_paths_are_not_the_same(tmp_path: Path) -> None:
    """Even if their files are equal."""
    paths = [
        rebuilt(tmp_path, "a", "COPY . /", whiteout("etc/ab"), file("x", b"1")),
        rebuilt(tmp_path, "b", "COPY . /", whiteout("ab/etc"), file("x", b"1")),
    ]
    assert not fleet_of(tmp_path, paths).answers.builds


def test_a_fleet_without_readable_images(tmp_path: Path) -> None:
    """All answers are empty."""
    answers = fleet_of(tmp_path, [tmp_path / "none.tar"]).answers
    assert answers.totals.failed_images == 1
    assert not answers.layers
    assert not answers.growth
