"""A connection to one server: TLS, tokens, redirects (distribution, docs/spec/auth/token.md; RFC 6750, RFC 7617)."""

from __future__ import annotations

import base64
import re
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import parse_dict_header

from layerscope import __version__
from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import Limits
from layerscope.sources.answers import PLAIN, keep_redirects
from layerscope.sources.registry.credentials import Credentials, HelperError, credentials_for
from layerscope.sources.registry.failures import PassingError, RefusedError, Route, host_of
from layerscope.sources.registry.hosts import Endpoint

CONNECT_SECONDS = 10
REDIRECTS = 5
"""Maximum number of redirects to follow."""
_TOKEN_SECONDS = 60
"""Seconds that a token is valid if the server does not say."""
_MARGIN = 5
"""Seconds before the end of its validity at which a token is renewed."""
_TOKEN_BYTES = 1 << 20
_MAX_DRAINED = 1 << 16
"""Maximum bytes of a body that is read so that the connection can be used again."""
_REDIRECTING = (301, 302, 303, 307, 308)
_CHALLENGE = re.compile(r"\s*(Bearer|Basic)\b\s*([^\0]*)", re.IGNORECASE)
_NEXT_CHALLENGE = re.compile(r",\s*(?=(?:Bearer|Basic)\s)", re.IGNORECASE)


