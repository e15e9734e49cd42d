"""Runs tasks on a Dask cluster (`distributed`), which repeats tasks of lost workers and gives up tasks that kill workers.

Unpickling a result can run any code, so the scheduler must be on this machine or be reached by TLS.
"""

from __future__ import annotations

import ipaddress
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from layerscope import __version__
from layerscope.errors import LayerscopeError, UnreachableError, UsageError
from layerscope.files import read_file
from layerscope.fleet.messages import StoreAt
from layerscope.fleet.pending import Workers
from layerscope.text import safe_name

_Result = TypeVar("_Result")

_WAIT_SECONDS = 15
"""Seconds to wait for the scheduler, and for a first worker."""
_AT_ONCE = 3
"""Tasks queued per worker thread, so that no thread waits for its next one."""


@contextmanager
def cluster(named: str) -> Iterator[Workers]:
    """The workers of a cluster: `named` is the address of its scheduler, or its scheduler file.

    Raises `UsageError` and `UnreachableError`.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            f"--cluster needs Dask distributed, which is not installed ({error})",
            hint="pip install 'layerscope[fleet]'",
        ) from None
    address = address_of(named)
    try:
        client = distributed.Client(address, timeout=_WAIT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        raise UnreachableError(
            f"{safe_name(address)}: the scheduler cannot be reached: {safe_name(str(error))[:200]}",
            hint="is it running? certificates for tls:// are those of Dask's configuration (distributed.comm.tls)",
        ) from error
    with client:
        executor = _Cluster(client)
        try:
            yield Workers(executor, _AT_ONCE * _check_workers(client, address))
        finally:
            executor.forget()


def address_of(named: str) -> str:
    """The address of a scheduler, which is checked. Raises `UsageError`."""
    address = named if "://" in named else _from_file(Path(named))
    url = urlsplit(address)
    if url.scheme not in ("tls", "tcp"):
        raise UsageError(
            f"--cluster {safe_name(named)}: expected tls://HOST:PORT, tcp:// on this machine, or a scheduler file"
        )
    if url.scheme == "tcp" and not _is_loopback(url.hostname or ""):
        raise UsageError(
            f"--cluster {safe_name(named)}: {safe_name(address)} is another machine, and is not encrypted",
            hint="start the scheduler with --protocol tls and certificates, and name it as tls://HOST:PORT",
        )
    return address


def _from_file(path: Path) -> str:
    try:
        document = json.loads(read_file(path, 1 << 20))
        address = document["address"]
    except OSError as error:
        raise UsageError(f"--cluster {safe_name(str(path))}: {error.strerror or error}") from None
    except (ValueError, LookupError, TypeError):
        raise UsageError(
            f"--cluster {safe_name(str(path))}: not a scheduler file",
            hint="dask scheduler --scheduler-file FILE writes one",
        ) from None
    return str(address)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_workers(client: Any, address: str) -> int:
    """The number of threads of all workers, which all have this version. Raises `UnreachableError` and `UsageError`."""
    try:
        client.wait_for_workers(1, timeout=_WAIT_SECONDS)
        versions = client.run(_version)
        threads = int(sum(client.nthreads().values()))
    except TimeoutError as error:
        raise UnreachableError(
            f"{safe_name(address)}: the cluster has no workers",
            hint="start some: dask worker --nthreads 1 --nworkers 4 ADDRESS",
        ) from error
    others = sorted({str(version) for version in versions.values() if version != __version__})
    if others:
        raise UsageError(
            f"{safe_name(address)}: workers have layerscope {safe_name(', '.join(others))[:200]}; this is {__version__}",
            hint="install the same version everywhere",
        )
    return threads


def _version() -> str | None:
    """The version of layerscope on a worker."""
    return __version__


class _Cluster:
    """A `TaskExecutor`."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._run = f"layerscope-{uuid.uuid4().hex}"
        self._client_folder = _current_folder()
        self._executor = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., _Result], /, *args: Any) -> Future[_Result]:
        future: Future[_Result] = Future()
        remote = self._executor.submit(_on_worker, self._run, self._client_folder, fn, *args)
        remote.add_done_callback(partial(_copy_result, future))
        return future

    def forget(self) -> None:
        """Cancel pending tasks, and remove what workers stored."""
        self._executor.shutdown(wait=False)
        try:
            self._client.run(_remove_folder, self._run, on_error="ignore")
        except (OSError, RuntimeError, TimeoutError) as error:
            raise LayerscopeError(f"the cluster was lost: {safe_name(str(error))[:200]}") from error


def _copy_result(future: Future[Any], remote: Future[Any]) -> None:
    """Set the result or the error of a future of the cluster on `future`."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        result = remote.result()
    except KilledWorker:
        future.set_exception(
            LayerscopeError(
                "given up: it ended the workers that read it",
                hint="is memory short? give each worker one thread, and more memory",
            )
        )
    except (CancelledError, CommClosedError) as error:
        future.set_exception(UnreachableError(f"the cluster was lost: {type(error).__name__}"))
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _folder(run: str, worker: Any) -> Path:
    """The folder of a run on a worker, inside the folder that the worker removes when it ends."""
    return Path(worker.local_directory) / run


def _current_folder() -> str:
    """The path of the working folder; "" if it was removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _on_worker(
    run: str, client_folder: str, function: Callable[..., _Result], task: Any, *args: Any
) -> _Result:
    """Run a task on a worker with a store of its own, in the folder of the command."""
    from distributed import get_worker

    folder = _folder(run, get_worker()).absolute()
    folder.mkdir(0o700, parents=True, exist_ok=True)
    with _WORKING_FOLDER.entered(client_folder, folder):
        store = StoreAt(str(folder), private=True)
        return function(replace(task, setup=replace(task.setup, store=store)), *args)


class _WorkingFolder:
    """The working folder of a worker's process, to which paths of tasks are relative. Only tasks of one folder run at a time."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._tasks = 0
        self._folder = ""

    @contextmanager
    def entered(self, folder: str, otherwise: Path) -> Iterator[None]:
        """Work in `folder`, or in `otherwise` if it does not exist here; first wait for tasks in other folders."""
        with self._free:
            self._free.wait_for(lambda: not self._tasks or self._folder == folder)
            if not self._tasks:
                self._folder, self._before = folder, Path.cwd()
                try:
                    os.chdir(folder)
                except OSError:
                    os.chdir(otherwise)
            self._tasks += 1
        try:
            yield
        finally:
            with self._free:
                self._tasks -= 1
                if not self._tasks:
                    os.chdir(self._before)
                    self._free.notify_all()


_WORKING_FOLDER = _WorkingFolder()


def _remove_folder(run: str, dask_worker: Any) -> None:
    """Remove what a worker stored for a run. Dask passes the worker under this name."""
    import shutil

    shutil.rmtree(_folder(run, dask_worker), ignore_errors=True)
