"""The image that a second process opens: the same results, and an error for every end of that process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layerscope.errors import CancelledError, ExitCode, LayerscopeError
from layerscope.faults import InternalError
from layerscope.layers.file_identity import FileChangedError
from layerscope.layers.index import LayerIndex
from layerscope.layers.store import Store
from layerscope.opening import remote
from layerscope.opening.loading import Watcher, WorkerError
from layerscope.opening.open import Opened, Options, open_image
from layerscope.opening.remote import RemoteImage
from layerscope.sources import Candidate, Request, open_source
from tests import bad_worker, held_worker
from tests.held_worker import Gate
from tests.images import compressed, docker_archive, file, hardlink, layer_tar, whiteout, write
from tests.layers.caching import settled
from tests.second_processes import BAD
from tests.sources.test_os_versions import NEW, OLD, windows
from tests.test_channel import has_ended

KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
LAYERS = [
    layer_tar([file("etc/motd", b"welcome"), file("big", b"x" * 90_000), hardlink("same", "big")]),
    compressed(layer_tar([file("etc/motd", b"goodbye"), file("copy", b"x" * 90_000)]), "gzip"),
    layer_tar([file("root/id_rsa", KEY), whiteout("big")]),
]
PHASES = {
    "starting": "layerscope.opening.worker:_request",
    "finding the image": "layerscope.opening.worker:open_source",
    "reading the cache": "layerscope.opening.sending:read_cached_image",
    "indexing": "layerscope.layers.reading:index_layer",
    "stacking": "layerscope.opening.open:compare_versions",
    "accounting": "layerscope.opening.open:account",
    "finding duplicates": "layerscope.opening.open:find_duplicates",
    "running rules": "layerscope.opening.open:find_findings",
    "checking digests": "layerscope.opening.sending:check_digests",
}
"""Where a worker can be when it is ended."""
PATIENCE = 30.0


def first(candidates: Sequence[Candidate]) -> Candidate:
    """Somebody who takes whatever comes first."""
    return candidates[0]


class Hearing(Watcher):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.opened: Opened | None = None
        self.checks: dict[int, bool] = {}

    def layer_indexed(self, number: int, index: LayerIndex) -> None:
        self.heard.append(f"layer {number}: {int(index.columns.stored.sum())}")

    def stacked(self, opened: Opened) -> None:
        self.heard.append("stacked")
        self.opened = opened

    def duplicates_found(self, opened: Opened) -> None:
        self.heard.append("duplicates_found")
        self.opened = opened

    def findings_found(self, opened: Opened) -> None:
        self.heard.append("findings_found")
        self.opened = opened

    def checked(self, number: int, right: bool) -> None:
        self.checks[number] = right


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return settled(tmp_path / "image.tar", docker_archive(LAYERS))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, which is empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(params=["cache", "no cache", "cache of no use"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store | None:
    """The cache, if there is one. In one it has no room."""
    if request.param == "no cache":
        return None
    return Store(tmp_path / "cache", *([100] if request.param == "cache of no use" else []))


def begin(image: Path | str, store: Store | None = None, **how: Any) -> RemoteImage:
    worker = how.pop("worker", remote.WORKER)
    options = Options(verify_small=False, rules={}, names=False, cache=store, **how)
    return RemoteImage(Request(str(image)), options, worker=worker)


def load(image: RemoteImage) -> Hearing:
    """Wait until all is known."""
    hearing = Hearing()
    image.find(first)
    image.load(hearing, lambda: False)
    return hearing


def contents(opened: Opened) -> list[list[bytes]]:
    """The contents of all files of all layers."""
    return [
        [b"".join(layer.chunks(entry)) for entry in np.flatnonzero(layer.index.columns.stored).tolist()]
        for layer in opened.contents
    ]  # fmt: skip


def facts(opened: Opened) -> object:
    """Everything that can be compared of an image."""
    findings = opened.findings
    return (
        opened.image,
        opened.accounting.layers,
        opened.accounting.waste.bytes.tolist(),
        opened.duplicates and list(opened.duplicates),
        findings and [(one.rule, one.title, one.bytes, one.paths.tolist()) for one in findings.found],
        list(opened.warnings)[: len(opened.warnings) - len(findings.warnings if findings else ())],
        opened.damages(),
        list(opened.filesystem.table.full_paths(np.arange(len(opened.filesystem.table), dtype=np.int32))),
        contents(opened),
        [opened.verified(number) for number in range(len(opened.contents))],
    )  # fmt: skip


def test_the_results_are_those_of_this_process(image: Path, store: Store | None) -> None:
    """Layer by layer, with the cache, without, and the second time."""
    here = open_image(Request(str(image)), Options(verify_small=False, rules={}, names=False))
    for _ in range(2):
        with begin(image, store) as opening:
            hearing = load(opening)
            assert hearing.heard[:3] == ["layer 0: 90007", "layer 1: 90007", f"layer 2: {len(KEY)}"]
            assert hearing.heard[3:] == ["stacked", "duplicates_found", "findings_found"]
            assert hearing.checks == {0: True, 2: True}
            assert hearing.opened is not None
            assert facts(hearing.opened) == facts(here)
            process = worker_of(opening)
        assert has_ended(process.pid)


def test_the_private_folder_is_private(image: Path, temporary: Path) -> None:
    with begin(image) as opening:
        load(opening)
        (folder,) = temporary.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700


def test_the_cache_is_enough(image: Path, tmp_path: Path, temporary: Path) -> None:
    """Nothing is written elsewhere."""
    with begin(image, Store(tmp_path / "cache")) as opening:
        load(opening)
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("reference", ["missing.tar", "nosuch://a", "", "image.txt"])
def test_errors_are_those_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.txt", b"no image\n" * 100)
    with pytest.raises(LayerscopeError) as here:
        open_source(Request(reference))
    with begin(reference) as opening, pytest.raises(LayerscopeError) as there:
        opening.find(first)
    for name in ("message", "hint", "title", "exit_code"):
        assert getattr(there.value, name) == getattr(here.value, name)


def test_a_damaged_layer_is_shown(tmp_path: Path) -> None:
    """What can be read of it."""
    data = docker_archive([LAYERS[0], LAYERS[1][:-40], LAYERS[2]])
    path = settled(tmp_path / "damaged.tar", data)
    here = open_image(Request(str(path)), Options(verify_small=False, rules={}, names=False))
    with begin(path) as opening:
        opened = load(opening).opened
        assert opened is not None
        assert opened.damages() == here.damages() != []
        assert opened.accounting.layers == here.accounting.layers


@pytest.mark.parametrize("number", [0, 1, None])
def test_one_of_several_is_chosen_here(tmp_path: Path, number: int | None) -> None:
    """The candidates come as they are shown, the answer goes back."""
    path = write(tmp_path / "several.tar", windows(OLD, NEW))

    def ask(candidates: Sequence[Candidate]) -> Candidate | None:
        assert [str(one.platform) for one in candidates] == [OLD, NEW]
        return None if number is None else candidates[number]

    with begin(path) as opening:
        if number is None:
            with pytest.raises(CancelledError):
                opening.find(ask)
        else:
            assert str(opening.find(ask).image.platform) == (OLD, NEW)[number]


def test_stdin_is_read_by_the_worker(image: Path) -> None:
    script = """
