"""Serves the explorer on loopback: a page with a terminal, and a process for each open page, which runs the explorer.

Any website that the user visits can send requests to 127.0.0.1. So the address contains a token, `Host` must be ours, which stops
DNS rebinding, and `Origin`, if the browser sends it, must be our page. The page loads nothing from other origins.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
import textual_serve
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from layerscope import signals, text
from layerscope.errors import UsageError
from layerscope.tui.web.page_process import PageProcess

HOST = "127.0.0.1"
MAX_PAGES = 8
"""Maximum number of open pages: each needs the memory of an explorer."""
_PAGE_FOLDER = Path(__file__).parent
_TERMINAL_FOLDER = Path(textual_serve.__file__).parent / "static"
"""textual-serve's terminal (xterm.js) and its font."""
_MAX_MESSAGE = 1 << 20
"""Maximum size of a message from a page, in bytes; pasted text is long."""
_MAX_WIDTH, _MAX_HEIGHT = 500, 200
_SHUTDOWN_SECONDS = 5.0
"""Seconds until pages that are still connected at the end are dropped."""


def listen(port: int) -> socket.socket:
    """Return a socket on loopback; port 0 takes a free port. Raises `UsageError`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot listen on {HOST}:{port}: {why}", hint="choose another --port") from error  # fmt: skip
    return listener


def _is_server_error(record: logging.LogRecord) -> bool:
    """Whether an error is the server's own: malformed requests of clients are not logged."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class Server:
    """Serves one image at a secret address."""

    def __init__(self, command: Sequence[str], title: str, sock: socket.socket) -> None:
        """`command` runs the explorer, once for each page; `title` names the image."""
        self._command = command
        self._title = title
        self._socket = sock
        port = sock.getsockname()[1]
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"} | ({HOST, "localhost"} if port == 80 else set())  # fmt: skip
        self._token = secrets.token_urlsafe(24)
        self._pages: set[web.WebSocketResponse] = set()
        self.url = f"http://{HOST}:{port}/{self._token}/"

    def run(self, started: Callable[[], object]) -> None:
        """Serve until a signal ends it, then end all pages. `started` is called once pages can be opened."""
        asyncio.run(self._run(started))

    async def _run(self, started: Callable[[], object]) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        logging.getLogger("aiohttp.server").addFilter(_is_server_error)
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        with signals.handled_by(lambda _: loop.call_soon_threadsafe(end.set)):
            await runner.setup()
            try:
                await web.SockSite(runner, self._socket).start()
                started()
                await end.wait()
            finally:
                await runner.cleanup()

    def _app(self) -> web.Application:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._check(request)
            return await handler(request)

        app = web.Application(middlewares=[guard])
        app.add_routes(
            [
                web.get("/{token}/", self._page),
                web.get("/{token}/socket", self._socket_of_page),
                web.get("/{token}/{file:page\\.(?:css|js)}", self._file),
                web.get("/{token}/terminal/{file:(?:css|fonts|js)/[A-Za-z_.-]+}", self._file),
            ]
        )
        app.on_response_prepare.append(self._add_headers)
        app.on_shutdown.append(self._close_all)
        return app

    def _check(self, request: web.Request) -> None:
        """Refuse requests that do not come from our page. The answer never tells whether the token is right."""
        origin = request.headers.get("Origin")
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        token = request.match_info.get("token", "")
        if (
            request.host not in self._hosts
            or (origin is None and is_socket)
            or (origin is not None and origin != f"http://{request.host}")
            or not hmac.compare_digest(token.encode(errors="replace"), self._token.encode())
        ):
            raise web.HTTPForbidden(text="This address is not the one that layerscope printed.\n")

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(
            {
                "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                f"font-src 'self'; img-src data:; connect-src ws://{request.host}; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            }
            if request.host in self._hosts
            else {"Cache-Control": "no-store"}
        )

    async def _page(self, request: web.Request) -> web.Response:
        source = (_PAGE_FOLDER / "page.html").read_text()
        template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)  # fmt: skip
        address = f"ws://{request.host}/{self._token}/socket"
        page = template.render(title=text.safe_name(self._title), socket=address)
        return web.Response(text=page, content_type="text/html")

    async def _file(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["file"]
        folder = _PAGE_FOLDER if name.startswith("page.") else _TERMINAL_FOLDER
        path = folder / name
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)

    async def _socket_of_page(self, request: web.Request) -> web.WebSocketResponse:
        """Run an explorer for a page until one of them ends."""
        if len(self._pages) >= MAX_PAGES:
            raise web.HTTPServiceUnavailable(text=f"{MAX_PAGES} pages are open already.\n")
        page = web.WebSocketResponse(heartbeat=15, max_msg_size=_MAX_MESSAGE)
        self._pages.add(page)
        try:
            await page.prepare(request)
            width = _cells(request.query.get("width"), 80, _MAX_WIDTH)
            height = _cells(request.query.get("height"), 24, _MAX_HEIGHT)
            process = PageProcess(self._command, page)
            try:
                await process.start(width, height)
                await _relay(page, process)
            finally:
                await process.stop()
        finally:
            self._pages.discard(page)
        return page

    async def _close_all(self, _: web.Application) -> None:
        pages = list(self._pages)
        await asyncio.gather(*(page.close(code=WSCloseCode.GOING_AWAY) for page in pages))


async def _relay(page: web.WebSocketResponse, process: PageProcess) -> None:
    """Pass messages from a page to its explorer; anything else is ignored."""
    async for message in page:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            kind, *rest = message.json()
        except (ValueError, TypeError, RecursionError):
            continue
        data = rest[0] if rest else None
        if kind == "stdin" and isinstance(data, str):
            await process.send_bytes(data.encode(errors="replace"))
        elif kind == "resize" and isinstance(data, dict):
            await process.set_terminal_size(
                _cells(data.get("width"), 80, _MAX_WIDTH),
                _cells(data.get("height"), 24, _MAX_HEIGHT),
            )
        elif kind == "ping" and isinstance(data, str):
            await page.send_json(["pong", data])
        elif kind == "focus":
            await process.focus()
        elif kind == "blur":
            await process.blur()


def _cells(value: object, default: int, most: int) -> int:
    """A width or height sent by a page, clamped to 2 and `most`."""
    try:
        return max(2, min(int(str(value)), most))
    except ValueError:
        return default
