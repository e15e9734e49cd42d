"""An image opened by a second process: the same results, and an error however that process ends."""

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
"""Phases in which the worker is killed, with a function that it calls there."""
TIMEOUT = 30.0


def first(candidates: Sequence[Candidate]) -> Candidate:
    """Choose the first candidate."""
    return candidates[0]


class RecordingWatcher(Watcher):
    """Records its calls, and the image that it was given last."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.opened: Opened | None = None
        self.checks: dict[int, bool] = {}

    def layer_indexed(self, number: int, index: LayerIndex) -> None:
        self.events.append(f"layer {number}: {int(index.columns.stored.sum())}")

    def stacked(self, opened: Opened) -> None:
        self.events.append("stacked")
        self.opened = opened

    def duplicates_found(self, opened: Opened) -> None:
        self.events.append("duplicates_found")
        self.opened = opened

    def findings_found(self, opened: Opened) -> None:
        self.events.append("findings_found")
        self.opened = opened

    def checked(self, number: int, right: bool) -> None:
        self.checks[number] = right


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return settled(tmp_path / "image.tar", docker_archive(LAYERS))


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, which must be empty in the end."""
    folder = tmp_path / "temporary_folder"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(params=["cache", "no cache", "full cache"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store | None:
    """The cache, if any; one is too small for any entry."""
    if request.param == "no cache":
        return None
    return Store(tmp_path / "cache", *([100] if request.param == "full cache" else []))


def begin(image: Path | str, store: Store | None = None, **how: Any) -> RemoteImage:
    worker = how.pop("worker", remote.WORKER)
    options = Options(verify_small=False, rules={}, cache=store, **how)
    return RemoteImage(Request(str(image)), options, worker=worker)


def load(image: RemoteImage) -> RecordingWatcher:
    """Wait until everything is known."""
    watcher = RecordingWatcher()
    image.find(first)
    image.load(watcher, lambda: False)
    return watcher


def contents(opened: Opened) -> list[list[bytes]]:
    """The contents of all files of all layers."""
    return [
        [b"".join(layer.chunks(entry)) for entry in np.flatnonzero(layer.index.columns.stored).tolist()]
        for layer in opened.contents
    ]  # fmt: skip


def facts(opened: Opened) -> object:
    """All results for an image in a form that can be compared."""
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


def test_results_equal_those_of_this_process(image: Path, store: Store | None) -> None:
    """They arrive layer by layer, with and without a cache, and also when opened again."""
    here = open_image(Request(str(image)), Options(verify_small=False, rules={}))
    for _ in range(2):
        with begin(image, store) as opening:
            watcher = load(opening)
            assert watcher.events[:3] == [
                "layer 0: 90007",
                "layer 1: 90007",
                f"layer 2: {len(KEY)}",
            ]
            assert watcher.events[3:] == ["stacked", "duplicates_found", "findings_found"]
            assert watcher.checks == {0: True, 2: True}
            assert watcher.opened is not None
            assert facts(watcher.opened) == facts(here)
            process = worker_of(opening)
        assert has_ended(process.pid)


def test_the_private_folder_is_private(image: Path, temporary_folder: Path) -> None:
    with begin(image) as opening:
        load(opening)
        (folder,) = temporary_folder.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_written_outside_a_working_cache(
    image: Path, tmp_path: Path, temporary_folder: Path
) -> None:
    with begin(image, Store(tmp_path / "cache")) as opening:
        load(opening)
        assert list(temporary_folder.iterdir()) == []


@pytest.mark.parametrize("reference", ["missing.tar", "nosuch://a", "", "image.txt"])
def test_errors_equal_those_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.txt", b"no image\n" * 100)
    with pytest.raises(LayerscopeError) as local_error:
        open_source(Request(reference))
    with begin(reference) as opening, pytest.raises(LayerscopeError) as remote_error:
        opening.find(first)
    for name in ("message", "hint", "title", "exit_code"):
        assert getattr(remote_error.value, name) == getattr(local_error.value, name)


def test_a_damaged_layer_is_shown(tmp_path: Path) -> None:
    """What can be read of it is shown, as in this process."""
    data = docker_archive([LAYERS[0], LAYERS[1][:-40], LAYERS[2]])
    path = settled(tmp_path / "damaged.tar", data)
    here = open_image(Request(str(path)), Options(verify_small=False, rules={}))
    with begin(path) as opening:
        opened = load(opening).opened
        assert opened is not None
        assert opened.damages() == here.damages() != []
        assert opened.accounting.layers == here.accounting.layers


@pytest.mark.parametrize("number", [0, 1, None])
def test_the_caller_chooses_one_of_several_images(tmp_path: Path, number: int | None) -> None:
    """Candidates arrive as they are shown, and the choice is sent back."""
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
class Printer(Watcher):
    def stacked(self, opened):
        print(opened.accounting.live, len(b"".join(opened.contents[0].chunks(1))))
with RemoteImage(Request("-"), Options()) as image:
    image.find(lambda candidates: candidates[0])
    image.load(Printer(), lambda: False)
"""
    output = subprocess.check_output([sys.executable, "-c", script], input=image.read_bytes())
    assert output.split()[1] == b"90000"


def test_a_changed_file_is_detected(image: Path) -> None:
    """The error and its message are those of this process."""
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
    """An image whose worker waits at the gate."""
    with begin(image, worker=held_worker.MODULE) as opening:
        opening.begin()
        deadline = time.monotonic() + TIMEOUT
        while not gate.reached:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield opening


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_worker_is_an_error(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
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
    """This holds in every phase, even if the worker is stopped."""
    gate = Gate(monkeypatch, tmp_path, PHASES[phase])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGSTOP)
    assert has_ended(process.pid)


def test_a_stopped_worker_times_out(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "HEARTBEAT_TIMEOUT", 4.0)
    gate = Gate(monkeypatch, tmp_path, PHASES["finding duplicates"])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(WorkerError, match=r"no answer for 4 s"):
            load(opening)


def test_a_busy_worker_does_not_time_out(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was stopped and continued works on, too."""
    monkeypatch.setattr(remote, "HEARTBEAT_TIMEOUT", 3.0)
    beats: list[bytearray] = []
    receive = RemoteImage._receive
    monkeypatch.setattr(
        RemoteImage,
        "_receive",
        lambda self, body: receive(self, body) if body else beats.append(body),
    )
    gate = Gate(monkeypatch, tmp_path, PHASES["finding duplicates"])
    with holding(image, gate) as opening:
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGCONT)
        deadline = time.monotonic() + TIMEOUT
        while len(beats) < 5:  # longer than the timeout
            assert time.monotonic() < deadline
            time.sleep(0.01)
        gate.open()
        assert load(opening).events[-1] == "findings_found"


def test_results_survive_a_worker_that_dies_later(image: Path) -> None:
    """Contents cannot be read any more, and the error says why."""
    with begin(image) as opening:
        opened = load(opening).opened
        assert opened is not None
        process = worker_of(opening)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(OSError, match="the process that reads the image failed"):
            opened.contents[0].blob.pread(10, 0)
        assert opened.filesystem.table.find(b"etc/motd") is not None


@pytest.mark.parametrize("name", [*bad_worker.INVALID, *BAD])
def test_invalid_messages_are_an_error(
    image: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """They lead to a `WorkerError`, never to a hang or another exception."""
    monkeypatch.setenv(bad_worker.NAME, name)
    with (
        begin(image, worker=bad_worker.MODULE) as opening,
        pytest.raises(WorkerError, match="the process that reads the image failed: "),
    ):
        load(opening)


@pytest.mark.parametrize("name", ["full", "broken"])
def test_errors_in_the_worker_are_reported(
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


def test_an_unusable_cache_is_not_required(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening succeeds, and the cache's problem is known, as in commands."""
    folder = tmp_path / "cache"
    write(folder, b"no folder")
    store = Store(folder)
    with begin(image, store) as opening:
        assert load(opening).events[-1] == "findings_found"
    assert store.problem is not None


def test_more_bytes_than_requested_are_refused(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bad_worker.NAME, "oversending")
    with begin(image, worker=bad_worker.MODULE) as opening:
        source = opening.find(first)
        with pytest.raises(OSError, match="more bytes than requested"):
            source.blobs[0].pread(10, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_worker_ends_with_the_explorer(
    image: Path, temporary_folder: Path, number: int
) -> None:
    """The worker also removes what it wrote."""
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
    deadline = time.monotonic() + TIMEOUT
    while list(temporary_folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_leaving_wakes_waiting_threads(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    gate = Gate(monkeypatch, tmp_path, PHASES["indexing"])
    with holding(image, gate) as opening:
        opening.find(first)
        opening.close()
        with pytest.raises(LayerscopeError):
            opening.load(RecordingWatcher(), lambda: False)
        with pytest.raises(CancelledError):
            opening.load(RecordingWatcher(), lambda: True)
