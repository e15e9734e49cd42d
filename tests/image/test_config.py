"""The image config, read leniently (OCI image-spec config.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from layerscope.errors import LimitExceededError
from layerscope.image.config import ConfigDocument, parse_config
from layerscope.image.documents import DocumentError
from layerscope.image.platform import Platform
from layerscope.limits import DEFAULT_LIMITS, Limits
from tests.images import digest

COMPLETE: dict[str, Any] = {
    "architecture": "arm64",
    "os": "linux",
    "variant": "v8",
    "created": "2024-01-01T00:00:00Z",
    "config": {
        "User": "app",
        "Env": ["A=1", "B="],
        "Entrypoint": ["/entry"],
        "Cmd": ["run", "-x"],
        "WorkingDir": "/srv",
        "Labels": {"a": "1", "b": ""},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "Shell": ["/bin/bash", "-c"],
    },
    "rootfs": {"type": "layers", "diff_ids": [digest(b"1"), digest(b"2")]},
    "history": [
        {"created": "2024", "created_by": "COPY x /", "author": "me", "comment": "hm"},
        {"created_by": "CMD x", "empty_layer": True},
    ],
}


def _parse(document: object) -> ConfigDocument:
    return parse_config(json.dumps(document).encode(), "the config", DEFAULT_LIMITS)


def test_a_complete_config_is_read() -> None:
    """Every field is read, without a warning."""
    found = _parse(COMPLETE)
    assert found.platform == Platform("linux", "arm64")
    assert found.created == "2024-01-01T00:00:00Z"
    assert (found.config.user, found.config.working_dir) == ("app", "/srv")
    assert (found.config.env, found.config.entrypoint) == (("A=1", "B="), ("/entry",))
    assert (found.config.cmd, found.config.labels) == (("run", "-x"), {"a": "1", "b": ""})
    assert (found.config.exposed_ports, found.config.volumes) == (("80/tcp",), ("/data",))
    assert found.shell == ("/bin/bash", "-c")
    assert found.diff_ids == (digest(b"1"), digest(b"2"))
    first, second = found.history
    assert (first.created_by, first.author, first.comment) == ("COPY x /", "me", "hm")
    assert (first.empty_layer, second.empty_layer) == (False, True)
    assert (found.is_image, found.warnings) == (True, ())


@pytest.mark.parametrize("config", [None, {}, {"Env": None, "Labels": None, "Cmd": None}])
def test_everything_is_optional(config: object) -> None:
    """Go writes null for empty fields."""
    found = _parse({"rootfs": {"diff_ids": None}, "history": None, "config": config})
    assert (found.config.env, found.config.labels, found.history, found.diff_ids) == (
        (),
        {},
        (),
        (),
    )
    assert (found.is_image, found.warnings) == (True, ())
    assert str(found.platform) == ""


def test_unknown_fields_are_ignored() -> None:
    """Engines add fields of their own."""
    extra = {"docker_version": "1", "container": "x", "moby.buildkit.cache.v0": "e30=" * 10_000}
    assert _parse(COMPLETE | extra) == _parse(COMPLETE)


def test_wrong_types_are_ignored_with_one_warning() -> None:
    """The warning says how many there are, and names some."""
    found = _parse(
        COMPLETE
        | {
            "os": 7,
            "created": [],
            "config": {"Env": "A=1", "Labels": {"a": 1, "b": "2"}, "User": {}, "Cmd": [1, "x"]},
            "rootfs": {"diff_ids": ["sha256:../../x", digest(b"2"), 7, None]},
            "history": [7, None, {"empty_layer": "yes", "created_by": ["x"]}],
        }
    )
    assert found.config.labels == {"b": "2"}
    assert (found.config.env, found.config.cmd, found.config.user) == ((), ("x",), None)
    assert found.diff_ids == (None, digest(b"2"), None, None)
    assert [entry.empty_layer for entry in found.history] == [False, False, False]
    (warning,) = found.warnings
    assert (warning.code, warning.layer) == ("config-type", None)
    assert "config.Env" in warning.message
    assert warning.message.startswith("9 members")


@pytest.mark.parametrize("document", [[], 7, "x", None, {}, {"name": "chart"}, {"os": "linux"}])
def test_other_documents_are_not_images(document: object) -> None:
    """Configs of artifacts and other documents are recognised."""
    assert not _parse(document).is_image


@pytest.mark.parametrize("document", [{"rootfs": {}}, {"os": "linux", "architecture": "amd64"}])
def test_minimal_configs_are_images(document: object) -> None:
    """A config needs `rootfs`, or a system and an architecture."""
    assert _parse(document).is_image


def test_a_broken_encoding_is_a_warning() -> None:
    """The other fields are read."""
    data = json.dumps(COMPLETE).encode().replace(b'"app"', b'"caf\xe9"')
    found = parse_config(data, "the config", DEFAULT_LIMITS)
    assert found.config.user == "caf\ufffd"
    assert [warning.code for warning in found.warnings] == ["config-encoding"]
    assert found.config.env == ("A=1", "B=")


def test_a_history_beyond_the_limit_is_refused() -> None:
    """The error names the limit."""
    data = json.dumps({"history": [{}] * 11}).encode()
    with pytest.raises(
        LimitExceededError,
        match=r"the config: limit history_entries exceeded: 11 found, 10 allowed",
    ) as caught:
        parse_config(data, "the config", Limits(history_entries=10))
    assert "--limit history_entries=" in str(caught.value.hint)
    assert len(parse_config(data, "the config", Limits(history_entries=11)).history) == 11


def test_invalid_json_is_reported() -> None:
    """The error names the document."""
    with pytest.raises(DocumentError, match="the config is not valid JSON"):
        parse_config(b"{", "the config", DEFAULT_LIMITS)
