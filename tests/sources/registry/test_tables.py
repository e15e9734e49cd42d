"""Layers whose manifest vouches for a table of contents are not fetched: neither for their tree nor for one file."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerscope import cli
from layerscope.filesystem.model import Filesystem
from layerscope.layers.toc import contents
from layerscope.layers.toc.tables_of_contents import SMALL
from layerscope.opening import open as opening
from layerscope.opening.open import Listener, Options, analyse
from layerscope.sources import Request, open_source
from tests.cli.running import Ran
from tests.images import Member, digest, directory, file, hardlink, symlink, whiteout
from tests.placed_layers import placed_chunked, placed_estargz
from tests.sources.registry.server import Registry
from tests.strategies import wild_layers
from tests.toc_images import TocLayer, plain_layer, toc_files, write_image

NOISE = random.Random(1)
BASE = [
    directory("etc"),
    file("etc/passwd", b"root:x:0:0\n", mtime=5),
    file("noise", NOISE.randbytes(700_000), mode=0o4755),
    file("other", NOISE.randbytes(1_500_000)),
    file("holes", NOISE.randbytes(9000) + bytes(200_000) + b"end"),
    file("small", b"small\n" * 20),
    file("empty"),
    hardlink("same", "noise"),
    symlink("link", "etc/passwd"),
]
TOP = [file("etc/passwd", b"root:x:0:1\n", mtime=6), whiteout("small"), file("new", b"1" * 5000)]
WRITERS: dict[str, Callable[..., TocLayer]] = {
    "estargz": placed_estargz,
    "estargz in chunks": partial(placed_estargz, chunk=50_000),
    "estargz with shared members": partial(placed_estargz, shared=1000),
    "zstd:chunked": placed_chunked,
    "zstd:chunked without a place": partial(placed_chunked, place=False),
}
every_writer = pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)


class Pair:
    """The same image in a registry and in an archive."""

    def __init__(
        self, registry: Registry, folder: Path, streams: pytest.CaptureFixture[bytes]
    ) -> None:
        self.registry = registry
        self._folder = folder
        self._streams = streams
        self.layers: Sequence[TocLayer] = ()

    def push(self, *layers: TocLayer) -> None:
        """Make it of these layers."""
        self.layers = layers
        self.registry.repository().push(toc_files(layers))
        write_image(self._folder, layers)

    def run(self, *words: str) -> Ran:
        """Run any command."""
        code = cli.run(words)
        out, err = self._streams.readouterr()
        return Ran(code, out.decode("latin-1"), err.decode())

    def both(self, command: str, *words: str) -> tuple[Ran, Ran]:
        """How a command ends on each of them. The registry's counters hold what it asked."""
        alone = self.alone(command, *words)
        there = self.run(command, self.archive, *words)
        out = there.out.replace(self.archive, self.registry.reference())
        return alone, there._replace(out=out)

    def alone(self, command: str, *words: str) -> Ran:
        """How a command ends on that in the registry, which nothing is known of yet."""
        self.registry.asked.clear()
        self.registry.headers.clear()
        self.registry.sent = 0
        return self.run(command, self.registry.reference(), *words, "--no-cache")

    @property
    def archive(self) -> str:
        """The file of the other one."""
        return str(self._folder / "image.tar")

    def whole(self) -> int:
        """Number of requests for a whole layer, but for those that are smaller than their footer with what is before it."""
        layers = {digest_of(layer) for layer in self.layers if len(layer.blob) > SMALL}
        return sum(
            line.rpartition("/")[2] in layers and "Range" not in headers
            for line, headers in zip(self.registry.asked, self.registry.headers, strict=True)
        )


def digest_of(layer: TocLayer) -> str:
    """The digest of a layer's blob."""
    return digest(layer.blob)


