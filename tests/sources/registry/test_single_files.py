"""Single files in the explorer, and files of cached layers: only their bytes are fetched."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layerscope.extraction.extract import extract
from layerscope.extraction.plan import plan_whole
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.store import Store
from layerscope.opening.open import Opened, Options
from layerscope.opening.remote import RemoteImage
from layerscope.progress import NullProgress
from layerscope.sources import Request
from layerscope.tui.pointing import ShowFile
from layerscope.tui.screens.file import FileView
from tests.images import Member, digest, directory, file, hardlink
from tests.opening.test_remote import RecordingWatcher, first
from tests.placed_layers import placed_chunked, placed_estargz
from tests.sources.registry.server import Handler, Registry
from tests.sources.registry.test_soci import LARGE, SPAN, large_layer, large_table, shifted
from tests.sources.registry.test_tables import LIES, Pair, files, pair
from tests.toc_images import TocLayer, plain_layer, toc_files
from tests.tui.explorer import exploring, loaded, screen_text, settled
from tests.ztoc import push_soci, ztoc

__all__ = ["pair"]
pytestmark = pytest.mark.usefixtures("forked_workers")

NOISE = random.Random(2)
MEMBERS = [
    directory("d"),
    *(file(f"d/{number}", NOISE.randbytes(100_000), mode=0o640) for number in range(120)),
    file("d/large", NOISE.randbytes(6_000_000)),
    file("d/holes", NOISE.randbytes(9000) + bytes(300_000) + b"end"),
    file("d/copy", b"the same\n" * 400),
    file("d/second", b"the same\n" * 400),
    file("etc/motd", b"welcome\n"),
    hardlink("d/same", "d/7"),
]
BY_PATH = {member.name.decode(): member.data for member in MEMBERS}


def without_claims(members: list[Member]) -> TocLayer:
    """A layer with a table that the manifest does not mention."""
    layer = placed_estargz(members)
    return TocLayer(layer.tar, layer.blob)


WRITERS: dict[str, Callable[[list[Member]], TocLayer]] = {
    "estargz": placed_estargz,
    "estargz without claims": without_claims,
    "zstd:chunked": placed_chunked,
}


@cache
def layer_of_all(make: Callable[[list[Member]], TocLayer]) -> TocLayer:
    """The layer of all members, written once."""
    return make(MEMBERS)


every_writer = pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)


class ExplorerState:
    """An image as the explorer knows it, and its requests to the registry from then on."""

    def __init__(self, opened: Opened, registry: Registry) -> None:
        self.opened = opened
        self._registry = registry
        self.forget()

    def forget(self) -> None:
        """Reset the counters of the registry."""
        self._registry.asked.clear()
        self._registry.headers.clear()
        self._registry.sent = 0

    @property
    def sent(self) -> int:
        """Number of bytes of blobs sent."""
        return self._registry.sent

    @property
    def asked(self) -> list[str]:
        """Requests since the last `forget`."""
        return self._registry.asked

    @property
    def whole_layers(self) -> int:
        """Number of requests for a complete layer."""
        layers = {layer.blob.digest for layer in self.opened.contents}
        return sum(
            line.rpartition("/")[2] in layers and "Range" not in headers
            for line, headers in zip(self._registry.asked, self._registry.headers, strict=True)
        )

    def read(self, path: str) -> tuple[bytes, str | None]:
        """The content of a file as the File view reads it, and the problem if unreadable."""
        reader = ContentReader(
            self.opened.filesystem.inodes, self.opened.contents, self._inode(path)
        )
        parts = []
        while part := reader.read(1 << 20, NullProgress()):
            parts.append(part)
        return b"".join(parts), reader.problem

    def _inode(self, path: str) -> int:
        filesystem = self.opened.filesystem
        row = int(np.flatnonzero(filesystem.paths == filesystem.table.find(path.encode()))[-1])
        return int(filesystem.inode_of[row])


@contextmanager
def explored(registry: Registry, store: Store | None = None) -> Iterator[ExplorerState]:
    """Open the image as the explorer does, until it is loaded."""
    options = Options(rules={}, cache=store)
    with RemoteImage(Request(registry.reference()), options) as image:
        hearing = RecordingWatcher()
        image.find(first)
        image.load(hearing, lambda: False)
        assert hearing.opened is not None
        yield ExplorerState(hearing.opened, registry)


def push(registry: Registry, *layers: TocLayer) -> str:
    """Push an image of these layers; returns the digest of its manifest."""
    return registry.repository().push(toc_files(layers))


@every_writer
def test_one_file_costs_a_fiftieth_of_its_layer(
    registry: Registry, make: Callable[[list[Member]], TocLayer]
) -> None:
    """The table and the file are fetched; the table only once."""
    layer = layer_of_all(make)
    push(registry, layer)
    with explored(registry) as explorer:
        assert explorer.read("d/60") == (BY_PATH["d/60"], None)
        assert explorer.whole_layers == 0
        assert len(explorer.asked) <= 2
        assert explorer.sent <= 0.02 * len(layer.blob)
        for path, most in (("d/7", 101_000), ("d/holes", 11_000), ("d/second", 1000)):
            explorer.forget()
            assert explorer.read(path) == (BY_PATH[path], None)
            assert explorer.whole_layers == 0
            assert len(explorer.asked) <= 1
            assert explorer.sent <= most
        explorer.forget()
        assert explorer.read("d/large") == (BY_PATH["d/large"], None)
        assert explorer.whole_layers == 0
        assert len(explorer.asked) == 6  # a MiB each


@every_writer
def test_a_layer_from_the_cache_is_not_fetched_for_one_file(
    pair: Pair, tmp_path: Path, make: Callable[[list[Member]], TocLayer], monkeypatch: Any
) -> None:
    """Neither by the explorer nor by `cat`."""
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(tmp_path / "cache"))
    layer = layer_of_all(make)
    pair.push(layer)
    store = Store(tmp_path / "store")
    for _ in range(2):
        with explored(pair.registry, store) as explorer:
            assert explorer.read("etc/motd") == (b"welcome\n", None)
            assert explorer.whole_layers == 0
    assert explorer.sent <= 0.02 * len(layer.blob)
    assert pair.run("report", pair.registry.reference()).code == 0
    explorer.forget()
    ran = pair.run("cat", pair.registry.reference(), "/d/60")
    assert ran.out.encode("latin-1") == BY_PATH["d/60"]
    assert pair.whole_layers() == 0
    assert explorer.sent <= 0.02 * len(layer.blob)


@every_writer
def test_a_folder_is_extracted_by_ranges(
    registry: Registry, make: Callable[[list[Member]], TocLayer], tmp_path: Path
) -> None:
    """Files equal those of the layer, and all of them take no more bytes than it."""
    push(registry, layer_of_all(make))
    with explored(registry) as explorer:
        filesystem = explorer.opened.filesystem
        for number, (paths, most) in enumerate(((["etc", "d/copy"], 12_000), (["d"], 20_000_000))):
            tops = [filesystem.table.find(path.encode()) or 0 for path in paths]
            folder = tmp_path / str(number)
            folder.mkdir()
            explorer.forget()
            extract(plan_whole(filesystem, tops, 0), explorer.opened.contents, folder)
            assert explorer.sent <= most + 150_000
            found = files(folder)
            assert set(paths) <= set(found)
            for name, (_, data) in found.items():
                assert data == BY_PATH.get("d/7" if name == "d/same" else name, b"")


@pytest.mark.parametrize("pinned", [False, True])
def test_files_of_soci_layers_come_from_their_spans(registry: Registry, pinned: bool) -> None:
    """Even if only a tag vouches for the table: contents are checked against the layer that was read."""
    layer, table = large_layer(), large_table()
    subject = push(registry, layer)
    push_soci(registry.repository(), subject, {digest(layer.blob): table})
    reference = registry.reference(f"app@{subject}" if pinned else "app")
    with RemoteImage(Request(reference), Options(rules={})) as image:
        hearing = RecordingWatcher()
        image.find(first)
        image.load(hearing, lambda: False)
        assert hearing.opened is not None
        explorer = ExplorerState(hearing.opened, registry)
        for number, member in enumerate((LARGE[45], LARGE[3], LARGE[-1])):
            explorer.forget()
            assert explorer.read(member.name.decode()) == (member.data, None)
            assert explorer.whole_layers == 0
            assert len(explorer.asked) <= (2 if number == 0 else 1)
            assert explorer.sent <= 0.06 * len(layer.blob) + (len(table) if number == 0 else 0)


def test_wrong_spans_are_detected(registry: Registry) -> None:
    """By the digest of the content; then the layer is fetched once."""
    layer = large_layer()
    subject = push(registry, layer)
    table = ztoc(LARGE, layer, span=SPAN, change=shifted)
    push_soci(registry.repository(), subject, {digest(layer.blob): table})
    with explored(registry) as explorer:
        for member in (LARGE[3], LARGE[-1], LARGE[5]):
            assert explorer.read(member.name.decode()) == (member.data, None)
        assert explorer.whole_layers == 1


def test_files_of_other_layers_come_from_a_copy(registry: Registry) -> None:
    """The layer is fetched once."""
    push(registry, layer_of_all(plain_layer))
    with explored(registry) as explorer:
        for path in ("d/60", "etc/motd", "d/60"):
            assert explorer.read(path) == (BY_PATH[path], None)
        assert explorer.whole_layers == 1


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("make", [placed_estargz, placed_chunked])
def test_a_wrong_place_is_detected(
    registry: Registry, make: Callable[..., TocLayer], lie: dict[str, Any]
) -> None:
    """Contents are those of the layer, which is fetched at most once."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["name"] in ("d/holes", "d/7", "d/copy"):
                entry.update(lie)

    push(registry, make([*MEMBERS[:20], *MEMBERS[-6:]], change))
    with explored(registry) as explorer:
        for path in ("d/holes", "d/7", "d/copy", "d/3"):
            assert explorer.read(path) == (BY_PATH[path], None)
        assert explorer.whole_layers <= 1


