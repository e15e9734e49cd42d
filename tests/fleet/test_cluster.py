"""A Dask cluster gives the same figures as one machine, even if it loses a worker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from layerscope.errors import UnreachableError, UsageError
from layerscope.fleet.cluster import address_of, cluster
from layerscope.fleet.fleet import Fleet, read_fleet
from layerscope.progress import NullProgress
from layerscope.report.fleet_json import document
from tests.fleet.running import fleet_of, setup_of, written

WORKERS = 3


@contextmanager
def running(folder: Path, workers: int, *more: str) -> Iterator[Path]:
    """A cluster in this folder; yields its scheduler file."""
    path = folder / "scheduler.json"
    environment = {**os.environ, "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False"}
    common = ["--scheduler-file", str(path), "--no-dashboard", *more]
    with (folder / "log").open("wb") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{name}", *common, *options],
                env=environment,
                stdout=log,
                stderr=log,
            )
            for name, options in (
                ("scheduler", ["--host", "127.0.0.1", "--port", "0"]),
                (
                    "worker",
                    ["--nworkers", str(workers), "--nthreads", "1", "--local-directory", str(folder / "work")],
                ),
            )
        ]  # fmt: skip
        try:
            yield path
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                process.wait(60)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The scheduler file of a cluster with three workers, each in a process of its own."""
    with running(tmp_path_factory.mktemp("cluster"), WORKERS) as path:
        yield path


def workers_of(scheduler: Path) -> list[int]:
    """The process IDs of the workers, once all have started."""
    from distributed import Client

    deadline = time.monotonic() + 120
    while not scheduler.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with Client(scheduler_file=str(scheduler), timeout=60, set_as_default=False) as client:
        client.wait_for_workers(WORKERS, timeout=120)
        return list(client.run(os.getpid).values())


def read_by_cluster(folder: Path, paths: list[Path], scheduler: Path) -> Fleet:
    """The fleet, read by the cluster."""
    with cluster(str(scheduler)) as workers:
        setup = replace(setup_of(folder), carry=True)
        return read_fleet([str(path) for path in paths], setup, workers, NullProgress())


@pytest.mark.engine
def test_a_cluster_gives_the_figures_of_one_machine(tmp_path: Path, scheduler: Path) -> None:
    """The JSON is identical, and nothing is left on the workers."""
    paths = written(tmp_path / "images", 8)
    workers_of(scheduler)
    clustered = read_by_cluster(tmp_path, paths, scheduler)
    local = fleet_of(tmp_path, paths)
    assert json.dumps(document(clustered)) == json.dumps(document(local))
    assert clustered.reading.layers_read == local.reading.layers_read
    assert not list((scheduler.parent / "work").rglob("layerscope-*"))
    assert not (tmp_path / "store").exists() or not any((tmp_path / "store").rglob("index*"))


@pytest.mark.engine
def test_relative_paths_are_relative_to_the_folder_of_the_command(
    tmp_path: Path, scheduler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If workers do not have that folder, the images are not found."""
    written(tmp_path / "images", 2)
    monkeypatch.chdir(tmp_path)
    paths = [Path("images/000.tar"), Path("images/none.tar")]
    workers_of(scheduler)
    clustered = read_by_cluster(tmp_path, paths, scheduler)
    assert clustered.results.images == 2
    assert document(clustered) == document(fleet_of(tmp_path, paths))
    monkeypatch.setattr("layerscope.fleet.cluster._current_folder", lambda: "/nowhere")
    totals = document(read_by_cluster(tmp_path, paths, scheduler))["fleet"]["totals"]
    assert totals["failedImages"] == 2


@pytest.mark.engine
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_cluster_is_reached_by_tls(tmp_path: Path) -> None:
    """With the certificates of Dask's configuration; without them, the hint names the setting."""
    import dask
    from distributed import Client

    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(["openssl", *make], check=True, capture_output=True)
    (tmp_path / "cluster").mkdir()
    files = ["--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key]
    paths = written(tmp_path / "images", 2)
    with running(tmp_path / "cluster", 1, *files, "--protocol", "tls") as file:
        while not file.exists():
            time.sleep(0.1)
        assert address_of(str(file)).startswith("tls://127.0.0.1:")
        with pytest.raises(UnreachableError) as refused:
            read_by_cluster(tmp_path, paths, file)
        assert "distributed.comm.tls" in str(refused.value.hint)
        tls = {"ca-file": certificate, "client.key": key, "client.cert": certificate}
        with dask.config.set(
            {f"distributed.comm.tls.{name}": value for name, value in tls.items()}
        ):
            with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
                client.wait_for_workers(1, timeout=120)
            clustered = read_by_cluster(tmp_path, paths, file)
    assert document(clustered) == document(fleet_of(tmp_path, paths))


@pytest.mark.engine
def test_a_lost_worker_loses_nothing(tmp_path: Path, scheduler: Path) -> None:
    """Other workers repeat its tasks."""
    paths = written(tmp_path / "images", 12, 0.03)
    victim = workers_of(scheduler)[0]
    found: list[Fleet] = []
    run = threading.Thread(target=lambda: found.append(read_by_cluster(tmp_path, paths, scheduler)))
    run.start()
    while not list((scheduler.parent / "work").rglob("layerscope-*")) and run.is_alive():
        time.sleep(0.01)
    os.kill(victim, signal.SIGKILL)
    run.join(300)
    [clustered] = found
    assert document(clustered) == document(fleet_of(tmp_path, paths))


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("tcp://192.0.2.1:8786", "not encrypted"),
        ("tcp://example.org:8786", "not encrypted"),
        ("ws://127.0.0.1:8786", "expected tls://"),
        ("inproc://1", "expected tls://"),
        ("/nowhere/scheduler.json", "No such file"),
    ],
)
def test_an_unencrypted_remote_scheduler_is_refused(named: str, problem: str) -> None:
    """Its results are unpickled, so nobody else may write them."""
    with pytest.raises(UsageError, match=problem):
        address_of(named)


@pytest.mark.parametrize(
    "named",
    ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:1", "tls://example.org:1"],
)
def test_local_and_encrypted_schedulers_are_accepted(named: str) -> None:
    assert address_of(named) == named


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"x"', "\x00", '{"address": "tcp://192.0.2.1:1"}']
)
def test_a_scheduler_file_is_checked_too(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(text)
    with pytest.raises(UsageError):
        address_of(str(path))


def test_a_scheduler_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layerscope.fleet.cluster._WAIT_SECONDS", 1)
    with pytest.raises(UnreachableError, match="cannot be reached"), cluster("tcp://127.0.0.1:9"):
        pass
