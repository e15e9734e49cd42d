"""JSON documents that are not images: parts of one, reports, and errors of servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerscope.sources.kinds.documents import KINDS
from layerscope.sources.kinds.files import DESCRIBED
from tests.images import docker_files, oci_files
from tests.report.sample import opened, report
from tests.sources.image_files import LAYERS, Layout, refuse, save

OCI = oci_files(LAYERS)
DOCKER = docker_files(LAYERS)
MANIFEST = next(data for data in OCI.values() if b"application/vnd.oci.image.config" in data)
CONFIG = next(data for name, data in DOCKER.items() if b'"rootfs"' in data)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_is_recognised_by_its_keys(tmp_path: Path, kind: Any) -> None:
    """Keys match in any case, and in the first item of an array."""
    document = {key.title(): "x" for key in kind.keys}
    for data in (document, [document, {}]):
        error = refuse(save(tmp_path, json.dumps(data).encode()))
        assert f"the file is {kind.name}, not an image" in str(error)
        assert error.hint == kind.hint


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (OCI["index.json"], "an OCI index"),
        (MANIFEST, "an OCI manifest"),
        (CONFIG, "an image config"),
        (OCI["oci-layout"], "the oci-layout file of a layout"),
        (DOCKER["manifest.json"], "the manifest.json of an archive"),
        (json.dumps(Layout().blob("x", b"x")).encode(), "an OCI descriptor"),
        (b'{"type":2,"payload":"","position":0}\n{"type":1,"payload":"","position":1}\n', "tar-split metadata of a layer"),
        (b'{"schemaVersion": 2}', "a JSON document"),
        (b"  [1]", "a JSON document"),
        (b"[]", "a JSON document"),
        (b"{", "a JSON document"),
        (b"[" * 100_000, "a JSON document"),
        (b'{"a": "' + b"x" * DESCRIBED + b'"}', "a JSON document"),
    ],
    ids=range(13),
)  # fmt: skip
def test_real_documents_are_recognised(tmp_path: Path, data: bytes, name: str) -> None:
    assert f"the file is {name}, not an image" in str(refuse(save(tmp_path, data)))


def test_our_own_report_is_recognised(tmp_path: Path) -> None:
    from tests.images import docker_archive

    data = report(opened(tmp_path / "a.tar", docker_archive(LAYERS)), "json")
    error = refuse(save(tmp_path, data, "report.json"))
    assert "a layerscope report" in str(error)
    assert "--baseline" in str(error.hint)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}, "MANIFEST_UNKNOWN: manifest unknown"),
        ({"errors": [{"code": "UNAUTHORIZED"}]}, "UNAUTHORIZED"),
        ({"message": "No such image: x"}, "No such image: x"),
        ({"cause": "x", "message": "x: image not known", "response": 404}, "x: image not known"),
        ({"message": "404 Project Not Found"}, "404 Project Not Found"),
        ({"error": "invalid_token", "error_description": "it has expired"}, "it has expired"),
        ({"error": {"code": 404, "message": "Not found", "status": "NOT_FOUND"}}, "Not found"),
        ({"error": {"code": "BlobNotFound", "message": "gone"}}, "BlobNotFound: gone"),
        ({"type": "about:blank", "title": "Gone", "status": 410, "detail": "It was deleted."}, "It was deleted."),
        ({"kind": "Status", "status": "Failure", "message": "pods is forbidden"}, "pods is forbidden"),
        ({"Message": "Signature expired", "__type": "x"}, "Signature expired"),
        ({"error": "a\x1b[31m\u202eb\nc"}, "a\\e[31m\\u202eb c"),
        ({"error": "x" * 9999}, "x" * 199 + "…"),
    ],
    ids=range(13),
)  # fmt: skip
def test_the_message_of_a_server_is_quoted(tmp_path: Path, document: Any, message: str) -> None:
    """Messages of registries, engines, object stores and forges are shortened and escaped."""
    message_shown = str(refuse(save(tmp_path, json.dumps(document).encode(), "a.tar")))
    assert message_shown.endswith(f"the file is an error from a server, not an image: {message}")


def test_the_error_in_json_lines_is_quoted(tmp_path: Path) -> None:
    """Engines report a failed pull this way."""
    lines = [{"status": "Pulling"}, {"errorDetail": {"message": "denied"}, "error": "denied"}]
    data = "\r\n".join(map(json.dumps, lines)).encode()
    assert str(refuse(save(tmp_path, data))).endswith(": denied")


def test_an_error_nested_without_end_is_a_json_document(tmp_path: Path) -> None:
    nested: Any = "x"
    for _ in range(50):
        nested = {"error": nested}
    assert "a JSON document" in str(refuse(save(tmp_path, json.dumps(nested).encode())))
