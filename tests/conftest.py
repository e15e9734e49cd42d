"""What all tests share: a clean environment, the bundled image, and where snapshots lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import textual
import textual.constants
from hypothesis import HealthCheck, settings
from pytest_textual_snapshot import SVGImageExtension

from layerscope.demo import save_demo
from layerscope.tui.app import LayerscopeApp

ROOT = Path(__file__).resolve().parents[1]
BASELINE_TEXTUAL = "8.2.8"
"""The version of Textual that the SVG baselines were drawn with: others paint other pixels."""

for _variable in (
    "NO_COLOR",
    "TEXTUAL_THEME",
    "COLORTERM",
    "LAYERSCOPE_LIMITS",
    "LAYERSCOPE_CONFIG",
    "LAYERSCOPE_THEME",
):
    os.environ.pop(_variable, None)
# A busy machine fails no test.
settings.register_profile(
    "patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
LayerscopeApp.forgiving = False  # an unexpected error fails the test instead of becoming a dialog
textual.constants.TEXTUAL_ANIMATIONS = "none"  # type: ignore[misc]  # read once, when the snapshot plug-in imports it


def _top_level_folder(cls: type, *, test_location: Any) -> str:
    """Snapshots lie in `snapshots/<test module>/`."""
    return str(ROOT / "snapshots" / test_location.basename)


SVGImageExtension.dirname = classmethod(_top_level_folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip comparisons of SVG where they cannot hold, and say why."""
    if textual.__version__ == BASELINE_TEXTUAL:
        return
    skip = pytest.mark.skip(
        reason=f"SVG baselines are of Textual {BASELINE_TEXTUAL}, this is {textual.__version__}"
    )
    for item in items:
        if "snap_compare" in getattr(item, "fixturenames", ()):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def demo_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample image as a file, always at a path of the same name."""
    path = tmp_path_factory.mktemp("demo") / "flask-demo.tar"
    save_demo(path)
    return path


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's configuration or cache, or asks the user's engines."""
    base = tmp_path_factory.mktemp("home")
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
