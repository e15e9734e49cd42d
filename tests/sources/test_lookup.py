"""References without a scheme: which source has the image?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.errors import (
    ImageNotFoundError,
    LayerscopeError,
    NotAnImageError,
    UnreachableError,
    UsageError,
)
from layerscope.opening.open import open_image
from layerscope.sources import SOURCES, Request, open_source
from layerscope.sources.base import FoundImages
from layerscope.sources.lookup import Source, find_in_turn
from layerscope.sources.references import NotInStoreError
from tests.images import write
from tests.sources.image_files import LAYERS
from tests.sources.stores import docker_store, podman_store

HERE = FoundImages("here", [])


def source(name: str, outcome: FoundImages | LayerscopeError, *, stored: bool = False) -> Source:
    """A source with a fixed answer."""

    def find(request: Request, reference: str, kinds: Sequence[str]) -> FoundImages:
        if isinstance(outcome, LayerscopeError):
            raise outcome
        return outcome

    return Source(name, (name,), find, stored)


def ask(reference: str, *others: Source, store_root: Path | None = None) -> FoundImages:
    """Ask the files, then these."""
    return find_in_turn(Request(reference, store_root=store_root), (SOURCES[0], *others))


DOWN = source("down", UnreachableError("nobody answers"))
LOCKED = source("locked", UnreachableError("permission denied", hint="run it as root"))
EMPTY = source("empty", NotInStoreError("no such image", ["docker.io/library/flask:3"]))


def test_the_order_is_fixed() -> None:
    """Files, engines, stores, registry."""
    assert [each.name for each in SOURCES] == [
        "files", "docker", "podman", "containers-storage", "docker-store", "containerd", "registry",
    ]  # fmt: skip


def test_the_first_source_with_the_image_is_used() -> None:
    """Sources that do not have it are passed over."""
    broken = source("broken", LayerscopeError("never asked"))
    assert ask("flask", DOWN, EMPTY, source("a", HERE), broken) is HERE


def test_damage_is_not_skipped() -> None:
    """A source that has a damaged image is the error; no other source is asked."""
    with pytest.raises(LayerscopeError, match="damaged"):
        ask("flask", source("a", LayerscopeError("damaged")), source("b", HERE))


def test_every_attempt_is_reported() -> None:
    """The error has each source's answer, similar names, and exit code 3."""
    with pytest.raises(ImageNotFoundError) as caught:
        ask("flask:4", DOWN, EMPTY)
    assert caught.value.message == (
        "flask:4: image not found locally (down: nobody answers; empty: no such image)"
    )
    assert caught.value.hint == "did you mean flask:3?"
    assert caught.value.exit_code == 3


def test_unreachable_engines_have_their_own_exit_code() -> None:
    """The hint is that of a source that has one."""
    with pytest.raises(
        UnreachableError, match="down: nobody answers; locked: permission denied"
    ) as caught:
        ask("flask", DOWN, LOCKED)
    assert caught.value.hint == "run it as root"
    assert caught.value.exit_code == 4


def test_unreadable_stores_are_unreachable() -> None:
    def find(*_: object) -> FoundImages:
        raise PermissionError(13, "Permission denied", "/store/x")

    with pytest.raises(UnreachableError, match="locked: /store/x: permission denied"):
        ask("flask", Source("locked", ("locked",), find))


@pytest.mark.parametrize("reference", ["/no/flask", "./flask", "../flask", "~/flask", "flask.tar"])
def test_a_path_is_not_a_name(reference: str) -> None:
    """No source is asked."""
    with pytest.raises(ImageNotFoundError, match="no such file or directory"):
        ask(reference, source("a", HERE))


def test_a_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one that is not an image; a folder without an image gives way to an image of that name."""
    monkeypatch.chdir(tmp_path)
    write(Path("flask"), b"no image")
    with pytest.raises(NotAnImageError):
        ask("flask", source("a", HERE))
    Path("web").mkdir()
    assert ask("web", source("a", HERE)) is HERE
    with pytest.raises(NotAnImageError):
        ask("web", EMPTY)
    with pytest.raises(NotAnImageError):
        ask("./web", source("a", HERE))


def test_store_root_searches_stores_only(tmp_path: Path) -> None:
    """The kind of store is detected."""
    assert ask("a", source("engine", LayerscopeError("never asked")),
               source("store", HERE, stored=True), store_root=tmp_path) is HERE  # fmt: skip
    podman_store(tmp_path / "podman", LAYERS)
    docker_store(tmp_path / "docker", LAYERS)
    for kind, folder in (("containers-storage", "podman"), ("docker-store", "docker")):
        opened = open_image(Request("demo", store_root=tmp_path / folder))
        assert opened.image.source_kind == kind


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        open_source(Request("dokcer://flask"))
    assert "docker://" in str(caught.value.hint)
    assert "containerd://" in str(caught.value.hint)
