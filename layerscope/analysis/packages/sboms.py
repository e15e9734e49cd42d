"""Packages listed in SBOMs beside an image: those of Go, Java, Rust and others without a database in the image.

Sources: SPDX 2.3, clauses 7, 8 and 11 (BuildKit and Syft write files and "evident-by" relationships); CycloneDX 1.6,
`components`, with the properties of Syft and Trivy and `evidence.occurrences`; in-toto statements around either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

from layerscope.analysis.packages.model import Listed
from layerscope.errors import LayerscopeError
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import DEFAULT_LIMITS

KINDS = {
    "golang": "go",
    "maven": "java",
    "cargo": "rust",
    "nuget": "dotnet",
    "composer": "php",
    "hex": "elixir",
    "conan": "conan",
    "swift": "swift",
    "pub": "dart",
    "hackage": "haskell",
    "cran": "r",
    "conda": "conda",
    "luarocks": "lua",
}
"""The package manager by the type of a package URL; those with a database in the image are left out."""
_PATH_PROPERTIES = ("aquasecurity:trivy:FilePath",)
_LOCATION = ("syft:location:", ":path")
_INSIDE = re.compile(r"(?<=\.[jweh][ap][ri])[:!]")
"""What separates the path of an archive from one in it."""
MAX_NESTING = 32
"""Maximum depth of components in components."""


class SbomPackages:
    """The packages of one kind."""

    def __init__(self, kind: str, listed: Sequence[Listed]) -> None:
        self.kind = kind
        self._listed = listed

    def packages(self) -> Iterator[Listed]:
        """Packages named like one of their files come first: all modules of a Go binary name the binary as their file."""
        yield from sorted(self._listed, key=lambda one: not _is_namesake(one))


def sbom_packages(sboms: Iterable[bytes]) -> list[SbomPackages]:
    """The packages of SBOMs with at least one file. Unreadable SBOMs are left out."""
    files_of: dict[tuple[str, str, str], dict[bytes, None]] = {}
    for data in sboms:
        try:
            document = decode_object(data, "the SBOM", DEFAULT_LIMITS)
        except LayerscopeError:
            continue
        predicate = document.get("predicate")
        fields = Lenient(predicate if isinstance(predicate, dict) else document, "SBOM")
        for url, name, version, paths in (*_of_spdx(fields), *_of_cyclonedx(fields)):
            kind = KINDS.get(url.removeprefix("pkg:").partition("/")[0].lower())
            if kind is not None and name and paths:
                files = files_of.setdefault((kind, name, version), {})
                files.update(dict.fromkeys(map(_path, paths)))
    by_kind: dict[str, list[Listed]] = {}
    for (kind, name, version), files in files_of.items():
        by_kind.setdefault(kind, []).append(Listed(name, version, list(files)))
    return [SbomPackages(kind, listed) for kind, listed in sorted(by_kind.items())]


_Found = tuple[str, str, str, list[str]]
"""Package URL, name, version, and paths."""


def _of_spdx(document: Lenient) -> Iterator[_Found]:
    names = {
        identifier: path
        for file in _objects(document, "files")
        if (identifier := file.text("SPDXID")) and (path := file.text("fileName"))
    }
    files: dict[str, list[str]] = {}
    for relation in _objects(document, "relationships"):
        kind, comment = relation.text("relationshipType"), relation.text("comment") or ""
        path = names.get(relation.text("relatedSpdxElement") or "")
        if path and (kind == "CONTAINS" or (kind == "OTHER" and comment.startswith("evident-by"))):
            files.setdefault(relation.text("spdxElementId") or "", []).append(path)
    for package in _objects(document, "packages"):
        urls = (
            reference.text("referenceLocator") or ""
            for reference in _objects(package, "externalRefs")
            if reference.text("referenceType") == "purl"
        )
        paths = files.get(package.text("SPDXID") or "", [])
        if not paths:
            source = package.text("sourceInfo") or ""
            paths = [
                path for path in source.rpartition(": ")[2].split(", ") if path.startswith("/")
            ]
        yield next(urls, ""), package.text("name") or "", package.text("versionInfo") or "", paths


def _of_cyclonedx(document: Lenient, depth: int = 0) -> Iterator[_Found]:
    for component in _objects(document, "components"):
        properties = {
            one.text("name") or "": one.text("value") or ""
            for one in _objects(component, "properties")
        }
        paths = [
            value
            for name, value in properties.items()
            if name in _PATH_PROPERTIES
            or (name.startswith(_LOCATION[0]) and name.endswith(_LOCATION[1]))
        ]
        occurrences = _objects(component.child("evidence"), "occurrences")
        paths += [place for one in occurrences if (place := one.text("location"))]
        group, name = component.text("group"), component.text("name") or ""
        url = component.text("purl") or ""
        full = (
            f"{group}:{name}"
            if group and url.startswith("pkg:maven/")
            else f"{group}/{name}"
            if group
            else name
        )
        yield url, full, component.text("version") or "", paths
        if depth < MAX_NESTING:
            yield from _of_cyclonedx(component, depth + 1)


def _objects(fields: Lenient, key: str) -> Iterator[Lenient]:
    for value in fields.items(key):
        if isinstance(value, dict):
            yield Lenient(value, key)


def _path(text: str) -> bytes:
    """A path in the image without the leading slash; for a file in a Java archive, the path of the archive."""
    return (
        _INSIDE.split(unquote(text, errors="surrogateescape"))[0]
        .lstrip("/")
        .encode(errors="surrogateescape")
    )


def _is_namesake(listed: Listed) -> bool:
    """Whether a package has the name of one of its files."""
    last = listed.name.rpartition("/")[2].rpartition(":")[2].encode(errors="surrogateescape")
    return any(file.rpartition(b"/")[2].partition(b".")[0] == last for file in listed.files)
