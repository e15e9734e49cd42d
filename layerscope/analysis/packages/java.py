"""Java archives: the Maven artifacts in META-INF/maven, otherwise one artifact from the manifest and the file name; and the
artifacts of nested archives (JAR File Specification; Maven Archiver, "pom.properties")."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple, cast

from msgspec.structs import replace

from layerscope.analysis.packages.model import Contained, UnreadableContentError
from layerscope.analysis.seekable import ContentFile
from layerscope.progress import Progress, check

KIND = "java"
ENDINGS = (".jar", ".war", ".ear", ".hpi", ".jpi")
"""The last two are plug-ins of Jenkins."""
MAX_NESTING = 4
"""Maximum depth of archives in archives: an application in an enterprise archive has libraries in libraries."""
_MAX_TEXT = 1 << 20
"""Maximum bytes of a manifest."""
_MAX_INNER = 64 << 20
"""Maximum bytes of an archive in an archive, which is read into memory."""
_CHUNK = 1 << 20
_MAX_RATIO = 8
"""Maximum ratio of unpacked bytes to the size of the file: nested archives are compressed already."""
_MIN_ROOM = 1 << 20
_POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_FILE = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+~-]*)")
_PROPERTY = re.compile(rb"\s*(\w+)\s*[=:](.*)")
_GROUP = re.compile(r"[A-Za-z][\w-]*(?:\.[\w-]+)+")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
)
"""Errors that zipfile raises for archives that are damaged, encrypted or of a newer version."""


def is_archive(file: ContentFile) -> bool:
    """Whether a file is a zip archive, possibly after a shell script that starts it. Raises as `ContentFile.at` does."""
    return file.at(0, 4) == b"PK\x03\x04" or zipfile.is_zipfile(cast(IO[bytes], file))


def java_packages(name: str, file: ContentFile, progress: Progress) -> list[Contained]:
    """The artifact of an archive, which owns the file; artifacts whose classes were copied into it; and those of nested archives.

    `name` is the path of the file. Raises `UnreadableContentError` with the packages that could be read, `CancelledError`, and as
    `ContentFile.at` does.
    """
    archives = _Archives(max(_MAX_RATIO * file.size, _MIN_ROOM), progress)
    archives.read(cast(IO[bytes], file), name)
    if archives.problem:
        raise UnreadableContentError(archives.problem, archives.packages)
    return archives.packages


class _Artifact(NamedTuple):
    group: str
    name: str
    version: str


class _Archives:
    """Reads nested archives, up to `room` unpacked bytes in total."""

    def __init__(self, room: int, progress: Progress) -> None:
        self._room = room
        self._progress = progress
        self.packages: list[Contained] = []
        self.problem = ""

    def read(self, file: IO[bytes], name: str, inside: str = "", depth: int = 0) -> None:
        """Add the packages of an archive; `inside` is its place in the outermost one."""
        check(self._progress)
        first, main = len(self.packages), None
        attributes: dict[str, str] = {}
        try:
            with zipfile.ZipFile(file) as archive:
                attributes, poms = self._manifest_and_artifacts(archive)
                main = _main_artifact(poms, name, attributes)
                for artifact in poms:
                    if artifact is not main:
                        self.packages.append(_contained(artifact, inside))
                self._read_inner(archive, inside, depth)
        except _DAMAGE as error:
            where = f"{inside}: " if inside else ""
            self.problem = (
                self.problem or f"{where}damaged archive ({str(error) or type(error).__name__})"
            )
        main = main or _artifact_of_file(name, attributes)
        self.packages.insert(first, replace(_contained(main, inside), owner=not inside))

    def _manifest_and_artifacts(
        self, archive: zipfile.ZipFile
    ) -> tuple[dict[str, str], list[_Artifact]]:
        """The attributes of the manifest, and the artifacts that the archive contains."""
        attributes: dict[str, str] = {}
        artifacts = []
        for entry in archive.infolist():
            if entry.filename.upper() == "META-INF/MANIFEST.MF":
                attributes = _attributes(self._content(archive, entry, _MAX_TEXT))
            elif _POM.fullmatch(entry.filename):
                artifact = _artifact(self._content(archive, entry, _MAX_TEXT))
                artifacts += [artifact] if artifact is not None else []
        return attributes, artifacts

    def _read_inner(self, archive: zipfile.ZipFile, inside: str, depth: int) -> None:
        for entry in archive.infolist():
            if not entry.filename.lower().endswith(ENDINGS):
                continue
            place = f"{inside}:{entry.filename}" if inside else entry.filename
            if depth >= MAX_NESTING:
                self.problem = self.problem or f"archives in archives deeper than {MAX_NESTING}"
                return
            content = self._content(archive, entry, _MAX_INNER)
            self.read(io.BytesIO(content), entry.filename, place, depth + 1)

    def _content(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
        """The content of an entry; if it is too large, empty, with a problem noted."""
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile(f"{entry.filename} is compressed as Java cannot read it")
        if entry.file_size > min(most, self._room):
            self.problem = self.problem or f"{entry.filename} unpacks to {entry.file_size:,} bytes"
            return b""
        self._room -= entry.file_size
        with archive.open(entry) as stream:
            return b"".join(iter(lambda: stream.read(_CHUNK), b""))


def _attributes(manifest: bytes) -> dict[str, str]:
    """The main attributes of a manifest, in which a line that starts with a space continues the one before."""
    main = manifest.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n\n")[0]
    lines = (line.partition(b": ") for line in main.replace(b"\n ", b"").split(b"\n"))
    return {_text(name): _text(value).strip() for name, _, value in lines}


def _artifact(properties: bytes) -> _Artifact | None:
    """The artifact of a pom.properties; None if it names none."""
    lines = (_PROPERTY.match(line) for line in properties.splitlines())
    values = {_text(match[1]): _text(match[2]).strip() for match in lines if match}
    name = values.get("artifactId", "")
    return _Artifact(values.get("groupId", ""), name, values.get("version", "")) if name else None


def _main_artifact(
    artifacts: Sequence[_Artifact], name: str, attributes: Mapping[str, str]
) -> _Artifact | None:
    """The artifact of the archive itself, as opposed to those copied into it; None if unknown."""
    stem = _stem(name)
    named = [one for one in artifacts if f"{stem}-".startswith(f"{one.name}-")]
    if named:
        return max(named, key=lambda one: len(one.name))
    title = attributes.get("Implementation-Title")
    titled = [one for one in artifacts if one.name == title]
    return titled[0] if titled else artifacts[0] if len(artifacts) == 1 else None


def _artifact_of_file(name: str, attributes: Mapping[str, str]) -> _Artifact:
    """The artifact of an archive without pom.properties: its file's name, completed by its manifest."""
    stem = _stem(name)
    match = _FILE.fullmatch(stem)
    artifact, version = (match["name"], match["version"]) if match else (stem, "")
    for key in ("Implementation-Version", "Bundle-Version"):
        version = version or attributes.get(key, "")
    bundle = attributes.get("Bundle-SymbolicName", "").partition(";")[0].strip()
    vendor = attributes.get("Implementation-Vendor-Id", "")
    group = vendor if _GROUP.fullmatch(vendor) else ""
    if bundle.endswith(f".{artifact}"):
        group = bundle.removesuffix(f".{artifact}")
    return _Artifact(group, artifact, version)


def _contained(artifact: _Artifact, inside: str) -> Contained:
    full = f"{artifact.group}:{artifact.name}" if artifact.group else artifact.name
    return Contained(KIND, full, artifact.version, inside=inside)


def _stem(name: str) -> str:
    """The name of a file without directories and ending."""
    return name.rpartition("/")[2].rpartition(".")[0]


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