@pytest.fixture
def pair(registry: Registry, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Pair:
    """An image that is to be pushed."""
    return Pair(registry, tmp_path, capsysbinary)


@every_writer
def test_listings_come_from_the_tables(pair: Pair, make: Callable[..., TocLayer]) -> None:
    """Manifest, config, and one request a layer, as its table is within its last bytes or its place is known."""
    pair.push(make(BASE), make(TOP))
    for words in (("-R",), ("-R", "--layer", "0"), ("/etc",)):
        here, there = pair.both("ls", *words)
        assert here == there
        assert here.code == 0
        assert pair.whole() == 0
        assert len(pair.registry.asked) == 4
        assert pair.registry.sent < 150_000


@every_writer
def test_logs_come_from_the_tables(pair: Pair, make: Callable[..., TocLayer]) -> None:
    """Changes are told from metadata by the digests in the tables."""
    pair.push(make(BASE), make([*TOP, file("noise", BASE[2].data, mode=0o755)]))
    here, there = pair.both("log", "etc/passwd", "small", "noise", "--format", "json")
    assert here == there
    assert pair.whole() == 0
    assert pair.registry.sent < 150_000


@every_writer
def test_one_file_is_fetched_alone(pair: Pair, make: Callable[..., TocLayer]) -> None:
    """One request more, for the bytes that hold it; none if they came with the table, or in a small layer."""
    pair.push(make(BASE), make(TOP))
    for path, most in (
        ("/holes", 12_000),
        ("/etc/passwd", 700),
        ("/noise", 710_000),
        ("/empty", 0),
    ):
        here, there = pair.both("cat", path)
        assert here == there
        assert here.code == 0
        assert pair.whole() == 0
        assert len(pair.registry.asked) <= 4 + (path in ("/holes", "/noise"))
        assert pair.registry.sent < 150_000 + most


@every_writer
def test_files_are_extracted_by_their_places(
    pair: Pair, make: Callable[..., TocLayer], tmp_path: Path
) -> None:
    """Adjacent ones in one request; if nearly all is wanted, the layer."""
    pair.push(make(BASE), make(TOP))
    for words in (("/etc", "/new"), ("/etc", "/holes", "/same"), ("/",)):
        folders = [tmp_path / "here", tmp_path / "there"]
        pair.alone("extract", *words, "-o", str(folders[0]))
        assert pair.whole() == 0
        assert len(pair.registry.asked) <= 7
        assert cli.run(["extract", str(tmp_path / "image.tar"), *words, "-o", str(folders[1]), "--force"]) == 0  # fmt: skip
        assert files(folders[0]) == files(folders[1])
        for folder in folders:
            assert cli.run(["extract", str(tmp_path / "image.tar"), "/", "-o", str(folder), "--force"]) == 0  # fmt: skip
            shutil.rmtree(folder)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of all below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() and not path.is_symlink() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def test_one_file_of_a_large_layer_costs_a_fiftieth_of_it(pair: Pair) -> None:
    """Of 12 MB here; a table and 64 KiB of the end are most of it."""
    large = [file(f"f{number}", NOISE.randbytes(100_000)) for number in range(120)]
    for make in (placed_estargz, placed_chunked):
        layer = make(large)
        pair.push(layer)
        ran = pair.alone("cat", "/f60")
        assert ran.code == 0
        assert pair.registry.sent <= 0.02 * len(layer.blob)


def test_layers_without_a_claim_are_fetched_once_and_nothing_else(pair: Pair) -> None:
    """A table that the manifest does not vouch for is not believed, however right."""
    layer = placed_estargz(BASE)
    pair.push(TocLayer(layer.tar, layer.blob), plain_layer(TOP))
    here, there = pair.both("ls", "-R")
    assert here == there
    assert pair.whole() == 1
    assert len(pair.registry.asked) <= 5  # the check of the table takes one more


def test_a_whole_report_fetches_layers_whole(pair: Pair) -> None:
    """Its figures are those of the tars, and verified."""
    pair.push(placed_estargz(BASE), placed_chunked(TOP))
    assert pair.alone("report").code == 0
    assert pair.whole() == 1
    assert len(pair.registry.asked) <= 10  # five for what is beside it, one to check the table


def wrong_digest(layer: TocLayer) -> TocLayer:
    """A layer whose manifest claims another table."""
    annotations = {
        key: "sha256:" + "0" * 64 if value.startswith("sha256:") else value
        for key, value in layer.annotations.items()
    }
    return TocLayer(layer.tar, layer.blob, annotations, layer.media_type)


@pytest.mark.parametrize("make", [placed_estargz, placed_chunked])
def test_a_table_that_is_not_as_claimed_is_not_used(
    pair: Pair, make: Callable[..., TocLayer]
) -> None:
    """The layer is fetched instead."""
    layer = wrong_digest(make(BASE))
    pair.push(layer)
    here, there = pair.both("cat", "/etc/passwd")
    assert here == there
    assert here.code == 0
    assert pair.whole() >= 1


def test_a_claimed_table_that_is_not_there_is_not_used(pair: Pair) -> None:
    """As if nothing was claimed."""
    layer = plain_layer(BASE)
    for claims in (placed_estargz(BASE).annotations, placed_chunked(BASE).annotations):
        pair.push(TocLayer(layer.tar, layer.blob, claims))
        here, there = pair.both("ls", "-R")
        assert here == there
        assert pair.whole() == 1


LIES: dict[str, dict[str, Any]] = {
    "another place": {"offset": 1000},
    "a place of another file": {"offset": 40},
    "beyond the end": {"offset": 1 << 40},
    "no place": {"offset": 0},
    "a place inside it": {"innerOffset": 100_000},
    "a place far inside it": {"innerOffset": (1 << 63) - 1},
    "another name for a part": {"chunkDigest": "sha256:" + "0" * 64},
    "parts that do not fit": {"chunkSize": 7},
    "an end before its start": {"endOffset": 3},
    "an end beyond everything": {"endOffset": 1 << 60},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("make", [placed_estargz, placed_chunked])
def test_a_wrong_place_is_found_out(
    pair: Pair, make: Callable[..., TocLayer], lie: dict[str, Any]
) -> None:
    """The content is the right one, from the layer if it has to be."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] in ("holes", "noise") and entry["type"] == "reg":
                entry.update(lie)

    pair.push(make(BASE, change))
    for path in ("/noise", "/holes"):
        here, there = pair.both("cat", path)
        assert here == there
        assert here.code == 0


@pytest.mark.parametrize("make", [placed_estargz, placed_chunked])
def test_a_content_that_is_not_in_the_layer_is_an_error(
    pair: Pair, make: Callable[..., TocLayer]
) -> None:
    """Nothing of it is printed; other files are."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] == "small":
                entry["digest"] = "sha256:" + "1" * 64

    pair.push(make(BASE, change))
    ran = pair.alone("cat", "/small", "/etc/passwd")
    assert ran.code == 3
    assert ran.out == "root:x:0:0\n"
    assert "/small: the table of contents of its layer is wrong" in ran.err
    assert "Traceback" not in ran.err


def test_streamed_contents_are_checked_too(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large part, all but the last bytes are given out before the check."""
    monkeypatch.setattr(contents, "HELD", 1 << 18)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] == "other":
                entry["digest"] = "sha256:" + "1" * 64

    pair.push(placed_estargz(BASE))
    here, there = pair.both("cat", "/other")
    assert here == there or here.out == there.out
    pair.push(placed_estargz(BASE, change))
    ran = pair.alone("cat", "/other")
    assert ran.code == 3
    assert "is wrong" in ran.err


def test_a_registry_without_ranges_sends_the_layer_once(pair: Pair) -> None:
    """Table and content come from the copy."""
    pair.registry.ranges = False
    pair.push(placed_estargz(BASE))
    here, there = pair.both("cat", "/etc/passwd")
    assert here == there
    assert here.code == 0
    assert pair.whole() == 1


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    layers=wild_layers(), kinds=st.lists(st.sampled_from(sorted(WRITERS)), min_size=8, max_size=8)
)
def test_any_image_is_the_same_from_its_tables(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, layers: list[list[Member]], kinds: list[str]
) -> None:
    """Listings, logs and contents, but for names and types that tables cannot say."""
    monkeypatch.setattr(opening, "SMALL", 0)
    made = [
        WRITERS[kind](list(filter(sayable, members)))
        for members, kind in zip(layers, kinds, strict=False)
    ]
    pair.push(*made)
    for command, words in (("ls", ("-R",)), ("log", ("**",)), ("cat", ("**",))):
        here, there = pair.both(command, *words)
        assert here == there


def sayable(member: Member) -> bool:
    """Whether a table can list a member as it is."""
    try:
        member.name.decode()
        member.link.decode()
    except UnicodeDecodeError:
        return False
    known = member.type in b"0\x0012356" and member.type != b""
    return known and member.mtime == int(member.mtime)


class Seen(Listener):
    """What was asked until the expected tree was shown."""

    wants_expected = True

    def __init__(self, registry: Registry) -> None:
        self.asked: list[str] | None = None
        self._registry = registry

    def expected(self, filesystem: Filesystem) -> None:
        assert len(filesystem.table) > 1
        self.asked = list(self._registry.asked)


def explored(registry: Registry) -> list[str] | None:
    """Open an image as the explorer does; returns what was asked until the expected tree was shown, None if it was not."""
    request, seen = Request(registry.reference()), Seen(registry)
    registry.asked.clear()
    registry.sent = 0
    analyse(request, open_source(request), Options(), seen)
    return seen.asked


def large(number: int) -> list[Member]:
    """A layer of 3 MB."""
    return [file(f"{number}/{at}", NOISE.randbytes(100_000)) for at in range(30)]


def test_the_explorer_shows_the_tree_before_it_fetches_a_layer(registry: Registry) -> None:
    """Two requests for the tables, whose layers are checked against them without another one."""
    layers = [placed_estargz(large(0)), placed_chunked(large(1))]
    registry.repository().push(toc_files(layers))
    assert len(explored(registry) or ()) == 4
    assert len(registry.asked) == 6
    assert registry.sent < sum(len(layer.blob) for layer in layers) + 150_000


def test_layers_without_a_table_are_never_asked_for_their_footers(registry: Registry) -> None:
    """Each layer is fetched once, and its end is remembered."""
    layers = [plain_layer(large(0)), plain_layer(large(1)), plain_layer(TOP)]
    registry.repository().push(toc_files(layers))
    assert explored(registry) is None
    assert len(registry.asked) == 7  # two for referrers
    layers = [placed_estargz([*large(0), *large(2)]), plain_layer(large(1))]
    registry.repository().push(toc_files(layers))
    assert len(explored(registry) or ()) in (4, 5)  # it waits for the layer without one
    assert len(registry.asked) == 5  # one small layer is not worth the question


def report(pair: Pair, *words: str) -> Any:
    """The JSON report without layers."""
    ran = pair.alone("report", "--headers-only", "--format", "json", "--files", *words)
    assert ran.code == 0, ran.err
    assert pair.whole() == 0
    return json.loads(ran.out)


def test_headers_only_reports_all_figures_that_tables_have(pair: Pair) -> None:
    """They are those of the archive; what only layers can say is null."""
    pair.push(placed_estargz(BASE), placed_chunked([*TOP, *large(1)]))
    found = report(pair)
    archive = pair.run("report", pair.archive, "--format", "json", "--files")
    there = json.loads(archive.out)
    for key in ("tarBytes", "avoidableBytes", "avoidableOwnBytes"):
        assert found["totals"].pop(key) is None
        there["totals"].pop(key)
    assert found["totals"] == there["totals"]
    assert found["waste"] == there["waste"]
    assert found["duplicates"] == there["duplicates"]
    for here, other in zip(found["layers"], there["layers"], strict=True):
        assert here.pop("verified") is here.pop("tarBytes") is None
        assert here.pop("extent") == "listed"
        assert {key: other[key] for key in here} == here
    assert [warning["code"] for warning in found["warnings"]] == ["headers-only"]
    assert len(pair.registry.asked) == 4


def test_headers_only_never_sums_up_what_it_does_not_know(pair: Pair) -> None:
    """One layer without a table: totals are null, and each layer says what it is from."""
    layers = [placed_estargz(BASE), plain_layer(large(1)), placed_chunked(TOP), wrong_digest(placed_estargz(large(2)))]  # fmt: skip
    pair.push(*layers)
    found = report(pair)
    totals = found["totals"]
    assert totals["unknownLayers"] == 2
    assert totals["compressedBytes"] == sum(len(layer.blob) for layer in layers)
    known = {"layers", "unknownLayers", "steps", "compressedBytes"}
    assert {key for key, value in totals.items() if value is not None} == known
    assert [layer["extent"] for layer in found["layers"]] == ["listed", "unknown", "listed", "unknown"]  # fmt: skip
    assert [layer["storedBytes"] is None for layer in found["layers"]] == [False, True, False, True]
    for layer in found["layers"]:
        assert layer["verified"] is layer["tarBytes"] is layer["wastedBytes"] is layer["files"] is None  # fmt: skip
    assert found["waste"] is None
    codes = [(warning["code"], warning["layer"]) for warning in found["warnings"]]
    assert codes == [("headers-only", None), ("layer-unknown", 1), ("layer-unknown", 3), ("toc-unusable", 3)]  # fmt: skip
    ran = pair.alone("report", "--headers-only")
    assert "2 of 4 layers unknown" in " ".join(ran.out.split())
    assert "efficiency" not in ran.out
    assert " wasted" not in ran.out.replace("stored, wasted", "")
    for words in (("ls",), ("log", "etc/passwd")):
        ran = pair.alone(words[0], *words[1:], "--headers-only")
        assert ran.code == 0
        assert "unknown layers: 1, 3; leave out --headers-only" in ran.err
        assert pair.whole() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cat", "/0/0"), "/0/0: no such path in the known layers"),
        (("ls", "/1/*"), "/1/*: no such path in the known layers"),
        (("extract", "etc/nothing"), "etc/nothing: no such path in the known layers"),
        (("log", "0/0"), "no known layer has changes of 0/0"),
    ],
)
def test_a_path_that_may_be_in_an_unknown_layer_is_not_said_to_be_missing(
    pair: Pair, words: tuple[str, ...], said: str
) -> None:
    """The layers that it may be in are named, and how to read them."""
    pair.push(placed_estargz(BASE), plain_layer(large(0)))
    ran = pair.alone(*words, "--headers-only")
    assert ran.code == 1
    assert said in ran.err
    assert ran.err.count("unknown layers: 1; leave out --headers-only to fetch them") == 2
    assert pair.whole() == 0


def test_a_path_after_known_layers_is_missing_whatever_comes_later(pair: Pair) -> None:
    """Only layers that could have it count."""
    pair.push(placed_estargz(BASE), plain_layer(large(0)))
    ran = pair.alone("cat", "/0/0", "--layer", "0", "--headers-only")
    assert "/0/0: no such path in the image" in ran.err


def test_headers_only_holds_where_ranges_are_not_sent(pair: Pair) -> None:
    """A table that would take the whole layer is not read; neither is a file."""
    pair.push(placed_estargz(BASE))
    pair.registry.ranges = False
    found = report_of_any(pair)
    assert [layer["extent"] for layer in found["layers"]] == ["unknown"]
    pair.registry.ranges = True

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            entry["offset"] = 0

    pair.push(placed_estargz(BASE, change))
    ran = pair.alone("cat", "/noise", "--headers-only")
    assert ran.code == 3
    assert "the layer would have to be fetched" in ran.err
    assert pair.whole() == 0


def report_of_any(pair: Pair) -> Any:
    """The JSON report, whatever was asked for."""
    return json.loads(pair.alone("report", "--headers-only", "--format", "json").out)


def test_headers_only_does_not_depend_on_the_cache(pair: Pair, tmp_path: Path) -> None:
    """The same bytes before and after all layers were read."""
    pair.push(placed_estargz(BASE), plain_layer(large(1)))
    words = ("report", pair.registry.reference(), "--format", "json")
    first = pair.run(*words, "--headers-only")
    assert pair.run(*words).code == 0
    assert pair.run(*words, "--headers-only") == first


def test_headers_only_is_refused_where_formats_cannot_say_what_is_unknown(pair: Pair) -> None:
    """Before anything is asked."""
    pair.push(placed_estargz(BASE))
    for name in ("markdown", "html", "csv", "junit", "sarif", "github"):
        assert pair.alone("report", "--headers-only", "--format", name).code == 2
        assert not pair.registry.asked


def test_such_a_report_is_no_baseline(pair: Pair, tmp_path: Path) -> None:
    """It has no findings, and perhaps no totals."""
    pair.push(placed_estargz(BASE))
    kept = tmp_path / "baseline.json"
    ran = pair.alone("report", "--headers-only", "--format", "json", "--output", str(kept))
    assert ran.code == 0
    ran = pair.run("ci", pair.archive, "--baseline", str(kept))
    assert ran.code == 2
    assert "made with --headers-only" in ran.err


def test_what_is_not_fetched_does_not_count_as_download(pair: Pair) -> None:
    """Neither where tables do nor with --headers-only."""
    pair.push(placed_estargz(BASE))
    assert pair.alone("report", "--max-download", "1MB").code == 3
    assert pair.alone("report", "--max-download", "1MB", "--headers-only").code == 0
    assert pair.alone("cat", "/etc/passwd", "--max-download", "1MB").code == 0
    assert pair.alone("cat", "/other", "--max-download", "1MB").code == 3
