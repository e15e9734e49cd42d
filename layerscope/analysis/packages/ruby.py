"""Ruby gems: specifications/NAME-VERSION.gemspec, with the files in gems/NAME-VERSION.

RubyGems writes the name and version of an installed gem into the second line, which it reads itself instead of running the
file (Gem::StubSpecification): `# stub: NAME VERSION PLATFORM PATHS`. Older versions wrote only the assignments below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from layerscope.analysis.packages.database_files import DatabaseFiles
from layerscope.analysis.packages.model import Listed

_STUB = re.compile(rb"^# stub: (\S+) (\S+) ", re.MULTILINE)
_NAME = re.compile(rb"""^\s*s\.name\s*=\s*%?q?["'{(<]([\w.-]+)""", re.MULTILINE)
_VERSION = re.compile(
    rb"""^\s*s\.version\s*=\s*(?:Gem::Version\.new\()?["']([\w.-]+)""", re.MULTILINE
)


class Ruby(DatabaseFiles):
    """The specifications of all installed gems, and of those that come with Ruby."""

    kind = "ruby"
    patterns = ("**/specifications/*.gemspec", "**/specifications/default/*.gemspec")
    largest = 1 << 20

    def packages(self) -> Iterator[Listed]:
        """All gems; the files of those that come with Ruby are part of Ruby, and not listed."""
        table = self.evidence.filesystem.table
        folders = {
            (int(table.parents[table.parents[path]]), table.name(path)): path
            for path in self.evidence.selector.matches("**/gems/*").tolist()
        }
        """By the directory above `gems`, and their name."""
        for database, file, text in self.files():
            stub = _STUB.search(text)
            name, version = (
                (stub[1], stub[2]) if stub else (_first(_NAME, text), _first(_VERSION, text))
            )
            if not name:
                continue
            specifications = int(table.parents[database])
            if table.name(specifications) == b"default":
                specifications = int(table.parents[specifications])
            home = int(table.parents[specifications])
            yield Listed(
                name.decode(errors="surrogateescape"),
                version.decode(errors="surrogateescape"),
                tree=folders.get((home, file.removesuffix(b".gemspec"))),
                database=database,
            )


def _first(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    match = pattern.search(text)
    return b"" if match is None else match[1]
