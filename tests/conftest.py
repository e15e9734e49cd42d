"""Set-up for all tests: a clean environment, the bundled image, and the folders of snapshots."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import textual
import textual.constants
from hypothesis import HealthCheck, settings
from pytest_textual_snapshot import SVGImageExtension

from bench.bytecode import compile_program
from layerscope.channel import second_process
from layerscope.demo import save_demo
from layerscope.layers.store import Store
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.widgets.line_list import LineList
from tests import forked, json_documents
from tests.layers.caching import settled
from tests.tui.explorer import cache_of

ROOT = Path(__file__).resolve().parents[1]
BASELINE_TEXTUAL = "8.2.8"
"""The version of Textual that drew the SVG baselines: other versions draw them differently."""
LONGEST_ID = 300
"""Maximum characters of a parameter in the name of a test."""

for _variable in (
    "NO_COLOR",
    "TEXTUAL_THEME",
    "LAYERSCOPE_LIMITS",
    "LAYERSCOPE_CONFIG",
    "LAYERSCOPE_THEME",
):
    os.environ.pop(_variable, None)
os.environ["COLORTERM"] = "truecolor"  # as in the terminals that most people use
# As the program does, for the processes that tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A busy machine fails no test.
settings.register_profile(
    "patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
ExplorerApp.forgiving = False  # an unexpected error fails the test instead of becoming a dialog
LineList.rest_seconds = 0  # panes follow each key
json_documents.watch()
textual.constants.TEXTUAL_ANIMATIONS = "none"  # type: ignore[misc]  # read once, when the snapshot plug-in imports it


def _top_level_folder(cls: type, *, test_location: Any) -> str:
    """The folder of a module's snapshots: `snapshots/<test module>/`."""
    return str(ROOT / "snapshots" / test_location.basename)


SVGImageExtension.dirname = classmethod(_top_level_folder)


def pytest_configure(config: pytest.Config) -> None:
    """Compile the program once, for the thousands of processes that tests start: a checkout has no bytecode."""
    if not hasattr(config, "workerinput"):
        compile_program()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values are not part of a test's name, which is sent between processes for each of its reports."""
    is_long = isinstance(val, (str, bytes)) and len(val) > LONGEST_ID
    return argname if is_long else None


def pytest_collection_finish() -> None:
    """Collect garbage less often, and never look through modules and tests again: it took a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip comparisons of SVG with other versions of Textual, with the reason."""
    if textual.__version__ == BASELINE_TEXTUAL:
        return
    skip = pytest.mark.skip(
        reason=f"SVG baselines are of Textual {BASELINE_TEXTUAL}, this is {textual.__version__}"
    )
    for item in items:
        if "snap_compare" in getattr(item, "fixturenames", ()):
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Fail a test in which a JSON document did not match its schema."""
    try:
        return (yield)
    finally:
        json_documents.raise_problems()


@pytest.fixture(scope="session")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Opened]:
    """The bundled sample image, built and opened once by each worker; its cache is beside it."""
    path = tmp_path_factory.mktemp("demo") / "flask-demo.tar"
    save_demo(path)
    settled(path)  # otherwise nothing is cached
    options = Options(verify_small=False, rules={}, cache=Store(cache_of(path)))
    return path, open_image(Request(str(path)), options)


@pytest.fixture(scope="session")
def demo_image(_demo: tuple[Path, Opened]) -> Path:
    """The sample image as a file, always at a path of the same name."""
    return _demo[0]


@pytest.fixture(scope="session")
def demo_opened(_demo: tuple[Path, Opened]) -> Opened:
    """The sample image with duplicates and findings; tests only read it."""
    return _demo[1]


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home directory for each test. pytest itself would list all earlier ones to name the next."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_folders(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's configuration or cache, or asks the user's engines."""
    base = next(_homes)
    base.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(base / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(base / "state"))
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(base / "cache"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{base}/docker.sock")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{base}/podman.sock")
    for name in (
        "CONTAINERS_STORAGE_CONF",
        "STORAGE_DRIVER",
        "STORAGE_OPTS",
        "CONTAINERD_ADDRESS",
        "CONTAINERD_NAMESPACE",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start workers as copies of one process. `tests/opening/test_remote.py` and `tests/test_termination.py` start them as users do."""
    monkeypatch.setattr(second_process, "start", forked.start)