import sys
from layerscope.opening.loading import Watcher
from layerscope.opening.remote import RemoteImage
from layerscope.opening.options import Options
from layerscope.sources.base import Request
class Told(Watcher):
    def stacked(self, opened):
        print(opened.accounting.live, len(b"".join(opened.contents[0].chunks(1))))
with RemoteImage(Request("-"), Options()) as image:
    image.find(lambda candidates: candidates[0])
    image.load(Told(), lambda: False)
"""
    said = subprocess.check_output([sys.executable, "-c", script], input=image.read_bytes())
    assert said.split()[1] == b"90000"


def test_a_file_that_changes_is_noticed(image: Path) -> None:
    """As in this process, with the same words."""
    with begin(image) as opening:
        opened = load(opening).opened
        assert opened is not None
        with image.open("r+b") as stream:
            stream.write(b"x" * 512)
        with pytest.raises(FileChangedError, match="changed while it was open"):
            opened.contents[0].blob.pread(10, 0)
        assert opened.contents[0].blob.overwritten
        assert opened.damages() != []


# --- Ends -----------------------------------------------------------------------------------------


def worker_of(opening: RemoteImage) -> subprocess.Popen[bytes]:
    """The process that opens an image."""
    process = opening.process.process
    assert process is not None
    return process


@contextlib.contextmanager
def holding(image: Path, gate: Gate) -> Iterator[RemoteImage]:
    """A worker that waits at the gate."""
    with begin(image, worker=held_worker.MODULE) as opening:
        opening.begin()
        until = time.monotonic() + PATIENCE
        while not gate.reached:
            assert time.monotonic() < until
            time.sleep(0.01)
        yield opening


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_worker_is_an_error(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """Wherever it is."""
    gate = Gate(monkeypatch, tmp_path, PHASES[phase])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(
            WorkerError,
            match=r"the process that reads the image failed: (it ended|cannot write to it)",
        ):
            load(opening)
        assert WorkerError("").exit_code == ExitCode.INTERNAL
    assert process.returncode is not None


@pytest.mark.parametrize("phase", PHASES)
def test_leaving_does_not_wait_for_the_worker(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """Wherever it is, and stopped at that."""
    gate = Gate(monkeypatch, tmp_path, PHASES[phase])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGSTOP)
    assert has_ended(process.pid)


def test_a_worker_that_is_stopped_is_an_error(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 1.5)
    gate = Gate(monkeypatch, tmp_path, PHASES["finding duplicates"])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(WorkerError, match=r"no answer for 1\.5 s"):
            load(opening)


def test_a_worker_that_is_busy_is_none(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is stopped and continued goes on."""
    monkeypatch.setattr(remote, "PATIENCE", 3.0)
    beats: list[bytearray] = []
    heard = RemoteImage._heard
    monkeypatch.setattr(
        RemoteImage, "_heard", lambda self, body: heard(self, body) if body else beats.append(body)
    )
    gate = Gate(monkeypatch, tmp_path, PHASES["finding duplicates"])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGCONT)
        until = time.monotonic() + PATIENCE
        while len(beats) < 5:  # more than patience lasts
            assert time.monotonic() < until
            time.sleep(0.01)
        gate.set()
        assert load(opening).heard[-1] == "findings_found"


