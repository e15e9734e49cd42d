"""An engine exports an image once: opening it again needs no export, and the report is byte for byte the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layerscope import cli
from layerscope.errors import LayerscopeError
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.store import Store
from layerscope.opening.open import Listener, Opened, Options, analyse, open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request, SourceImage, open_source
from tests.images import archive, digest, docker_archive, docker_files, file, oci_archive
from tests.opening.test_reopening import report
from tests.sources.fake_engine import IMAGE_ID, FakeEngine, serving
from tests.sources.image_files import BASE, LAYERS, TOP
from tests.toc_images import toc_image, zstd_chunked


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine at the address in DOCKER_HOST and CONTAINER_HOST."""
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "s") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        monkeypatch.setenv("CONTAINER_HOST", engine.url)
        yield engine


@pytest.fixture
def cache(tmp_path: Path) -> Store:
    """An empty cache."""
    return Store(tmp_path / "cache")


def opened(cache: Store | None, reference: str = "docker://demo", **options: Any) -> Opened:
    """The engine's image, opened by a new run."""
    store = None if cache is None else Store(cache.folder)
    return open_image(Request(reference), Options(cache=store, **options))


def exports(engine: FakeEngine) -> int:
    """Number of exports since the last call."""
    count = sum(path.endswith("/get") for path, _ in engine.asked)
    engine.asked.clear()
    return count


def content(found: Opened, path: bytes) -> tuple[bytes, str | None]:
    """The content of a file in the final image, and the problem with reading it, if any."""
    filesystem = found.filesystem
    name = filesystem.table.find(path)
    assert name is not None
    rows = filesystem.rows_of(name)
    inode = int(filesystem.inode_of[rows.stop - 1])
    reader = ContentReader(filesystem.inodes, found.contents, inode)
    read = b"".join(iter(lambda: reader.read(1000, NullProgress()), b""))
    return read, reader.problem


EXPORTS = {
    "docker": docker_archive(LAYERS),
    "oci": oci_archive(LAYERS, compress=None),
    "gzip": oci_archive(LAYERS, compress="gzip"),
    "zstd": oci_archive(LAYERS, compress="zstd"),
}


def test_warnings_about_tables_of_contents_are_cached(engine: FakeEngine, cache: Store) -> None:
    """The claims of the manifest are cached with the export."""
    members = ([file("a", b"1"), file("b", b"22")], [file("a", b"333"), file("c", b"4444")])
    layers = [zstd_chunked(each) for each in members]
    assert [layer.tar for layer in layers] == list(LAYERS)
    layers[1].annotations = dict.fromkeys(layers[1].annotations, "sha256:" + "0" * 64)
    engine.export = toc_image(layers)
    without = report(opened(None))
    assert "toc-unusable" in str(without)
    assert report(opened(cache)) == without
    assert exports(engine) == 2
    assert report(opened(cache)) == without
    assert exports(engine) == 0


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("scheme", ["docker", "podman"])
@pytest.mark.parametrize("form", EXPORTS)
def test_reopening_exports_nothing(
    form: str, scheme: str, small: bool, engine: FakeEngine, cache: Store
) -> None:
    """Compressed sizes, digests and media types are cached with the export, whatever its format."""
    engine.export = EXPORTS[form]
    reference = f"{scheme}://demo"
    without = report(opened(None, reference, verify_small=small))
    assert report(opened(cache, reference, verify_small=small)) == without
    assert exports(engine) == 2
    assert report(opened(cache, reference, verify_small=small)) == without
    assert exports(engine) == 0


@pytest.mark.parametrize("form", EXPORTS)
def test_the_first_content_to_be_read_starts_an_export(
    form: str, engine: FakeEngine, cache: Store
) -> None:
    """One export serves all later reads."""
    engine.export = EXPORTS[form]
    opened(cache)
    assert exports(engine) == 1
    found = opened(cache)
    assert exports(engine) == 0
    assert content(found, b"a") == (b"333", None)
    assert content(found, b"b") == (b"22", None)
    assert content(found, b"c") == (b"4444", None)
    assert exports(engine) == 1


def test_an_export_on_demand_is_announced(engine: FakeEngine, cache: Store) -> None:
    """Its progress is a stage, which ends."""
    stages: list[str] = []

    class StageRecorder(NullProgress):
        def stage(self, name: str, total: int | None = None) -> None:
            stages.append(name)
            assert total is None or total >= 0

    opened(cache)
    found = open_image(Request("docker://demo", progress=StageRecorder()), Options(cache=cache))
    assert "Exporting from docker" not in stages
    stages.clear()
    content(found, b"a")
    assert (stages[0], stages[-1]) == ("Exporting from docker", "")


def test_changed_contents_under_the_same_id_are_an_error(engine: FakeEngine, cache: Store) -> None:
    """Reading a file fails if the engine now exports another content under the same ID."""
    opened(cache)
    files = docker_files(LAYERS)
    lie = TOP.replace(b"333", b"666")
    engine.export = archive({name: lie if data == TOP else data for name, data in files.items()})
    found = opened(cache)
    assert content(found, b"b") == (b"22", None)
    exports(engine)
    for _ in range(2):
        read, problem = content(found, b"a")
        assert read == b""
        assert "no longer has" in str(problem)
    assert exports(engine) == 0


