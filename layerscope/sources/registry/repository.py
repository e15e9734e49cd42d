"""References to images in registries (distribution/reference; OCI distribution-spec, "Pulling manifests")."""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import UsageError
from layerscope.image.digest import is_digest
from layerscope.lazy_patterns import lazy_pattern
from layerscope.sources.base import shortened
from layerscope.sources.names import normalise

SCHEME = "registry"
DOCKER_HUB = "docker.io"
"""The host of names without one."""

_HOST = lazy_pattern(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)
_IS_HOST = lazy_pattern(r"localhost\b|\[|[^:/]*\.[^:/]*(?::[0-9]+)?$", re.IGNORECASE)
"""Text that is a host, not a repository."""
_MAX_PORT = 65535
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = lazy_pattern(rf"{_PART}(?:/{_PART})*")
_TAG = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST = 255
"""Maximum length of host and repository together."""


class Reference(Struct, frozen=True):
    """An image, or all images, of one repository."""

    host: str
    """The host: `docker.io`, `localhost:5000`."""
    path: str
    """The repository: `library/nginx`."""
    tag: str | None = None
    digest: str | None = None
    """Takes precedence over the tag."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """A reference without its scheme; a short name is one of Docker Hub. Raises `UsageError`."""
        name, at, digest = text.partition("@")
        if at and "/" in digest:
            raise UsageError(
                "a reference to a registry takes no user and no password",
                hint="log in instead: docker login HOST, or podman login HOST",
            )
        if "/" not in name and _IS_HOST.match(name):
            _refuse(text, "the repository is missing")
        tagged = ":" in name.rpartition("/")[2] and not name.endswith("]")
        full = normalise(name).rpartition(":")[0] if not tagged else normalise(name)
        tag = None
        if tagged:
            full, _, tag = full.rpartition(":")
        host, _, path = full.partition("/")
        port = host.rpartition(":")[2] if host[-1:].isdecimal() and ":" in host else "0"
        if not _HOST.fullmatch(host) or int(port) > _MAX_PORT:
            _refuse(text, "the host is not valid")
        if not _PATH.fullmatch(path) or len(host) + len(path) >= _LONGEST:
            upper = path != path.lower()
            _refuse(text, "repositories are lower case" if upper else "the repository is not valid")
        if tag is not None and not _TAG.fullmatch(tag):
            _refuse(text, "the tag is not valid")
        if at and not is_digest(digest):
            _refuse(text, "the digest is not valid")
        return cls(host, path, tag, digest or None)

    @property
    def repository(self) -> str:
        """Host and repository."""
        return f"{self.host}/{self.path}"

    @property
    def as_written(self) -> str:
        """The full reference, without a tag if none was given."""
        return str(self) if self.tag or self.digest else self.repository

    @property
    def target(self) -> str:
        """The name of the manifest: the digest, else the tag."""
        return self.digest or self.tag or "latest"

    @staticmethod
    def is_tag(text: str) -> bool:
        """Whether a text is a valid tag."""
        return _TAG.fullmatch(text) is not None

    def tagged(self, tag: str) -> Reference:
        """The image of a tag of the same repository."""
        return replace(self, tag=tag, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag or 'latest'}" if self.tag or not self.digest else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def whole_repository(reference: str) -> Reference | None:
    """The repository of a reference that names neither a tag nor a digest; None for others. Raises `UsageError`."""
    scheme, separator, rest = reference.partition("://")
    if not separator or scheme != SCHEME:
        return None
    repository = Reference.parse(rest)
    return None if repository.tag or repository.digest else repository


def _refuse(text: str, why: str) -> NoReturn:
    raise UsageError(
        f"{shortened(text, 300)!r} does not name an image in a registry: {why}",
        hint=f"for example: {SCHEME}://ghcr.io/org/app:1.4, {SCHEME}://nginx",
    )