def test_a_worker_that_dies_later_leaves_what_is_known(image: Path) -> None:
    """Contents cannot be read any more, and the words say why."""
    with begin(image) as opening:
        opened = load(opening).opened
        assert opened is not None
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(OSError, match="the process that reads the image failed"):
            opened.contents[0].blob.pread(10, 0)
        assert opened.filesystem.table.find(b"etc/motd") is not None


@pytest.mark.parametrize("name", [*bad_worker.SAYING, *BAD])
def test_nonsense_is_an_error(image: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Never a hang, nor anything but a `WorkerError`."""
    monkeypatch.setenv(bad_worker.NAME, name)
    with (
        begin(image, worker=bad_worker.MODULE) as opening,
        pytest.raises(WorkerError, match="the process that reads the image failed: "),
    ):
        load(opening)


@pytest.mark.parametrize("name", ["full", "broken"])
def test_faults_of_the_worker_are_told(
    image: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(bad_worker.NAME, name)
    with (
        begin(image, worker=bad_worker.MODULE) as opening,
        pytest.raises(LayerscopeError) as raised,
    ):
        load(opening)
    if name == "full":
        assert "no space left in" in raised.value.message
        assert "TMPDIR" in (raised.value.hint or "")
    else:
        assert isinstance(raised.value, InternalError)
        assert "ZeroDivisionError" in raised.value.report
        assert "bad_worker" in raised.value.report


def test_a_cache_on_a_full_disk_is_done_without(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, as commands do."""
    folder = tmp_path / "cache"
    write(folder, b"no folder")
    store = Store(folder)
    with begin(image, store) as opening:
        assert load(opening).heard[-1] == "findings_found"
    assert store.problem is not None


def test_more_bytes_than_asked_for_are_refused(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bad_worker.NAME, "wordy")
    with begin(image, worker=bad_worker.MODULE) as opening:
        source = opening.find(first)
        with pytest.raises(OSError, match="more bytes than requested"):
            source.blobs[0].pread(10, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_worker_ends_with_the_explorer(image: Path, temporary: Path, number: int) -> None:
    """And removes what it wrote."""
    script = f"""
import os
from layerscope import signals
signals.catch()
from layerscope.opening.loading import Watcher
from layerscope.opening.remote import RemoteImage
from layerscope.opening.options import Options
from layerscope.sources.base import Request
with RemoteImage(Request({str(image)!r}), Options()) as opening:
    opening.find(lambda candidates: candidates[0])
    opening.load(Watcher(), lambda: False)
    print(opening.process.process.pid, os.path.isdir(opening.private), flush=True)
    os.kill(os.getpid(), {int(number)})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    pid, written = done.stdout.split()
    assert written == b"True"
    assert has_ended(int(pid))
    until = time.monotonic() + PATIENCE
    while list(temporary.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_leaving_ends_whoever_waits(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    gate = Gate(monkeypatch, tmp_path, PHASES["indexing"])
    with holding(image, gate) as opening:
        opening.find(first)
        opening.close()
        with pytest.raises(LayerscopeError):
            opening.load(Hearing(), lambda: False)
        with pytest.raises(CancelledError):
            opening.load(Hearing(), lambda: True)
