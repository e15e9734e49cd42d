"""Patterns of paths, tried on one path at a time; `Selector` looks them up in all paths of an image at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property


class PathPatterns:
    """Patterns as `Selector` takes them, with `*` within a component and a leading `**` as the only wildcards."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        """What a path must be; compiled when it is needed."""
        return re.compile(b"|".join(map(_expression, self._patterns)), re.DOTALL)

    @cached_property
    def _below(self) -> re.Pattern[bytes]:
        """What a path must be, or lie in."""
        return re.compile(b"(?:%b)(?:/.*)?" % self._whole.pattern, re.DOTALL)

    def may_match(self, name: bytes) -> bool:
        """Whether a path may match, however it is spelled: false for almost all that do not, and fast.

        Raises ValueError if a last component has a wildcard in its middle, or more than one.
        """
        names, endings, starts, folders = self._lasts
        folder, _, last = name.rpartition(b"/")
        return (
            last in names
            or last.rpartition(b".")[2] in endings
            or last.startswith(starts)
            or folder.endswith(folders)
        )

    @cached_property
    def _lasts(self) -> tuple[set[bytes], set[bytes], tuple[bytes, ...], tuple[bytes, ...]]:
        """Last components without a wildcard, the endings and beginnings of others, and the directories of all files in one."""
        names, endings, starts, folders = set(), set(), [], []
        for pattern in self._patterns:
            folder, _, last = pattern.rpartition("/")
            if "*" not in last:
                names.add(last.encode())
            elif re.fullmatch(r"\*\.[^*.]+", last):
                endings.add(last[2:].encode())
            elif re.fullmatch(r"[^*]+\*", last):
                starts.append(last[:-1].encode())
            elif last == "*" and "*" not in folder:
                folders.append(folder.strip("/").encode())
            else:
                raise ValueError(f"{pattern}: a wildcard in the middle")
        return names, endings, tuple(starts), tuple(folders)

    def match(self, path: bytes) -> bool:
        """Whether a path, without a slash at its ends, matches."""
        return self._whole.fullmatch(path) is not None

    def cover(self, path: bytes) -> bool:
        """Whether a path or a directory that it lies in matches."""
        return self._below.fullmatch(path) is not None


def _expression(pattern: str) -> bytes:
    """The regular expression of a pattern."""
    parts = pattern.strip("/").split("/") if "/" in pattern else ["**", pattern]
    anywhere = parts[0] == "**"
    texts = [re.escape(part).replace(r"\*", "[^/]*") for part in parts[anywhere:]]
    return (("(?:.*/)?" if anywhere else "") + "/".join(texts)).encode()
