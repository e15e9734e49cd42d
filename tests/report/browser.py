"""A headless Chromium, controlled through its DevTools pipe: https://chromedevtools.github.io/devtools-protocol/"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)  # fmt: skip
PATIENCE = 60.0
"""Seconds that an answer may take on a busy machine."""


class Browser:
    """One tab, with all errors that it reported."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._buffer = b""
        self._number = 0
        self._loaded = False
        self.complaints: list[str] = []
        """Messages of the console, errors and exceptions."""
        self.requests: list[str] = []
        """Addresses that were asked for."""
        self.received = b""
        """What came through sockets of the page."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    _session: str | None = None

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a request to the tab; returns its answer."""
        return self._call(method, **parameters)

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._hear(answer)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(end - time.monotonic(), 0))
            assert ready, "the browser does not answer"
            piece = os.read(self._receive, 1 << 16)
            assert piece, "the browser is gone"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        decoded = json.loads(message)
        assert isinstance(decoded, dict)
        return decoded

    def _hear(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Page.loadEventFired":
            self._loaded = True
        elif event.get("method") == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.complaints.append(str(parameters["args"]))
        elif event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event.get("method") == "Network.webSocketCreated":
            self.requests.append(parameters["url"])
        elif event.get("method") == "Network.webSocketFrameReceived":
            frame = parameters["response"]
            if frame["opcode"] == 2:
                self.received += base64.b64decode(frame["payloadData"])
        elif event.get("method") == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {parameters['message']}")

    def open(self, page: Path) -> None:
        """Load a file and wait for it."""
        self.visit(page.as_uri())

    def visit(self, address: str) -> None:
        """Load a page and wait for it."""
        self.complaints.clear()
        self.requests.clear()
        self.received = b""
        self._loaded = False
        self.call("Page.navigate", url=address)
        while not self._loaded:
            self._hear(self._next())

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def look(self, width: int, *, dark: bool, phone: bool = False) -> bytes:
        """A screenshot of the whole page, as PNG."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)  # fmt: skip
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        return base64.b64decode(picture)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with its own profile in `folder`, which is ended afterwards."""
    assert PROGRAM is not None
    theirs, ours = os.pipe(), os.pipe()
    command = [
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip
    read, write = theirs[0], ours[1]

    def arrange() -> None:
        # The browser reads from 3 and writes to 4.
        spare_read, spare_write = os.dup(read), os.dup(write)
        os.dup2(spare_read, 3)
        os.dup2(spare_write, 4)

    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=arrange,
        close_fds=False,
    )
    os.close(read)
    os.close(write)
    try:
        yield Browser(theirs[1], ours[0])
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        os.close(theirs[1])
        os.close(ours[0])