class Connection:
    """A connection to an endpoint. Methods may be called from any thread."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self.endpoint = endpoint
        self._limits = limits
        self._schemes = ["https", "http"] if endpoint.insecure else ["https"]
        self._lock = threading.Lock()
        self._token: tuple[str, float] | None = None
        """The value of `Authorization`, and the monotonic time until which it is valid."""
        self._credentials: Credentials | None = None
        self._asked_for_credentials = False
        self.credentials_problem: str = ""
        """Why credentials could not be read."""
        self._session = requests.Session()
        keep_redirects(self._session)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.auth = _NoAuthorization()
        self._session.trust_env = not endpoint.is_loopback
        self._session.headers["User-Agent"] = f"layerscope/{__version__}"
        if endpoint.insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._session.mount("https://", _Adapter(_tls(endpoint)))
        if endpoint.insecure:
            self._session.mount(f"https://{endpoint.server}/", _Adapter(_without_checks()))

    def __del__(self) -> None:
        if hasattr(self, "_session"):
            self._session.close()

    def send(
        self, method: str, path: str, headers: Mapping[str, str], timeout: float, route: Route
    ) -> requests.Response:
        """Send a request for a `path` of the repository; follows redirects, and authenticates if the server asks for it.

        The body of the response is unread. `route` notes which host is asked. Raises `LayerscopeError`, and what requests raises.
        """
        response = self._send_first(method, path, headers, timeout)
        if response.status_code == 401 and self._authenticate(response, timeout, route):
            route.back()
            response = self._send_once(method, self._url(path), headers, timeout)
        for _ in range(REDIRECTS):
            if response.status_code not in _REDIRECTING:
                return response
            try:
                target = self._target(response, route)
            finally:
                _drain(response)
            if not self._is_own_url(target):
                route.redirected(target)
            response = self._send_once(method, target, headers, timeout)
        response.close()
        raise UnreachableError(f"{self.endpoint.host} redirected more than {REDIRECTS} times")

    def _url(self, path: str) -> str:
        return f"{self._schemes[0]}://{self.endpoint.server}/v2/{self.endpoint.path}/{path}"

    def _send_first(
        self, method: str, path: str, headers: Mapping[str, str], timeout: float
    ) -> requests.Response:
        """The response to a request; over HTTP where an insecure registry does not speak HTTPS."""
        if len(self._schemes) > 1:
            with suppress(requests.exceptions.ConnectionError):
                response = self._send_once(method, self._url(path), headers, timeout)
                self._schemes = ["https"]
                return response
            self._schemes = ["http"]
        return self._send_once(method, self._url(path), headers, timeout)

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], timeout: float
    ) -> requests.Response:
        request_headers = {**PLAIN, **headers}
        if self._is_own_url(url) and (token := self._valid_token()) is not None:
            request_headers["Authorization"] = token
        return self._request(method, url, timeout, headers=request_headers)

    def _request(self, method: str, url: str, timeout: float, **options: Any) -> requests.Response:
        """The response to one request. An insecure registry is trusted without a certificate, not those it names."""
        lenient = (
            self.endpoint.insecure and urlsplit(url).netloc.lower() == self.endpoint.server.lower()
        )
        return self._session.request(
            method, url, stream=True, timeout=(min(CONNECT_SECONDS, timeout), timeout), allow_redirects=False,
            verify=not lenient, **options,
        )  # fmt: skip

    def _is_own_url(self, url: str) -> bool:
        """Whether a URL is on this server, which alone receives the token."""
        parts = urlsplit(url)
        return (
            parts.netloc.lower() == self.endpoint.server.lower()
            and parts.scheme == self._schemes[0]
        )

    def _may_be_plain(self, url: str) -> bool:
        """Whether HTTP may be spoken to the host of a URL: on this machine, or where the registry itself is insecure."""
        other = Endpoint(urlsplit(url).netloc.rpartition("@")[2], "")
        return other.is_loopback or (self.endpoint.insecure and other.name == self.endpoint.name)

    def _target(self, response: requests.Response, route: Route) -> str:
        """Where a response redirects to. Raises `UnreachableError`."""
        location = response.headers.get("Location") or ""
        try:
            target = urljoin(response.url, location)
            parts = urlsplit(target)
            is_web = bool(location) and parts.scheme in ("https", "http") and bool(parts.hostname)
        except ValueError:
            is_web = False
        if not is_web:
            raise UnreachableError(f"{route} redirects to something that is not a web address")
        if parts.scheme == "http" and response.url.startswith("https:") and not self._may_be_plain(target):  # fmt: skip
            raise UnreachableError(
                f"{route} redirects to {host_of(target)} without TLS",
                hint="if you trust it, configure the registry as insecure",
            )
        return target

    # tokens

    def _valid_token(self) -> str | None:
        token = self._token
        return token[0] if token is not None and time.monotonic() < token[1] else None

    def _authenticate(self, response: requests.Response, timeout: float, route: Route) -> bool:
        """Get the credentials that a 401 asks for; returns whether to send the request again. Raises `RefusedError`."""
        sent = response.request.headers.get("Authorization")
        challenges = _challenges(response.headers.get("WWW-Authenticate") or "")
        _drain(response)
        with self._lock:
            token = self._valid_token()
            if token is not None and token != sent:
                return True  # another thread was faster
            self._token = None
            if "bearer" in challenges:
                self._token = self._fetched_token(challenges["bearer"], timeout, route)
            elif "basic" in challenges:
                known = self._known_credentials()
                if known is None or known.is_token or sent is not None:
                    return False
                self._token = (_basic(known), float("inf"))
            return self._token is not None

    def _known_credentials(self) -> Credentials | None:
        if not self._asked_for_credentials:
            try:
                self._credentials = credentials_for(self.endpoint, self._limits)
            except HelperError as error:
                self.credentials_problem = str(error)
            self._asked_for_credentials = True
        return self._credentials

    def _fetched_token(
        self, challenge: Mapping[str, str], timeout: float, route: Route
    ) -> tuple[str, float] | None:
        """A token from the service in a challenge, and until when it is valid."""
        realm = challenge.get("realm") or ""
        try:
            scheme, host = urlsplit(realm).scheme, urlsplit(realm).hostname
        except ValueError:
            scheme, host = "", None
        if not host or scheme not in ("https", "http") or (scheme == "http" and not self._may_be_plain(realm)):  # fmt: skip
            raise UnreachableError(
                f"{self.endpoint.host} names no usable token service"
                + (f": {host_of(realm)} is without TLS" if scheme == "http" and host else "")
            )
        route.to_token_service(realm)
        scope = challenge.get("scope") or f"repository:{self.endpoint.path}:pull"
        parameters = {"scope": scope, "service": challenge.get("service") or ""}
        known = self._known_credentials()
        if known is not None and known.is_token:
            form = {
                **parameters, "grant_type": "refresh_token", "refresh_token": known.secret, "client_id": "layerscope"
            }  # fmt: skip
            response = self._request("POST", realm, timeout, data=form)
        else:
            headers = {} if known is None else {"Authorization": _basic(known)}
            response = self._request("GET", realm, timeout, params=parameters, headers=headers)
        body = _limited(response)
        if response.status_code in (400, 401, 403):
            raise self.refused(f"{route} answered with status {response.status_code}")
        if not response.ok:
            is_temporary = response.status_code == 429 or response.status_code >= 500
            raise (PassingError if is_temporary else UnreachableError)(
                f"{route} answered with status {response.status_code}"
            )
        try:
            fields = Lenient(decode_object(body, "its answer", self._limits), "token")
        except LayerscopeError:
            raise UnreachableError(f"{route}: its answer is not a token") from None
        token = fields.text("token") or fields.text("access_token")
        if not token or not token.isascii() or not token.isprintable():
            raise UnreachableError(f"{route} answers without a token")
        lifetime = fields.number("expires_in") or _TOKEN_SECONDS
        return f"Bearer {token}", time.monotonic() + max(min(lifetime, 86400) - _MARGIN, 1)

    def refused(self, why: str = "") -> RefusedError:
        """The error for a repository that this user may not read; `why` is the answer of the token service."""
        host, path = self.endpoint.host, self.endpoint.path
        why = f": {why}" if why else ""
        if self._credentials is not None:
            return RefusedError(
                f"{host} refuses to show {path} with the login of {self._credentials.file}{why}",
                hint=f"is that password still right, and may this user read it? docker login {host} changes it",
            )
        problem = f" ({self.credentials_problem})" if self.credentials_problem else ""
        return RefusedError(
            f"{host} does not show {path} without a login{problem}, or has no such repository{why}",
            hint=f"check the name, or log in: docker login {host}, or podman login {host}",
        )


class _NoAuthorization(AuthBase):
    """Keeps requests from taking credentials from `~/.netrc`."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Adapter(HTTPAdapter):
    """Connects with a given TLS context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=8)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **options)


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    """A context with the authorities that the machine trusts, and those configured for the registry."""
    import truststore

    authorities, clients = endpoint.certificates()
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        for file in authorities:
            context.load_verify_locations(file)
        for certificate, key in clients:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        where = authorities[0].parent if authorities else clients[0][0].parent
        raise LayerscopeError(
            f"{where}: a certificate for {endpoint.host} cannot be read: {error.strerror or error}"
        ) from None
    return context


def _without_checks() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _challenges(header: str) -> dict[str, dict[str, str]]:
    """The parameters of each challenge, by scheme in lower case (RFC 9110, 11.6.1)."""
    challenges: dict[str, dict[str, str]] = {}
    for part in _NEXT_CHALLENGE.split(header[:8192]):
        if match := _CHALLENGE.match(part):
            parameters = {
                key.lower(): value or ""
                for key, value in parse_dict_header(match[2]).items()  # type: ignore[no-untyped-call]
            }
            challenges.setdefault(match[1].lower(), parameters)
    return challenges


def _basic(known: Credentials) -> str:
    return "Basic " + base64.b64encode(f"{known.user}:{known.secret}".encode()).decode()


def _drain(response: requests.Response) -> None:
    """Read a short body, so that the connection can be used again; close it otherwise."""
    length = response.headers.get("Content-Length") or ""
    if response.request.method == "HEAD" or (
        length.isdecimal() and int(length[:9]) <= _MAX_DRAINED
    ):
        with suppress(Exception):
            response.raw.read(_MAX_DRAINED)
            response.raw.release_conn()
            return
    response.close()


def _limited(response: requests.Response) -> bytes:
    """A body, cut after `_TOKEN_BYTES`."""
    body = bytearray()
    try:
        while len(body) < _TOKEN_BYTES and (
            piece := response.raw.read(1 << 16, decode_content=True)
        ):
            body += piece
    finally:
        response.close()
    return bytes(body)