def test_a_later_export_that_fails_is_reported(engine: FakeEngine, cache: Store) -> None:
    """The reader says why, and a later read succeeds."""
    opened(cache)
    found = opened(cache)
    export, engine.export = engine.export, None
    read, problem = content(found, b"a")
    assert (read, "broke" in str(problem)) == (b"", True)
    engine.export = export
    assert content(found, b"a") == (b"333", None)


def test_layers_with_wrong_digests_are_not_cached(engine: FakeEngine, cache: Store) -> None:
    """False and damaged layers are exported each time."""
    files = docker_files(LAYERS)
    lie = TOP.replace(b"333", b"666")
    for other in (lie, TOP[:515]):
        engine.export = archive(
            {name: other if data == TOP else data for name, data in files.items()}
        )
        without = report(opened(None))
        for _ in range(2):
            assert report(opened(cache)) == without
        assert exports(engine) == 3


def test_an_image_with_other_layers_is_exported(engine: FakeEngine, cache: Store) -> None:
    """The cached export is not used, although the image has the same ID."""
    opened(cache)
    swapped = [digest(layer) for layer in (TOP, BASE)]
    engine.extra_fields = {"RootFS": {"Type": "layers", "Layers": swapped}}
    exports(engine)
    opened(cache)
    assert exports(engine) == 1


def test_engines_do_not_share_exports(
    engine: FakeEngine, cache: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports of one engine are not used for another."""
    opened(cache)
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "o") as other:
        monkeypatch.setenv("DOCKER_HOST", other.url)
        assert opened(cache).image.location == other.url
        assert exports(other) == 1
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    exports(engine)
    opened(cache, "podman://demo")
    assert exports(engine) == 1


def test_new_names_are_shown_without_an_export(engine: FakeEngine, cache: Store) -> None:
    """Names come from the engine, not from the cached export."""
    opened(cache)
    exports(engine)
    engine.extra_fields = {"RepoTags": ["demo:latest", "demo:new"]}
    assert opened(cache).image.tags == ("demo:latest", "demo:new")
    assert exports(engine) == 0


def test_lost_cache_entries_lead_to_an_export(engine: FakeEngine, cache: Store) -> None:
    """Whichever cache entry is missing or damaged, the report is the same."""
    found = opened(cache)
    without = report(found)
    entries = cache.entries()
    kinds = {entry.path.suffix for entry in entries}
    assert kinds == {".layer", ".image", ".accounting", ".duplicates", ".export"}
    for entry in entries:
        data = entry.path.read_bytes()
        for truncated in (None, data[:-2]):
            entry.path.unlink()
            if truncated is not None:
                entry.path.write_bytes(truncated)
            assert report(opened(cache)) == without
            assert report(opened(cache)) == without
            assert entry.path.read_bytes() == data


def test_verification_exports_again(engine: FakeEngine, cache: Store) -> None:
    """Verification always exports."""
    opened(cache)
    exports(engine)
    assert opened(cache, verify=True).verified(1) is True
    assert exports(engine) == 1


def test_the_explorer_receives_the_complete_image(engine: FakeEngine, cache: Store) -> None:
    """The image from the cache equals the exported one."""
    sources: list[SourceImage] = []

    class RecordingListener(Listener):
        def fetched(self, source: SourceImage) -> None:
            sources.append(source)

    for _ in range(2):
        request = Request("docker://demo")
        analyse(request, open_source(request), Options(cache=cache), RecordingListener())
    assert sources[0].image == sources[1].image
    assert exports(engine) == 1


def test_a_deleted_image_is_reported(engine: FakeEngine, cache: Store) -> None:
    """Its cached export is not shown in its place."""
    opened(cache)
    engine.known, engine.images = set(), []
    with pytest.raises(LayerscopeError):
        opened(cache)
    assert IMAGE_ID not in engine.known


def test_commands_on_paths_export_only_for_contents(
    engine: FakeEngine, cache: Store, monkeypatch: pytest.MonkeyPatch, capsysbinary: Any
) -> None:
    """Listing a cached image needs none; printing files of two layers needs one."""
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(cache.folder))
    listed = []
    for count in (1, 0):
        assert cli.run(["ls", "docker://demo"]) == 0
        listed.append(capsysbinary.readouterr().out)
        assert exports(engine) == count
    assert listed[0] == listed[1]
    assert b"a" in listed[0]
    assert cli.run(["cat", "docker://demo", "b", "c"]) == 0
    assert capsysbinary.readouterr().out == b"224444"
    assert exports(engine) == 1
    target = cache.folder.parent / "out"
    assert cli.run(["extract", "docker://demo", "/", "--output", str(target)]) == 0
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "a": b"333", "b": b"22", "c": b"4444"
    }  # fmt: skip
    assert exports(engine) == 1
    assert cli.run(["ls", "docker://demo", "--no-cache"]) == 0
    assert exports(engine) == 1


def test_a_command_that_cannot_export_says_so(
    engine: FakeEngine, cache: Store, monkeypatch: pytest.MonkeyPatch, capsysbinary: Any
) -> None:
    """Cached data is listed; unavailable contents are not printed."""
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(cache.folder))
    assert cli.run(["ls", "docker://demo"]) == 0
    engine.export = None
    assert cli.run(["ls", "docker://demo"]) == 0
    assert cli.run(["cat", "docker://demo", "b"]) == 3
    assert b"broke" in capsysbinary.readouterr().err
