"""Test registries, on a machine without credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from layerscope.sources.registry import hosts
from tests.sources.registry.server import Registry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, without the machine's own configuration of registries."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    nothing = tmp_path / "registries.conf"
    nothing.write_text("")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(nothing))
    monkeypatch.setattr(hosts, "DAEMON_FILES", (str(tmp_path / "daemon.json"),))
    monkeypatch.setattr(hosts, "CERTIFICATES", (str(tmp_path / "certs.d"),))
    monkeypatch.setattr(hosts, "SYSTEM_CONFIGURATION", tmp_path / "containers")
    return home


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry without logins."""
    with Registry() as registry:
        yield registry
