"""Names without a scheme that no local source has: no registry is asked without consent."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.errors import LayerscopeError
from layerscope.sources import Request, open_source
from layerscope.sources.lookup import remote_name
from tests.images import file, layer_tar, oci_files
from tests.sources.registry.server import Registry
from tests.terminal import TMUX, layerscope, terminal

IMAGE = oci_files([layer_tar([file("a", b"1" * 900)])])


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which no engine and no store has images."""
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{tmp_path}/none"\n')
    environment = {
        "DOCKER_HOST": f"unix://{tmp_path}/none",
        "CONTAINER_HOST": f"unix://{tmp_path}/none",
        "CONTAINERS_STORAGE_CONF": str(conf),
        "CONTAINERD_ADDRESS": f"{tmp_path}/none",
        "LAYERSCOPE_CACHE_DIR": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.mark.parametrize("remote", ["ask", "never"])
def test_commands_ask_no_registry(registry: Registry, remote: str) -> None:
    """The hint says how to, unless the user does not want it."""
    registry.repository().push(IMAGE)
    with pytest.raises(LayerscopeError) as caught:
        open_source(Request(f"{registry.host}/app", remote=remote))  # type: ignore[arg-type]
    assert registry.asked == []
    offered = remote == "ask"
    assert caught.value.registry_reference == (
        f"registry://{registry.host}/app" if offered else None
    )
    hint = f"registry://{registry.host}/app opens it from its registry"
    assert (hint in str(caught.value.hint)) == offered


def test_the_setting_always_asks_the_registry(registry: Registry) -> None:
    registry.repository().push(IMAGE)
    found = open_source(Request(f"{registry.host}/app", remote="always"))
    assert found.image.source_kind == "registry"
    assert found.image.location == f"{registry.host}/app"


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("org/app:1.4", "docker.io/org/app:1.4"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("ghcr.io/org/app", "ghcr.io/org/app"),
        ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
        ("[::1]:5000/app", "[::1]:5000/app"),
        ("127.0.0.1:5000", None),
        ("localhost:5000", None),
        ("h:99999/app", None),
        ("ann:pw@h/app", None),
        ("app@sha256:" + "0" * 64, "docker.io/library/app@sha256:" + "0" * 64),
        ("app:1@sha256:" + "0" * 64, "docker.io/library/app:1@sha256:" + "0" * 64),
        ("0123456789ab", None),
        ("sha256:" + "0" * 64, None),
        ("App", None),
        ("a b", None),
        ("app:", None),
        ("../app", None),
        ("ghcr.io/", None),
        ("app@sha256:12", None),
        ("a" * 300, None),
    ],
)
def test_full_names(reference: str, name: str | None) -> None:
    """The full name in a registry; None for invalid names and IDs."""
    assert remote_name(reference) == name


@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_the_explorer_asks_first(registry: Registry, nowhere: dict[str, str]) -> None:
    """Only `y` opens it; the question has the full reference."""
    registry.repository().push(IMAGE, "1")
    reference = f"{registry.host}/app"
    with terminal(layerscope(f"{reference}:1"), environment=nowhere, width=160) as screen:
        screen.wait_for("Open it from there?")
        assert f"registry://{reference}:1" in screen.text()
        assert registry.asked == []
        screen.keys("n", "Enter")
        screen.wait_for("exit 3")
    with terminal(layerscope(f"{reference}:1"), environment=nowhere, width=160) as screen:
        screen.wait_for("Open it from there?")
        screen.keys("y", "Enter")
        screen.wait_for("digests ok")
        screen.keys("q")
        screen.wait_for("exit 0")
    with terminal(layerscope(reference), environment=nowhere, width=160) as screen:
        screen.wait_for("with its tags")
        screen.keys("y", "Enter")
        screen.wait_for(f"Tags of {reference}")
        screen.keys("q")
        screen.wait_for("exit 0")
