"""The content of an SBOM in any format: the image's identity, its distribution, and its packages with their package URLs.

The same image gives the same bytes: nothing depends on the time, the machine or the order of reading.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from msgspec import Struct

from layerscope import __version__
from layerscope.analysis.packages.model import Inventory, Package
from layerscope.analysis.packages.sboms import KINDS
from layerscope.errors import UsageError
from layerscope.opening.opened import Opened
from layerscope.text import moment_of

_TYPES = {kind: url for url, kind in KINDS.items()} | {
    "dpkg": "deb",
    "rpm": "rpm",
    "apk": "apk",
    "python": "pypi",
    "npm": "npm",
    "ruby": "gem",
}
"""The type of a package URL by package manager."""
_OF_DISTRIBUTION = frozenset(("deb", "rpm", "apk"))
_NAMESPACES = {"rhel": "redhat", "opensuse-leap": "opensuse", "opensuse-tumbleweed": "opensuse"}
"""Namespaces of distributions, by ID in os-release, if they differ."""
_PLAIN = "/~:!@+$&'()*;=[]{}"
"""Characters of paths that are not percent-encoded, besides letters, digits and `_.-`."""


class Distribution(Struct, frozen=True):
    """The distribution that an image is made from (os-release(5)); texts are empty if unknown."""

    id: str
    version: str
    name: str


class Component(Struct, frozen=True):
    """A package of the image. Texts are valid Unicode."""

    identifier: str
    """Unique in the image: letters, digits and `-`."""
    kind: str
    name: str
    version: str
    """Empty if unknown."""
    url: str | None
    """The package URL; None if it cannot have one."""
    path: str | None
    """The file that lists or contains it, from the root, percent-encoded; None if unknown."""
    inside: str
    """The archive in that file that contains it; empty for the file itself."""
    layer: str | None
    """The diff ID of the layer that stores most of it."""
    bytes: int
    """Content bytes of its files in the final image."""
    files: int


class Bill(Struct, frozen=True):
    """The content of an SBOM."""

    name: str
    """The name of the image."""
    version: str | None
    """The digest of the image's manifest or config."""
    serial: uuid.UUID
    """Derived from the image and the version of layerscope."""
    created: datetime.datetime
    """When the image was made, in whole seconds; SOURCE_DATE_EPOCH replaces it, and 1970 stands for an unknown time."""
    distribution: Distribution | None
    components: tuple[Component, ...]
    """By kind, name, version and place."""


def bill_of(opened: Opened, inventory: Inventory, environment: Mapping[str, str]) -> Bill:
    """The bill of an image. Raises `UsageError` for an invalid SOURCE_DATE_EPOCH."""
    image = opened.image
    distribution = _distribution(inventory.release)
    diff_ids = [
        layer.diff_id or index.diff_id
        for layer, index in zip(image.layers, opened.indexes, strict=True)
    ]
    identity = json.dumps([__version__, image.id, image.manifest_digest, diff_ids])
    components = sorted(
        _components(opened, inventory, distribution, diff_ids),
        key=lambda one: (one.kind, one.name, one.version, one.path or "", one.inside),
    )
    return Bill(
        _unicode(image.title),
        image.manifest_digest or image.id,
        uuid.uuid5(uuid.NAMESPACE_URL, identity),
        _created(image.created, environment.get("SOURCE_DATE_EPOCH")),
        distribution,
        tuple(components),
    )


def _created(created: str | None, epoch: str | None) -> datetime.datetime:
    """When an image was made, or the time in SOURCE_DATE_EPOCH (see reproducible-builds.org)."""
    if epoch:
        try:
            return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
        except (ValueError, OverflowError, OSError):
            raise UsageError(
                f"SOURCE_DATE_EPOCH is not a number of seconds since 1970: {epoch!r}"
            ) from None
    moment = moment_of(created) or datetime.datetime.fromtimestamp(0, datetime.UTC)
    return moment.astimezone(datetime.UTC).replace(microsecond=0)


def _distribution(release: str) -> Distribution | None:
    """The distribution that os-release names; None if it names none."""
    lines = (line.partition("=") for line in release.splitlines() if not line.startswith("#"))
    fields = {name.strip(): value.strip().strip("\"'") for name, _, value in lines}
    name = fields.get("ID", "")
    if not name:
        return None
    return Distribution(name, fields.get("VERSION_ID", ""), fields.get("PRETTY_NAME", name))


def _components(
    opened: Opened,
    inventory: Inventory,
    distribution: Distribution | None,
    diff_ids: list[str | None],
) -> Iterator[Component]:
    table = opened.filesystem.table
    counts = Counter[str]()
    for package in inventory.packages:
        path = None
        if package.listed_in >= 0:
            path = "/" + quote(table.full(package.listed_in), safe=_PLAIN)
        words = json.dumps([package.kind, package.name, package.version, path, package.inside])
        counts[words] += 1
        digest = hashlib.sha256(f"{words}{counts[words]}".encode()).hexdigest()[:16]
        yield Component(
            f"{package.kind}-{digest}",
            package.kind,
            _unicode(package.name),
            _unicode(package.version),
            _url(package, distribution),
            path,
            _unicode(package.inside),
            diff_ids[package.layer] if diff_ids else None,
            package.bytes,
            package.files,
        )


def _url(package: Package, distribution: Distribution | None) -> str | None:
    """The package URL (package-url/purl-spec); None if it does not allow the name."""
    from packageurl import PackageURL

    kind = _TYPES.get(package.kind, "generic")
    namespace, name = "", _unicode(package.name)
    qualifiers = {key: _unicode(value) for key, value in package.qualifiers.items()}
    if kind in _OF_DISTRIBUTION:
        if distribution is not None:
            namespace = _NAMESPACES.get(distribution.id, distribution.id)
            qualifiers["distro"] = f"{distribution.id}-{distribution.version}".rstrip("-")
    else:
        namespace, _, name = name.rpartition(":" if kind == "maven" else "/")
    version = _unicode(package.version) or None
    try:
        return PackageURL(kind, namespace or None, name, version, qualifiers).to_string()
    except ValueError:
        return None


def _unicode(text: str) -> str:
    """The text with a replacement character for each lone surrogate: those of bytes that are not UTF-8, and those of JSON."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
