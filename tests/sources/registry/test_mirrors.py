"""Mirrors as Podman and Docker configure them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerscope.errors import LayerscopeError, UsageError
from layerscope.limits import DEFAULT_LIMITS
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request, open_source
from layerscope.sources.registry.hosts import Endpoint, endpoints_of
from layerscope.sources.registry.repository import Reference
from tests.images import file, layer_tar, oci_files
from tests.sources.registry.server import Handler, Registry

IMAGE = oci_files([layer_tar([file("a", b"1" * 900)]), layer_tar([file("b", b"2")])])


def configured(tmp_path: Path, text: str) -> None:
    """Write Podman's configuration."""
    (tmp_path / "registries.conf").write_text(text)


def test_a_mirror_serves_where_the_registry_is_out_of_reach(
    registry: Registry, tmp_path: Path
) -> None:
    """Even if it has no referrers."""
    registry.repository("library/app").push(IMAGE)
    configured(
        tmp_path,
        f'[[registry]]\nprefix = "docker.io/library"\nlocation = "gone.invalid"\n[[registry.mirror]]\nlocation = "{registry.host}/library"\n',
    )
    found = open_image(Request("registry://app"), Options(rules={}))
    assert all(found.verified(number) for number in range(2))
    with pytest.raises(LayerscopeError) as caught:
        open_source(Request("registry://other"))
    assert "gone.invalid: no such host" in caught.value.message
    assert f"its mirror: {registry.host} has no tag latest in library/other" in caught.value.message


def test_failing_mirrors_are_skipped(registry: Registry, tmp_path: Path) -> None:
    """After the first failure."""
    registry.repository().push(IMAGE)
    with Registry() as broken:

        def fail(handler: Handler) -> bool:
            handler.reply(500, b"{}")
            return True

        broken.misbehave = fail
        configured(
            tmp_path,
            f'[[registry]]\nprefix = "{registry.host}"\n[[registry.mirror]]\nlocation = "{broken.host}"\n',
        )
        open_image(Request(registry.reference()))
        assert len(broken.asked) == 1


def hosts(reference: str) -> list[tuple[str, str]]:
    """Host and path of each server, in order."""
    return [
        (one.host, one.path) for one in endpoints_of(Reference.parse(reference), DEFAULT_LIMITS)
    ]


def test_dockers_mirrors_are_for_docker_hub_only(tmp_path: Path) -> None:
    """As configured in daemon.json."""
    settings = {"registry-mirrors": ["https://m.test/hub/", "http://n.test"], "insecure-registries": ["i.test", "10.0.0.0/8"]}  # fmt: skip
    (tmp_path / "daemon.json").write_text(json.dumps(settings))
    assert hosts("nginx") == [("m.test", "hub/library/nginx"), ("n.test", "library/nginx"), ("docker.io", "library/nginx")]  # fmt: skip
    assert hosts("ghcr.io/a/b") == [("ghcr.io", "a/b")]
    for host, insecure in (
        ("i.test", True),
        ("10.1.2.3:5000", True),
        ("j.test", False),
        ("[::1]:5000", True),
    ):
        assert endpoints_of(Reference.parse(f"{host}/a"), DEFAULT_LIMITS)[0].insecure == insecure


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ('[[registry]]\nprefix = "*.test"\nlocation = "o.example/x"\n', "a.test/b", [("o.example", "x/b")]),
        ('[[registry]]\nprefix = "a.test/b"\nlocation = "o.example"\n', "a.test/bc", [("a.test", "bc")]),
        ('[[registry]]\nprefix = "a.test"\nlocation = "one"\n[[registry]]\nprefix = "a.test/b"\nlocation = "two.test"\n', "a.test/b/c", [("two.test", "c")]),
        ('[[registry]]\nlocation = "a.test"\n[[registry.mirror]]\nlocation = "m.test"\npull-from-mirror = "digest-only"\n', "a.test/b:1", [("a.test", "b")]),
        ('[[registry]]\nlocation = "a.test"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.test"\n', "a.test/b@sha256:" + "0" * 64, [("m.test", "b"), ("a.test", "b")]),
    ],
)  # fmt: skip
def test_podman_rewrites_prefixes(
    tmp_path: Path, text: str, reference: str, expected: list[tuple[str, str]]
) -> None:
    """The longest prefix is used."""
    configured(tmp_path, text)
    assert hosts(reference) == expected


def test_unreadable_configurations_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file, or a missing one."""
    for text in ("[[registry", "registry = 3\n[", "\xff"):
        (tmp_path / "registries.conf").write_bytes(text.encode("latin-1"))
        with pytest.raises(UsageError, match=r"registries\.conf"):
            hosts("a.test/b")
    for text in (
        "registry = 3", "registry = [1]", "[[registry]]\nlocation = 5", "[[registry]]\nblocked = 'x'",
        "[[registry]]\nlocation = 'a.test'\nmirror = 5", "[[registry]]\nlocation = 'a.test'\n[[registry.mirror]]\ninsecure = 1",
    ):  # fmt: skip
        configured(tmp_path, text)
        with pytest.raises(UsageError, match=r"registries\.conf: `"):
            hosts("a.test/b")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="no such file"):
        hosts("a.test/b")
    assert Endpoint("a.test", "b").server == "a.test"
