"""Recognizes JSON documents that are not images: parts of one, reports, or errors of a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from layerscope.image.documents import DocumentError, decode, lowercase_keys
from layerscope.limits import DEFAULT_LIMITS
from layerscope.sources.kinds import OPENS, quoted

_WHERE = "open the directory or the archive that it belongs to"
_INSPECT = "save the image: docker save -o FILE IMAGE"
_AGAIN = "download it again; the server may want a login"
_NESTING = 8
"""Maximum depth of nested errors to search for a message."""


class DocumentKind(Struct, frozen=True):
    """A kind of JSON object, or of the objects in an array."""

    name: str
    """With its article."""
    keys: tuple[str, ...]
    """All must be present; lower case, as keys are compared case-insensitively."""
    hint: str = OPENS


KINDS = (
    DocumentKind("a layerscope report", ("schemaversion", "totals", "steps"), "compare with it: layerscope ci IMAGE --baseline FILE"),
    DocumentKind("a dive report", ("layer", "image")),
    DocumentKind("an OCI index", ("manifests",), _WHERE),
    DocumentKind("a manifest of the obsolete schema 1", ("fslayers",), _WHERE),
    DocumentKind("the manifest.json of an archive", ("config", "layers", "repotags"), _WHERE),
    DocumentKind("an OCI manifest", ("config", "layers"), _WHERE),
    DocumentKind("an artifact manifest", ("mediatype", "artifacttype"), _WHERE),
    DocumentKind("the output of docker inspect", ("id", "repotags"), _INSPECT),
    DocumentKind("the output of docker inspect", ("id", "hostconfig"), _INSPECT),
    DocumentKind("an image config", ("rootfs", "architecture"), _WHERE),
    DocumentKind("an image config", ("rootfs", "history"), _WHERE),
    DocumentKind("an image config", ("container_config",), _WHERE),
    DocumentKind("the oci-layout file of a layout", ("imagelayoutversion",), _WHERE),
    DocumentKind("an OCI descriptor", ("mediatype", "digest", "size"), _WHERE),
    DocumentKind("a BuildKit cache config", ("layers", "records"), "save the image: docker buildx build --output type=docker,dest=FILE"),
    DocumentKind("metadata of docker buildx build", ("containerimage.digest",), _INSPECT),
    DocumentKind("a runtime config", ("ociversion", "process"), _INSPECT),
    DocumentKind("an in-toto statement", ("predicatetype",)),
    DocumentKind("a DSSE envelope", ("payloadtype", "signatures")),
    DocumentKind("a cosign signature", ("critical",)),
    DocumentKind("a CycloneDX SBOM", ("bomformat",)),
    DocumentKind("an SPDX SBOM", ("spdxversion",)),
    DocumentKind("a Syft SBOM", ("artifacts", "descriptor")),
    DocumentKind("a SARIF report", ("runs", "version")),
    DocumentKind("a Trivy report", ("artifactname", "results")),
    DocumentKind("a table of contents of an eStargz layer", ("version", "entries")),
    DocumentKind("tar-split metadata of a layer", ("type", "payload", "position"), "open the store: layerscope docker-store://IMAGE"),
)  # fmt: skip
"""The first match counts."""

_MESSAGES = ("errors", "errordetail", "error_description", "message", "error_message", "errormessage", "detail", "error", "msg", "title")  # fmt: skip
"""Keys of messages in server errors, the best first: registries, engines, RFC 9457, OAuth, object stores, forges."""
_ERRORS = frozenset(_MESSAGES) - {"title"}


def describe_json(data: bytes, *, whole: bool) -> tuple[str, str]:
    """A description of JSON text, and a hint; `whole` if the text is complete."""
    document = _first_object(data, whole=whole)
    if document is None:
        return "a JSON document, not an image", OPENS
    for kind in KINDS:
        if all(key in document for key in kind.keys):
            return f"{kind.name}, not an image", kind.hint
    message = _message(document, 0) if not _ERRORS.isdisjoint(document) else None
    if message is not None:
        return f"an error from a server, not an image{quoted(message)}", _AGAIN
    return "a JSON document, not an image", OPENS


def _first_object(data: bytes, *, whole: bool) -> dict[str, Any] | None:
    """The object, the first one of an array, or for JSON lines an error or else the first; keys in lower case."""
    value = _decoded(data) if whole else None
    if value is None:
        objects = list(_lines(data))
        failed = (each for each in objects if "error" in each or "errordetail" in each)
        return next(failed, objects[0] if objects else None)
    if isinstance(value, list):
        value = value[0] if value else None
    return lowercase_keys(value) if isinstance(value, dict) else None


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects of JSON lines, up to the first other line."""
    for line in data.splitlines():
        value = _decoded(line)
        if not isinstance(value, dict):
            return
        yield lowercase_keys(value)


def _decoded(data: bytes) -> Any:
    try:
        return decode(data, "", DEFAULT_LIMITS)[0]
    except DocumentError:
        return None


def _message(value: object, depth: int) -> str | None:
    """The message of an error, after its code if that is a word; None if there is no message."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict) or depth > _NESTING:
        return None
    error = lowercase_keys(value)
    for key in _MESSAGES:
        words = _message(error.get(key), depth + 1)
        if words is not None:
            code = error.get("code")
            return f"{code}: {words}" if isinstance(code, str) and code else words
    code = error.get("code")
    return code if isinstance(code, str) else None