@every_writer
def test_a_registry_without_ranges_sends_the_layer_once(
    registry: Registry, make: Callable[[list[Member]], TocLayer]
) -> None:
    """In addition to the first read, whether it ignores or refuses ranges."""
    push(registry, layer_of_all(make))
    for refusing in (False, True):
        registry.misbehave = None
        with explored(registry) as explorer:
            registry.ranges = False
            registry.misbehave = refuse_ranges if refusing else None
            for path in ("d/60", "etc/motd", "d/7"):
                assert explorer.read(path) == (BY_PATH[path], None)
            assert explorer.whole_layers == 1
            registry.ranges = True


def refuse_ranges(handler: Handler) -> bool:
    """Answer as if no range was satisfiable."""
    if "Range" in handler.headers:
        handler.refuse(416, "RANGE_INVALID", "range not satisfiable")
        return True
    return False


def cut(handler: Handler) -> bool:
    """Close each connection after a few bytes of a range."""
    if "Range" in handler.headers:
        handler.reply(206, bytes(90_000), content_range(handler), upto=10)
        return True
    return False


def endless(handler: Handler) -> bool:
    """Send more than requested, without end."""
    if "Range" not in handler.headers:
        return False
    handler.send_response(206)
    for name, value in content_range(handler).items():
        handler.send_header(name, value)
    handler.end_headers()
    while True:
        handler.wfile.write(NOISE.randbytes(1 << 16))


