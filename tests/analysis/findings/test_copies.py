"""Removal of copies: each content keeps one file, and no file is removed twice."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerscope.analysis import evidence
from layerscope.analysis.findings.rules import duplicate_files
from layerscope.opening.open import Options, open_image
from layerscope.settings import RuleChoice
from layerscope.sources import Request
from tests.analysis.findings.rule_images import findings_of, opened_of
from tests.images import Member, docker_archive, file, layer_tar, write

RULES = ("duplicate-directories", "duplicate-files")
OTHERS = ("pip-cache", "apt-lists", "debug-symbols")
"""Rules that claim what the images below have copies of."""
COPY = "COPY . / # buildkit"
_TOP = st.sampled_from(["p", "q", "r", "p/s", "q/s"])
_NAME = st.sampled_from(["a", "b", "a/c", "b/c", "b/c/d"])
_FILE = st.tuples(_TOP, _NAME, st.sampled_from(["x", "y"]))
_FILES = st.dictionaries(
    _FILE, st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=2, max_size=30
)
"""Files, each with the number of its content and the layer that stores it."""


@pytest.fixture
def smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds that drop no finding."""
    monkeypatch.setattr(evidence, "_NEAR_BYTES", 1)
    monkeypatch.setattr(evidence, "_TREE_BYTES", 1)
    monkeypatch.setattr(duplicate_files, "_MIN_FILE_BYTES", 1)


def claims(layers: list[list[Member]]) -> list[str]:
    """The paths claimed by the rules about copies, with repetitions."""
    return [path for rule, path in all_claims(layers) if rule in RULES]


def all_claims(layers: list[list[Member]]) -> list[tuple[str, str]]:
    """The rules and the paths that they claim, with repetitions."""
    with tempfile.TemporaryDirectory() as folder:
        history = [{"created_by": COPY} for _ in layers]
        archive = docker_archive([layer_tar(members) for members in layers], history=history)
        path = write(Path(folder) / "image.tar", archive)
        choices = {name: RuleChoice(min_bytes=0) for name in (*RULES, *OTHERS)}
        opened = open_image(Request(str(path)), Options(rules=choices))
    table = opened.filesystem.table
    return [
        (finding.rule, path.decode())
        for finding in findings_of(opened).found
        for path in table.full_paths(finding.paths)
    ]


@pytest.mark.usefixtures("smallest")
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=_FILES)
def test_each_content_keeps_a_file_and_no_file_is_claimed_twice(
    files: dict[tuple[str, str, str], tuple[int, int]],
) -> None:
    """However trees overlap, all files of each content but one are removed. With thresholds of 0, the naive answer is exact."""
    layers: list[list[Member]] = [[], [], []]
    places: defaultdict[int, set[str]] = defaultdict(set)
    for (top, name, leaf), (content, layer) in files.items():
        path = f"{top}/{name}/{leaf}.js"
        layers[layer].append(file(path, b"%d" % content * (content + 10)))
        places[content].add(path)
    claimed = claims([members for members in layers if members])
    assert len(claimed) == len(set(claimed))
    for paths in places.values():
        assert len(paths - set(claimed)) == 1


_CLAIMED = st.sampled_from(["p", "q", "p/s", "root/.cache/pip", "var/lib/apt/lists"])
_KIND = st.sampled_from(["js", "js", "debug"])


@pytest.mark.usefixtures("smallest")
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    files=st.dictionaries(
        st.tuples(_CLAIMED, _NAME, st.sampled_from(["x", "y"]), _KIND),
        st.tuples(st.integers(0, 5), st.integers(0, 2)),
        min_size=2,
        max_size=30,
    )
)
def test_the_copy_that_stays_is_not_claimed_by_another_finding(
    files: dict[tuple[str, str, str, str], tuple[int, int]],
) -> None:
    """Each content with a file that no other rule claims keeps one such file after all fixes."""
    layers: list[list[Member]] = [[], [], []]
    places: defaultdict[int, set[str]] = defaultdict(set)
    for (top, name, leaf, kind), (content, layer) in files.items():
        path = f"{top}/{name}/{leaf}.{kind}"
        layers[layer].append(file(path, b"%d" % content * (content + 10)))
        places[content].add(path)
    all_paths = all_claims([members for members in layers if members])
    others = {path for rule, path in all_paths if rule not in RULES}
    copies = [path for rule, path in all_paths if rule in RULES]
    assert len(copies) == len(set(copies))
    assert not others & set(copies)
    for paths in places.values():
        assert len(paths - others - set(copies)) == min(len(paths - others), 1)


@pytest.mark.parametrize("tops", [("root/.cache/pip",), ("root/.cache/pip", "home/me/.cache/pip")])
@pytest.mark.parametrize("apart", [False, True])
def test_a_file_in_a_cache_is_not_a_copy_to_keep(tops: tuple[str, ...], apart: bool) -> None:
    """The cache is removed, so the other file becomes the only one."""
    model = b"m" * 1_200_000
    names = [*(f"{top}/x" for top in tops), "srv/model.bin"]
    members = [file(name, model) for name in names]
    steps = [[member] for member in members] if apart else [members]
    findings = findings_of(opened_of([("RUN make # buildkit", step) for step in steps]))
    assert {finding.rule for finding in findings.found} == {"pip-cache"}
    assert findings.saving() == len(model) * len(tops)


