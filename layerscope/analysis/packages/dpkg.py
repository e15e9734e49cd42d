"""Packages of dpkg (dpkg(1): /var/lib/dpkg/status, and info/NAME.list for files), and of distroless images (status.d)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from layerscope.analysis.packages.database_files import DatabaseFiles
from layerscope.analysis.packages.model import Listed


class Dpkg(DatabaseFiles):
    """The database of dpkg."""

    kind = "dpkg"
    patterns = (
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/status.d/*",
        "/var/lib/dpkg/info/*.list",
    )
    needed = True

    def packages(self) -> Iterator[Listed]:
        """All installed packages."""
        lists: dict[bytes, tuple[int, list[bytes]]] = {}
        stanzas: list[tuple[int, dict[bytes, bytes]]] = []
        for path, name, text in self.files():
            if name.endswith(b".list"):
                files = [line.lstrip(b"/") for line in text.splitlines()]
                lists[name.removesuffix(b".list")] = path, files
            elif name.endswith(b".md5sums"):
                files = [line.partition(b"  ")[2].lstrip(b"/") for line in text.splitlines()]
                lists[name.removesuffix(b".md5sums")] = path, files
            else:
                stanzas += ((path, stanza) for stanza in _stanzas(text))
        totals, broken = Counter(path for path, _ in stanzas), Counter[int]()
        for path, stanza in stanzas:
            status = stanza.get(b"status", b"install ok installed")
            installed = status.endswith(b" installed")
            broken[path] += b"package" not in stanza or (installed and not stanza.get(b"version"))
            if not installed or b"package" not in stanza:
                continue
            name = stanza[b"package"]
            qualified = name + b":" + stanza.get(b"architecture", b"")
            database, files = lists.get(name) or lists.get(qualified) or (None, [])
            version = stanza.get(b"version", b"")
            yield Listed(
                _text(name),
                _text(version),
                files,
                database=path if database is None else database,
                qualifiers=_qualifiers(stanza),
            )
        for path, count in broken.items():
            self.report_damage(path, count, totals[path])


def _qualifiers(stanza: dict[bytes, bytes]) -> dict[str, str]:
    """The architecture, and the source package with its version where that differs (deb-control(5))."""
    source, _, version = _text(stanza.get(b"source", b"")).partition(" ")
    qualifiers = {"arch": _text(stanza.get(b"architecture", b""))}
    qualifiers["upstream"] = f"{source}@{version.strip('()')}" if version else source
    return {key: value for key, value in qualifiers.items() if value}


def _stanzas(text: bytes) -> Iterator[dict[bytes, bytes]]:
    """The first lines of fields by lower-case name (deb822(5)), stanza by stanza."""
    for part in text.split(b"\n\n"):
        fields = {}
        for line in part.splitlines():
            name, colon, value = line.partition(b":")
            if colon and not line[:1].isspace():
                fields[name.lower()] = value.strip()
        if fields or part.strip():
            yield fields


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