def other_bytes(handler: Handler) -> bool:
    """Send the requested number of wrong bytes."""
    if "Range" not in handler.headers:
        return False
    start, end = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
    handler.reply(206, NOISE.randbytes(end + 1 - start), content_range(handler))
    return True


def fewer_bytes(handler: Handler) -> bool:
    """Send less than requested, as a complete answer."""
    if "Range" in handler.headers:
        handler.reply(206, b"few", content_range(handler))
        return True
    return False


def content_range(handler: Handler) -> dict[str, str]:
    """The header for the requested range."""
    return {"Content-Range": handler.headers["Range"].replace("=", " ") + "/99999999"}


@pytest.mark.parametrize("misbehave", [cut, endless, other_bytes, fewer_bytes])
@pytest.mark.parametrize("make", [placed_estargz, placed_chunked])
@pytest.mark.parametrize("known", [False, True], ids=["table unknown", "table known"])
def test_a_hostile_registry_never_causes_wrong_contents(
    registry: Registry,
    make: Callable[..., TocLayer],
    misbehave: Callable[[Handler], bool],
    known: bool,
) -> None:
    """Nor a hang, nor a second fetch of the layer."""
    push(registry, layer_of_all(make))
    with explored(registry) as explorer:
        if known:
            assert explorer.read("d/60") == (BY_PATH["d/60"], None)
        explorer.forget()
        registry.misbehave = misbehave
        started = time.monotonic()
        for path in ("d/7", "d/61"):
            data, problem = explorer.read(path)
            assert data == (BY_PATH[path] if problem is None else b"")
            assert problem is None or "sends" in problem or "ended after" in problem
        assert time.monotonic() - started < 20
        assert explorer.whole_layers <= 1
        registry.misbehave = None
        assert explorer.read("d/7") == (BY_PATH["d/7"], None)


async def test_the_file_view_fetches_what_it_shows(registry: Registry) -> None:
    """Enter on a file requests the table and the file."""
    push(registry, placed_estargz([*MEMBERS[1:100], file("a", b"hello there\n")]))
    app = exploring(Request(registry.reference()), Options())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await loaded(pilot)
        registry.asked.clear()
        registry.headers.clear()
        opened = app.session.opened
        assert opened is not None
        path = opened.filesystem.table.find(b"a")
        row = int(np.flatnonzero(opened.filesystem.paths == path)[0])
        screen.post_message(ShowFile(row))
        await settled(pilot)
        assert isinstance(screen.view, FileView)
        assert "hello there" in "\n".join(screen_text(app))
        assert len(registry.asked) <= 2
        assert all("Range" in headers for headers in registry.headers)
    app.session.remote.close()
