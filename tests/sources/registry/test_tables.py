"""Layers whose manifest vouches for a table of contents are not fetched for their tree or for one file."""

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
from layerscope.report import FORMATS
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
        """Push the image with these layers, and write it to the archive."""
        self.layers = layers
        self.registry.repository().push(toc_files(layers))
        write_image(self._folder, layers)

    def run(self, *words: str) -> Ran:
        """Run a command."""
        code = cli.run(words)
        out, err = self._streams.readouterr()
        return Ran(code, out.decode("latin-1"), err.decode())

    def both(self, command: str, *words: str) -> tuple[Ran, Ran]:
        """The results of a command for both. The registry has counted its requests."""
        registry_result = self.alone(command, *words)
        archive_result = self.run(command, self.archive, *words)
        out = archive_result.out.replace(self.archive, self.registry.reference())
        return registry_result, archive_result._replace(out=out)

    def alone(self, command: str, *words: str) -> Ran:
        """The result of a command for the registry's image, without a cache."""
        self.registry.asked.clear()
        self.registry.headers.clear()
        self.registry.sent = 0
        return self.run(command, self.registry.reference(), *words, "--no-cache")

    @property
    def archive(self) -> str:
        """The path of the archive."""
        return str(self._folder / "image.tar")

    def whole_layers(self) -> int:
        """Number of requests for a complete layer, except small ones."""
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
    """An image to push."""
    return Pair(registry, tmp_path, capsysbinary)


@every_writer
def test_listings_come_from_the_tables(pair: Pair, make: Callable[..., TocLayer]) -> None:
    """With a request for manifest, config and each table, whose place is known or within the last bytes."""
    pair.push(make(BASE), make(TOP))
    for words in (("-R",), ("-R", "--layer", "0"), ("/etc",)):
        from_registry, from_archive = pair.both("ls", *words)
        assert from_registry == from_archive
        assert from_registry.code == 0
        assert pair.whole_layers() == 0
        assert len(pair.registry.asked) == 4
        assert pair.registry.sent < 150_000


@every_writer
def test_logs_come_from_the_tables(pair: Pair, make: Callable[..., TocLayer]) -> None:
    """Digests in the tables separate changes from metadata."""
    pair.push(make(BASE), make([*TOP, file("noise", BASE[2].data, mode=0o755)]))
    from_registry, from_archive = pair.both(
        "log", "etc/passwd", "small", "noise", "--format", "json"
    )
    assert from_registry == from_archive
    assert pair.whole_layers() == 0
    assert pair.registry.sent < 150_000


@every_writer
def test_one_file_is_fetched_alone(pair: Pair, make: Callable[..., TocLayer]) -> None:
    """With one more request for its bytes; none if they came with the table, or in a small layer."""
    pair.push(make(BASE), make(TOP))
    for path, most in (
        ("/holes", 12_000),
        ("/etc/passwd", 700),
        ("/noise", 710_000),
        ("/empty", 0),
    ):
        from_registry, from_archive = pair.both("cat", path)
        assert from_registry == from_archive
        assert from_registry.code == 0
        assert pair.whole_layers() == 0
        assert len(pair.registry.asked) <= 4 + (path in ("/holes", "/noise"))
        assert pair.registry.sent < 150_000 + most


@every_writer
def test_files_are_extracted_by_their_places(
    pair: Pair, make: Callable[..., TocLayer], tmp_path: Path
) -> None:
    """Adjacent files in one request; for nearly all files, the layer is fetched."""
    pair.push(make(BASE), make(TOP))
    for words in (("/etc", "/new"), ("/etc", "/holes", "/same"), ("/",)):
        folders = [tmp_path / "here", tmp_path / "there"]
        pair.alone("extract", *words, "-o", str(folders[0]))
        assert pair.whole_layers() == 0
        assert len(pair.registry.asked) <= 7
        assert cli.run(["extract", str(tmp_path / "image.tar"), *words, "-o", str(folders[1]), "--force"]) == 0  # fmt: skip
        assert files(folders[0]) == files(folders[1])
        for folder in folders:
            assert cli.run(["extract", str(tmp_path / "image.tar"), "/", "-o", str(folder), "--force"]) == 0  # fmt: skip
            shutil.rmtree(folder)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of everything below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() and not path.is_symlink() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def test_one_file_of_a_large_layer_costs_a_fiftieth_of_it(pair: Pair) -> None:
    """Of 12 MB here; most of it is the table and the last 64 KiB."""
    large = [file(f"f{number}", NOISE.randbytes(100_000)) for number in range(120)]
    for make in (placed_estargz, placed_chunked):
        layer = make(large)
        pair.push(layer)
        ran = pair.alone("cat", "/f60")
        assert ran.code == 0
        assert pair.registry.sent <= 0.02 * len(layer.blob)