def test_a_copy_in_a_cache_is_not_the_one_that_stays() -> None:
    """The first copy in path order is in a cache, so the third one becomes a link to the second."""
    names = ["root/.cache/pip/x", "srv/a.bin", "srv/b.bin"]
    members = [file(name, b"m" * 1_200_000) for name in names]
    findings = findings_of(opened_of([("/bin/sh -c make", members)]))
    (copy,) = [finding for finding in findings.found if finding.rule == "duplicate-files"]
    assert copy.fix.endswith("RUN make \\\n    && ln -f /srv/a.bin /srv/b.bin")
    assert findings.saving() == 2_400_000


def test_a_directory_outside_a_cache_is_kept() -> None:
    """The copy in the cache is claimed by the rule about caches alone."""
    members = [*vendor("root/.cache/pip/v"), *vendor("srv/v"), *vendor("usr/local/v")]
    assert sorted(
        (finding.rule, finding.title, finding.bytes)
        for finding in findings_of(opened_of([("RUN make # buildkit", members)])).found
    ) == [
        ("duplicate-directories", "/usr/local is identical to /srv", 30 * 120_000),
        ("pip-cache", "pip cache left in the image", 30 * 120_000),
    ]


FILES = {f"lib{number % 3}/{number}.js": b"%d" % number * 60_000 for number in range(10, 40)}


def vendor(top: str, changed: str = "") -> list[Member]:
    """A tree of 30 files of 120,000 bytes each; one may be changed."""
    return [
        file(f"{top}/{name}", data + b"changed" * name.endswith(f"/{changed}.js"))
        for name, data in FILES.items()
    ]


def described(*steps: tuple[str, list[Member]]) -> list[tuple[str, int, int]]:
    """Titles of findings about copies, with their bytes and first layers; the findings save the sum of their bytes."""
    findings = findings_of(opened_of([(f"{COPY} {name}", members) for name, members in steps]))
    found = [finding for finding in findings.found if finding.rule in RULES]
    assert findings.saving() == sum(finding.bytes for finding in found)
    return [(finding.title, finding.bytes, finding.layers[0]) for finding in found]


def test_a_part_that_an_earlier_layer_stores_is_not_claimed_in_both() -> None:
    """The directory of the higher layer is removed, although one part of the other comes from a still higher layer."""
    late, early = vendor("b/vendor", "13"), vendor("c/vendor")
    part = [member for member in late if b"/lib2/" in member.name]
    rest = [member for member in late if member not in part]
    steps = [("1", part), ("2", early), ("3", rest)]
    assert described(*steps) == [
        ("/b/vendor is nearly identical to /c/vendor (97 % of its bytes)", 29 * 120_000, 2)
    ]


def test_a_changed_third_copy_is_a_separate_finding() -> None:
    """The exact copy is one finding, and the changed copy is another."""
    steps = [("1", vendor("a/vendor")), ("2", vendor("b/vendor")), ("3", vendor("c/vendor", "13"))]
    assert sorted(described(*steps)) == [
        ("/b is identical to /a", 30 * 120_000, 1),
        ("/c/vendor is nearly identical to /b/vendor (97 % of its bytes)", 29 * 120_000, 2),
    ]


def test_a_part_keeps_one_copy_when_its_representatives_are_removed() -> None:
    """Two pairs of directories share a file that exists four times: the rule about files removes one more, and one stays."""

    def tree(top: str, kind: bytes, odd: bytes) -> list[Member]:
        own = [file(f"{top}/{n}", kind + b"%d" % n * 60_000) for n in range(10, 20)]
        part = [file(f"{top}/p/part/x", b"x" * 90_000), file(f"{top}/p/own", kind * 60_000)]
        return [*own, *part, file(f"{top}/odd", odd * 9000)]

    kept = [*tree("b/v", b"v", b"1"), *tree("d/w", b"w", b"2")]
    later = [*tree("a/v", b"v", b"3"), *tree("c/w", b"w", b"4")]
    claimed = claims([kept, later])
    assert len(claimed) == len(set(claimed))
    assert sorted(path for path in claimed if path.endswith("/x")) == [
        "a/v/p/part/x",
        "c/w/p/part/x",
        "d/w/p/part/x",
    ]


def test_half_equal_directories_are_no_near_copies() -> None:
    """Three fifths in common are too few; the equal files are reported one by one."""
    half = [
        file(f"{top}/{number}", b"%d" % number * 60_000 + top.encode() * (number >= 28))
        for top in ("a/v", "b/v")
        for number in range(10, 40)
    ]
    ((title, size, _),) = described(("1", half))
    assert (title, size) == ("Layer 0 stores 18 duplicates of large files", 18 * 120_000)
