"""Credentials for registries, where Docker and Podman keep them (docker login; containers-auth.json(5))."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerscope.errors import LayerscopeError, UsageError
from layerscope.files import read_file
from layerscope.image.documents import decode_object
from layerscope.limits import Limits
from layerscope.sources.registry.hosts import Endpoint

_MAX_BYTES = 1 << 20
"""Maximum size of a file with credentials in bytes."""
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
"""Names of credential helpers, which are programs to run."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user and a password; or an identity token, which has no user."""

    secret: str
    user: str = ""

    @property
    def is_token(self) -> bool:
        """Whether it is an identity token."""
        return not self.user


class HelperError(Exception):
    """A credential helper does not work; the message says why."""


def credentials_for(endpoint: Endpoint, limits: Limits) -> Credentials | None:
    """The credentials that this machine has for a repository, the most specific ones first; None for none.

    Runs a credential helper where the configuration names one. Raises `HelperError`, and `UsageError` for files that cannot
    be read.
    """
    for file in credential_files():
        try:
            found = _in_file(file, endpoint, limits)
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            why = getattr(error, "strerror", None) or "its credentials are malformed"
            raise UsageError(f"{file}: cannot be read: {why}") from None
        except LayerscopeError as error:
            raise UsageError(f"{file}: {error.message}") from None
        if found is not None:
            return found
    return None


def credential_files() -> Iterator[Path]:
    """The existing files with credentials, Podman's before Docker's; one that the environment names goes alone."""
    given = os.environ.get("REGISTRY_AUTH_FILE")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    docker = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    files = [
        *([Path(runtime) / "containers/auth.json"] if runtime else []),
        home / "containers/auth.json",
        docker / "config.json",
    ]
    yield from (file for file in ([Path(given)] if given else files) if file.is_file())


def _in_file(file: Path, endpoint: Endpoint, limits: Limits) -> Credentials | None:
    """The credentials in a file. Raises as `credentials_for`, and ValueError, TypeError … for a malformed one."""
    from docker.auth import AuthConfig
    from docker.errors import DockerException

    document: dict[str, Any] = decode_object(read_file(file, _MAX_BYTES), "it", limits)
    if not document:
        return None
    helpers = [document.get("credsStore"), *(document.get("credHelpers") or {}).values()]
    if not all(
        name is None or (isinstance(name, str) and _HELPER.fullmatch(name)) for name in helpers
    ):
        raise ValueError  # such a name would be looked up as a program
    try:
        known = AuthConfig.load_config(None, document)
    except DockerException:
        raise ValueError from None
    parts = endpoint.path.split("/")
    for depth in range(len(parts), 0, -1):  # scopes within a host are Podman's
        entry = known.auths.get("/".join((endpoint.host, *parts[:depth])))
        if (found := _credentials(entry)) is not None:
            return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a missing helper is an error, too
            return _credentials(known.resolve_authconfig(endpoint.host))
    except DockerException:
        raise HelperError(
            f"the credential helper that {file} names for {endpoint.host} failed"
        ) from None


def _credentials(entry: Any) -> Credentials | None:
    """The credentials of an entry as the SDK reads it; None if it is empty."""
    if not isinstance(entry, dict):
        return None
    fields = {key.lower(): value for key, value in entry.items()}
    token = fields.get("identitytoken")
    if isinstance(token, str) and token:
        return Credentials(token)
    user, secret = fields.get("username"), fields.get("password")
    if isinstance(user, str) and isinstance(secret, str) and user:
        return Credentials(secret, user)
    return None
