"""Errors of registries: the host, the cause and a remedy."""

from __future__ import annotations

import email.utils
import re
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3

from layerscope.errors import ImageNotFoundError, LayerscopeError, UnreachableError
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import DEFAULT_LIMITS
from layerscope.sources.answers import Answer
from layerscope.sources.registry.repository import SCHEME
from layerscope.text import count_of, safe_name

DAMAGED = "its storage or a proxy in between is damaged"
"""The hint for a registry that sends wrong bytes."""
_PASSING = (408, 429, 500, 502, 503, 504)
"""Status codes of temporary failures."""


class RefusedError(LayerscopeError):
    """A registry does not let this user read a repository."""

    title = "Access refused"


class PassingError(UnreachableError):
    """A temporary failure; `wait` is the number of seconds that the registry asks to wait."""

    def __init__(self, message: str, wait: float | None = None, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait = wait


class _FinalError(PassingError):
    """A failure that is not worth another try."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message, float("inf"), hint=hint)


class Route:
    """The host that a request has reached: the registry, one that it redirects to, or its token service.

    Its text names the host for errors, and explains a host other than the registry.
    """

    def __init__(self, host: str) -> None:
        """`host` is that of the registry."""
        self.host = host
        self._other = ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it has left the registry."""
        return bool(self._other)

    def __str__(self) -> str:
        return self._other or self.host

    def back(self) -> None:
        """Note that the next request goes to the registry itself."""
        self._other = ""

    def redirected(self, url: str) -> None:
        """Note a redirect to a URL."""
        self._other = f"{host_of(url)} (redirected from {self.host})"

    def to_token_service(self, url: str) -> None:
        """Note a request to the token service at a URL."""
        service, host = f"token service of {self.host}", host_of(url)
        self._other = f"the {service}" if host == self.host else f"{host} ({service})"


def host_of(url: str) -> str:
    """The host of a URL and its port, safe to show. Raises ValueError."""
    return safe_name(urlsplit(url).netloc.rpartition("@")[2])[:200]


def refusal(route: Route, path: str, answer: Answer, what: str) -> LayerscopeError:
    """The error for an answer with an error status to a request for `what` in the repository `path`."""
    host, status, message = route.host, answer.status, _message(answer)
    if status == 404:
        hint = "the registry has lost a part of the image: ask who runs it"
        if what.startswith(("tag ", "manifest ", "list ")):
            hint = "check the name; a registry may also hide what it does not let you read"
        if what.startswith("tag "):
            hint = f"check the name and the tag; layerscope {SCHEME}://{host}/{path} lists the tags"
        return ImageNotFoundError(f"{route} has no {what} in {path}{message}", hint=hint)
    wait = _wait(answer.headers.get("Retry-After"))
    if status == 429:
        asks = "" if wait is None else f"; try again in {count_of(round(wait), 'second')}"
        return PassingError(
            f"{route}: rate limit reached at {what} of {path}{asks}{message}",
            wait,
            hint=f"wait, or log in for a higher limit: docker login {host}",
        )
    if status in _PASSING:
        return PassingError(
            f"{route} failed with status {status} for {what} of {path}{message}", wait
        )
    return UnreachableError(f"{route} answered with status {status} for {what} of {path}{message}")


def failure(route: Route, error: Exception) -> PassingError:
    """The error for a connection that failed."""
    reasons = list(_reasons(error))
    proxy = any(isinstance(reason, urllib3.exceptions.ProxyError) for reason in reasons)
    for reason in reasons:
        if isinstance(reason, ssl.SSLCertVerificationError):
            why = getattr(reason, "verify_message", None) or reason.reason or reason
            hint = (
                "use the name that the certificate is for"
                if "mismatch" in str(why)
                else f"put the certificate of its authority into /etc/containers/certs.d/{route.host}/ca.crt, "
                "or configure the registry as insecure"
            )
            return _FinalError(
                f"{route}: its certificate is not trusted: {safe_name(str(why))[:200]}", hint=hint
            )
        if isinstance(reason, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(reason):
            return _FinalError(
                f"{route} does not speak TLS",
                hint="if it is a registry without TLS, configure it as insecure in registries.conf or daemon.json",
            )
        if isinstance(reason, urllib3.exceptions.IncompleteRead):
            received, missing = reason.partial, reason.expected
            return PassingError(
                f"{route}: an answer ended after {received:,} bytes; {missing or 0:,} more were announced",
                hint=DAMAGED,
            )
        if isinstance(reason, urllib3.exceptions.NameResolutionError) and not proxy:
            return _FinalError(
                f"{route}: no such host, or no network",
                hint="check the network: the registry names this host"
                if route.is_elsewhere
                else "check the name of the registry",
            )
    last = reasons[-1]
    why = (getattr(last, "strerror", None) if isinstance(last, OSError) else None) or str(last)
    return PassingError(
        f"{route}: the {'proxy' if proxy else 'connection'} failed: {safe_name(_short(why))}",
        hint=f"check {'$HTTPS_PROXY and $NO_PROXY' if proxy else 'host, port and network'}",
    )


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes, the innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "reason", None)
        inner = inner if isinstance(inner, BaseException) else None
        argument = next((one for one in error.args if isinstance(one, BaseException)), None)
        error = inner or argument or error.__cause__ or error.__context__


def _short(why: object) -> str:
    text = re.sub(r"<[^>]*>:? ?", "", " ".join(str(why).split()))
    return text[:200]


def _message(answer: Answer) -> str:
    """The message of a registry's error, for the end of a sentence (OCI distribution-spec, "Error Codes")."""
    try:
        document = Lenient(decode_object(answer.body[:65536], "it", DEFAULT_LIMITS), "it")
        first = Lenient(next(iter(document.items("errors")), None), "it")
        text = first.text("message") or first.text("code") or ""
    except LayerscopeError:
        text = ""
    line = safe_name(" ".join(text.split()))[:200]
    return f": {line}" if line else ""


def _wait(header: str | None) -> float | None:
    """Seconds to wait according to `Retry-After` (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        until = email.utils.parsedate_to_datetime(header).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(until - time.time(), 0.0)