def test_layers_without_a_claim_are_fetched_once_and_nothing_else(pair: Pair) -> None:
    """A table that the manifest does not vouch for is not used."""
    layer = placed_estargz(BASE)
    pair.push(TocLayer(layer.tar, layer.blob), plain_layer(TOP))
    from_registry, from_archive = pair.both("ls", "-R")
    assert from_registry == from_archive
    assert pair.whole_layers() == 1
    assert len(pair.registry.asked) <= 5  # the check of the table takes one more


def test_a_report_fetches_complete_layers(pair: Pair) -> None:
    """Its figures are verified."""
    pair.push(placed_estargz(BASE), placed_chunked(TOP))
    assert pair.alone("report").code == 0
    assert pair.whole_layers() == 1
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
    from_registry, from_archive = pair.both("cat", "/etc/passwd")
    assert from_registry == from_archive
    assert from_registry.code == 0
    assert pair.whole_layers() >= 1


def test_a_missing_table_is_not_used(pair: Pair) -> None:
    """The layer is fetched instead."""
    layer = plain_layer(BASE)
    for claims in (placed_estargz(BASE).annotations, placed_chunked(BASE).annotations):
        pair.push(TocLayer(layer.tar, layer.blob, claims))
        from_registry, from_archive = pair.both("ls", "-R")
        assert from_registry == from_archive
        assert pair.whole_layers() == 1


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
def test_a_wrong_place_is_detected(
    pair: Pair, make: Callable[..., TocLayer], lie: dict[str, Any]
) -> None:
    """The content is correct, if necessary from the layer."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] in ("holes", "noise") and entry["type"] == "reg":
                entry.update(lie)

    pair.push(make(BASE, change))
    for path in ("/noise", "/holes"):
        from_registry, from_archive = pair.both("cat", path)
        assert from_registry == from_archive
        assert from_registry.code == 0


@pytest.mark.parametrize("make", [placed_estargz, placed_chunked])
def test_a_content_that_is_not_in_the_layer_is_an_error(
    pair: Pair, make: Callable[..., TocLayer]
) -> None:
    """It is not printed; other files are."""

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
    """For a large part, all but the last bytes are output before the check."""
    monkeypatch.setattr(contents, "HELD", 1 << 18)

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] == "other":
                entry["digest"] = "sha256:" + "1" * 64

    pair.push(placed_estargz(BASE))
    from_registry, from_archive = pair.both("cat", "/other")
    assert from_registry == from_archive or from_registry.out == from_archive.out
    pair.push(placed_estargz(BASE, change))
    ran = pair.alone("cat", "/other")
    assert ran.code == 3
    assert "is wrong" in ran.err


def test_a_registry_without_ranges_sends_the_layer_once(pair: Pair) -> None:
    """Table and content come from the copy."""
    pair.registry.ranges = False
    pair.push(placed_estargz(BASE))
    from_registry, from_archive = pair.both("cat", "/etc/passwd")
    assert from_registry == from_archive
    assert from_registry.code == 0
    assert pair.whole_layers() == 1


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
    """Listings, logs and contents, except names and types that tables cannot represent."""
    monkeypatch.setattr(opening, "SMALL", 0)
    toc_layers = [
        WRITERS[kind](list(filter(is_representable, members)))
        for members, kind in zip(layers, kinds, strict=False)
    ]
    pair.push(*toc_layers)
    for command, words in (("ls", ("-R",)), ("log", ("**",)), ("cat", ("**",))):
        from_registry, from_archive = pair.both(command, *words)
        assert from_registry == from_archive


def is_representable(member: Member) -> bool:
    """Whether a table can list a member as it is."""
    try:
        member.name.decode()
        member.link.decode()
    except UnicodeDecodeError:
        return False
    known = member.type in b"0\x0012356" and member.type != b""
    return known and member.mtime == int(member.mtime)


class ExpectedTreeListener(Listener):
    """Records the requests before the expected tree is shown."""

    wants_expected = True

    def __init__(self, registry: Registry) -> None:
        self.asked: list[str] | None = None
        self._registry = registry

    def expected(self, filesystem: Filesystem) -> None:
        assert len(filesystem.table) > 1
        self.asked = list(self._registry.asked)


def explored(registry: Registry) -> list[str] | None:
    """Open an image as the explorer does; returns the requests before the expected tree was shown, None if it was not."""
    request, listener = Request(registry.reference()), ExpectedTreeListener(registry)
    registry.asked.clear()
    registry.sent = 0
    analyse(request, open_source(request), Options(), listener)
    return listener.asked


def large(number: int) -> list[Member]:
    """A layer of 3 MB."""
    return [file(f"{number}/{at}", NOISE.randbytes(100_000)) for at in range(30)]


def test_the_explorer_shows_the_tree_before_it_fetches_a_layer(registry: Registry) -> None:
    """It requests two tables, and later checks the layers against them."""
    layers = [placed_estargz(large(0)), placed_chunked(large(1))]
    registry.repository().push(toc_files(layers))
    assert len(explored(registry) or ()) == 4
    assert len(registry.asked) == 6
    assert registry.sent < sum(len(layer.blob) for layer in layers) + 150_000


def test_footers_of_layers_without_a_table_are_not_requested(registry: Registry) -> None:
    """Each layer is fetched once, and its last bytes are kept."""
    layers = [plain_layer(large(0)), plain_layer(large(1)), plain_layer(TOP)]
    registry.repository().push(toc_files(layers))
    assert explored(registry) is None
    assert len(registry.asked) == 7  # two for referrers
    layers = [placed_estargz([*large(0), *large(2)]), plain_layer(large(1))]
    registry.repository().push(toc_files(layers))
    assert len(explored(registry) or ()) in (4, 5)  # it waits for the layer without one
    assert len(registry.asked) == 5  # one small layer is not worth the question


def report(pair: Pair, *words: str) -> Any:
    """The JSON report of a command that fetches no layers."""
    ran = pair.alone("report", "--headers-only", "--format", "json", "--files", *words)
    assert ran.code == 0, ran.err
    assert pair.whole_layers() == 0
    return json.loads(ran.out)


def test_headers_only_reports_all_figures_that_tables_have(pair: Pair) -> None:
    """They equal those of the archive; figures that need layers are null."""
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


def test_headers_only_has_no_totals_with_unknown_layers(pair: Pair) -> None:
    """With a layer without a table, totals are null, and each layer states its extent."""
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
        assert pair.whole_layers() == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("cat", "/0/0"), "/0/0: no such path in the known layers"),
        (("ls", "/1/*"), "/1/*: no such path in the known layers"),
        (("extract", "etc/nothing"), "etc/nothing: no such path in the known layers"),
        (("log", "0/0"), "no known layer has changes of 0/0"),
    ],
)
def test_a_path_may_be_in_an_unknown_layer(
    pair: Pair, words: tuple[str, ...], problem: str
) -> None:
    """The error names these layers, and how to read them."""
    pair.push(placed_estargz(BASE), plain_layer(large(0)))
    ran = pair.alone(*words, "--headers-only")
    assert ran.code == 1
    assert problem in ran.err
    assert ran.err.count("unknown layers: 1; leave out --headers-only to fetch them") == 2
    assert pair.whole_layers() == 0


def test_a_path_is_missing_if_all_layers_up_to_it_are_known(pair: Pair) -> None:
    pair.push(placed_estargz(BASE), plain_layer(large(0)))
    ran = pair.alone("cat", "/0/0", "--layer", "0", "--headers-only")
    assert "/0/0: no such path in the image" in ran.err


def test_headers_only_never_fetches_layers_without_ranges(pair: Pair) -> None:
    """A table that would take the whole layer is not read, nor is a file."""
    pair.push(placed_estargz(BASE))
    pair.registry.ranges = False
    found = unchecked_report(pair)
    assert [layer["extent"] for layer in found["layers"]] == ["unknown"]
    pair.registry.ranges = True

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            entry["offset"] = 0

    pair.push(placed_estargz(BASE, change))
    ran = pair.alone("cat", "/noise", "--headers-only")
    assert ran.code == 3
    assert "the layer would have to be fetched" in ran.err
    assert pair.whole_layers() == 0


def unchecked_report(pair: Pair) -> Any:
    """The JSON report, without checks of the requests."""
    return json.loads(pair.alone("report", "--headers-only", "--format", "json").out)


def test_headers_only_does_not_depend_on_the_cache(pair: Pair, tmp_path: Path) -> None:
    """Its output is the same after all layers were read."""
    pair.push(placed_estargz(BASE), plain_layer(large(1)))
    words = ("report", pair.registry.reference(), "--format", "json")
    first = pair.run(*words, "--headers-only")
    assert pair.run(*words).code == 0
    assert pair.run(*words, "--headers-only") == first


def test_headers_only_is_refused_for_formats_without_unknown_figures(pair: Pair) -> None:
    """Nothing is requested."""
    pair.push(placed_estargz(BASE))
    for name in FORMATS.keys() - {"text", "json"}:
        assert pair.alone("report", "--headers-only", "--format", name).code == 2
        assert not pair.registry.asked


def test_a_headers_only_report_is_not_a_baseline(pair: Pair, tmp_path: Path) -> None:
    """It has no findings, and perhaps no totals."""
    pair.push(placed_estargz(BASE))
    baseline = tmp_path / "baseline.json"
    ran = pair.alone("report", "--headers-only", "--format", "json", "--output", str(baseline))
    assert ran.code == 0
    ran = pair.run("ci", pair.archive, "--baseline", str(baseline))
    assert ran.code == 2
    assert "made with --headers-only" in ran.err


def test_max_download_counts_fetched_layers_only(pair: Pair) -> None:
    """Neither with tables nor with --headers-only do layers count."""
    pair.push(placed_estargz(BASE))
    assert pair.alone("report", "--max-download", "1MB").code == 3
    assert pair.alone("report", "--max-download", "1MB", "--headers-only").code == 0
    assert pair.alone("cat", "/etc/passwd", "--max-download", "1MB").code == 0
    assert pair.alone("cat", "/other", "--max-download", "1MB").code == 3
