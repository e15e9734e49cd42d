"""Credentials for registries, where Docker and Podman keep them (docker login; containers-auth.json(5))."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerscope.errors import LayerscopeError, UsageError
from layerscope.files import read_file
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import Limits
from layerscope.signals import at_end
from layerscope.sources.registry.hosts import Endpoint
from layerscope.sources.registry.repository import DOCKER_HUB
from layerscope.text import safe_name

_MAX_BYTES = 1 << 20
"""Maximum size of a file with credentials in bytes."""
_HELPER_SECONDS = 30
"""Seconds that a credential helper may take."""
INDEX_URL = "https://index.docker.io/v1/"
"""The name of Docker Hub in stores of credentials."""
TOKEN_USER = "<token>"  # noqa: S105  # a name
"""The user name that marks an identity token."""
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
"""Names of credential helpers, which are programs to run."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user and a password; or an identity token, which has no user."""

    secret: str
    file: Path
    """The file that they come from."""
    user: str = ""

    @property
    def is_token(self) -> bool:
        """Whether it is an identity token."""
        return not self.user


class HelperError(Exception):
    """A credential helper does not work; the message says why."""


def credentials_for(endpoint: Endpoint, limits: Limits) -> Credentials | None:
    """The most specific credentials of this machine for a repository; None for none.

    Runs a credential helper where the configuration names one. Raises `HelperError`, and `UsageError` for files that cannot
    be read.
    """
    for file in credential_files():
        try:
            credentials = _in_file(file, endpoint, limits)
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            why = getattr(error, "strerror", None) or "its credentials are malformed"
            raise UsageError(f"{file}: cannot be read: {why}") from None
        except LayerscopeError as error:
            raise UsageError(f"{file}: {error.message}") from None
        if credentials is not None:
            return credentials
    return None


def credential_files() -> Iterator[Path]:
    """The existing files with credentials, Podman's before Docker's; a file named by $REGISTRY_AUTH_FILE replaces all others.

    Raises `UsageError` if that file does not exist.
    """
    named = os.environ.get("REGISTRY_AUTH_FILE")
    if named:
        if not Path(named).is_file():
            raise UsageError(f"{named}: no such file", hint="$REGISTRY_AUTH_FILE names it")
        yield Path(named)
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    docker = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    files = [
        *([Path(runtime) / "containers/auth.json"] if runtime else []),
        home / "containers/auth.json",
        docker / "config.json",
    ]
    yield from (file for file in files if file.is_file())


def _in_file(file: Path, endpoint: Endpoint, limits: Limits) -> Credentials | None:
    """The credentials in a file. Raises as `credentials_for`, and ValueError, TypeError … for a malformed one."""
    from docker.auth import AuthConfig, resolve_index_name
    from docker.errors import DockerException

    document: dict[str, Any] = decode_object(read_file(file, _MAX_BYTES), "it", limits)
    if not document:
        return None
    if not all(isinstance(document.get(key) or {}, dict) for key in ("auths", "credHelpers")):
        raise ValueError
    helpers = [document.get("credsStore"), *(document.get("credHelpers") or {}).values()]
    if not all(
        name is None or (isinstance(name, str) and _HELPER.fullmatch(name)) for name in helpers
    ):
        raise ValueError  # such a name would be looked up as a program
    try:
        config = AuthConfig.load_config(None, document)
    except DockerException:
        raise ValueError from None
    parts = endpoint.path.split("/")
    for depth in range(len(parts), 0, -1):  # scopes within a host are Podman's
        entry = config.auths.get("/".join((endpoint.host, *parts[:depth])))
        if (credentials := _credentials(entry, file)) is not None:
            return credentials
    helper = config.get_credential_store(endpoint.host)
    if helper is not None and (credentials := _from_helper(helper, endpoint.host, file, limits)):
        return credentials
    host = resolve_index_name(endpoint.host)
    entries = (entry for key, entry in config.auths.items() if resolve_index_name(key) == host)
    return next(
        (credentials for entry in entries if (credentials := _credentials(entry, file))), None
    )


def _from_helper(name: str, host: str, file: Path, limits: Limits) -> Credentials | None:
    """The credentials from a credential helper (docker/docker-credential-helpers, README). Raises `HelperError`."""
    program = f"docker-credential-{name}"
    path = shutil.which(program)
    if path is None:
        raise HelperError(f"{program}, which {file} names for {host}, is not on PATH")
    server = INDEX_URL if host in (DOCKER_HUB, "index.docker.io") else host
    status, output = _run(path, server.encode(), min(_HELPER_SECONDS, limits.answer_seconds / 2))
    if status is None:
        raise HelperError(f"{program}, which {file} names for {host}, does not answer")
    if status:
        message = safe_name(" ".join(output.decode(errors="replace").split())[:200])
        if "credentials not found" in message:
            return None
        raise HelperError(f"{program}, which {file} names for {host}, failed: {message}")
    try:
        fields = Lenient(decode_object(output, "it", limits), "it")
    except LayerscopeError:
        raise HelperError(f"the answer of {program} is not a login") from None
    user, secret = fields.text("Username"), fields.text("Secret")
    if not user or secret is None:
        return None
    return Credentials(secret, file, "" if user == TOKEN_USER else user)


def _run(program: str, request: bytes, seconds: float) -> tuple[int | None, bytes]:
    """The exit status and the output of a helper; no status if it takes too long or prints too much.

    Its whole process group is killed at the end, also if this process is told to end.
    """
    with subprocess.Popen(
        [program, "get"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None  # noqa: S101  # for the types
        assert process.stdout is not None  # noqa: S101

        def end() -> None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

        unregister = at_end(end)
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(request)
                process.stdin.close()
            output, until = b"", time.monotonic() + seconds
            while (remaining := until - time.monotonic()) > 0 and len(output) <= _MAX_BYTES:
                if select.select([process.stdout], [], [], remaining)[0]:
                    piece = os.read(process.stdout.fileno(), 1 << 16)
                    if not piece:
                        with suppress(subprocess.TimeoutExpired):
                            return process.wait(max(until - time.monotonic(), 0.1)), output
                        break
                    output += piece
            return None, b""
        except OSError:
            return None, b""
        finally:
            end()
            unregister()


def _credentials(entry: Any, file: Path) -> Credentials | None:
    """The credentials of an entry as the SDK reads it; None if it is empty."""
    if not isinstance(entry, dict):
        return None
    fields = {key.lower(): value for key, value in entry.items()}
    token = fields.get("identitytoken")
    if isinstance(token, str) and token:
        return Credentials(token, file)
    user, secret = fields.get("username"), fields.get("password")
    if isinstance(user, str) and isinstance(secret, str) and user:
        return Credentials(secret, file, user)
    return None
