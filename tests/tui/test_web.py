"""`layerscope web`: a page in a real browser, and refused requests."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from layerscope import cli
from layerscope.cli.open import open_command
from layerscope.cli.web import _command
from tests.emulator import Emulator
from tests.images import docker_archive, file, layer_tar, write
from tests.report.browser import PROGRAM, Browser, browser

pytest.importorskip("textual_serve")

PATIENCE = 60.0
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip


class Serving:
    """A running `layerscope web`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url
        parts = urlsplit(url)
        self.host, self.path = parts.netloc, parts.path

    def status(self, path: str | None = None, **headers: str) -> int:
        """The HTTP status for a path, by default the page."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        try:
            connection.request("GET", self.path if path is None else path, headers=named)
            return connection.getresponse().status
        finally:
            connection.close()

    def children(self) -> list[int]:
        """Ids of the processes that it started."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]  # fmt: skip


def _accept_ctrl_c() -> None:
    """Tests in the background ignore SIGINT, and child processes inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def serving(*words: str, cwd: Path | None = None) -> Iterator[Serving]:
    """Serve an image until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "layerscope", "web", *words],
        stdout=subprocess.PIPE,
        cwd=cwd,
        preexec_fn=_accept_ctrl_c,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/[\w-]{32}/", url), url
        yield Serving(process, url)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image whose file name would run commands in a shell."""
    return write(tmp_path / "a$(touch owned) ';touch owned;'.tar", docker_archive([layer_tar([file("etc/motd", b"hello\n"), file("etc/other", b"x")])], tags=("web-sample:1",)))  # fmt: skip


class Page:
    """The terminal of a page."""

    def __init__(self, tab: Browser) -> None:
        self._tab = tab

    def wait_for(self, words: str) -> str:
        """Return the screen once it shows `words`."""
        deadline = time.monotonic() + PATIENCE
        while words not in (screen := self._screen()):
            assert time.monotonic() < deadline, f"{words!r} never came:\n{screen}"
            self._tab.run("new Promise(done => setTimeout(done, 50))")
        return screen

    def press(self, key: str) -> None:
        """Press a key that is a character."""
        self._tab.call("Input.insertText", text=key)

    def _screen(self) -> str:
        sizes = [
            parse_qs(urlsplit(each).query) for each in self._tab.requests if "/socket?" in each
        ]
        if not sizes:
            return ""
        emulator = Emulator(int(sizes[-1]["width"][0]), int(sizes[-1]["height"][0]))
        emulator.receive(self._tab.received)
        return "\n".join(emulator.lines())


@pytest.mark.browser
@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here")
def test_a_page_explores_an_image(tab: Browser, image: Path) -> None:
    """The page shows the image and handles keys. It loads nothing from other hosts and writes nothing; its process ends with it."""
    with serving(str(image), cwd=image.parent) as server:
        tab.visit(server.url)
        page = Page(tab)
        page.wait_for("web-sample:1")
        page.wait_for("etc")
        tab.run("document.querySelector('.xterm-helper-textarea').focus()")
        page.press("8")
        page.wait_for("Findings")
        page.press("1")
        page.press("\t")
        page.press("e")
        page.wait_for("Switched off")
        page.press("p")
        page.wait_for("A page in a")
        host = urlsplit(server.url).netloc
        assert tab.requests
        assert {urlsplit(each).netloc for each in tab.requests if not each.startswith("data:")} == {host}  # fmt: skip
        assert [
            each for each in tab.complaints if "ping=" not in each and "WebGL" not in each
        ] == []
        assert len(set(tab.look(900, dark=True))) > 16
        explorers = server.children()
        assert explorers
        tab.visit("about:blank")
        deadline = time.monotonic() + PATIENCE
        while set(explorers) & set(server.children()):
            assert time.monotonic() < deadline, "the explorer outlives its page"
            time.sleep(0.05)
    assert [each.name for each in image.parent.iterdir() if each.name == "owned"] == []


def test_requests_need_the_token_and_our_origin(image: Path) -> None:
    """A wrong token, origin or host name is refused, and starts no process."""
    with serving(str(image)) as server:
        port = server.host.partition(":")[2]
        assert server.status() == 200
        assert server.status(Host=f"localhost:{port}") == 200
        assert server.status(Origin=f"http://{server.host}") == 200
        for headers in (
            {"Host": f"rebound.example:{port}"},
            {"Host": "127.0.0.1"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"https://{server.host}"},
        ):
            assert server.status(**headers) == 403, headers
        for path in ("/", "/x/", "/" + "A" * 32 + "/", server.path[:-2] + "/", f"{server.path}..%2f", f"{server.path}terminal/js/..%2f..%2fserver.py"):  # fmt: skip
            assert server.status(path) == 403, path
        socket_path = f"{server.path}socket"
        assert server.status(socket_path, **_UPGRADE) == 403  # no browser leaves Origin out
        assert server.status(socket_path, Origin="http://evil.example", **_UPGRADE) == 403
        assert server.status("/x/socket", Origin=f"http://{server.host}", **_UPGRADE) == 403
        assert not server.children()


def test_only_this_machine_can_connect(image: Path) -> None:
    """The port is open only on loopback."""
    with serving(str(image)) as server:
        port = int(server.host.partition(":")[2])
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        places = {row[1] for row in listening if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
        assert places == {f"0100007F:{port:04X}"}


def test_ctrl_c_ends_it_and_its_explorers(image: Path) -> None:
    """Ctrl-C ends the server with exit code 130, and the explorer of an open page with it."""
    with serving(str(image)) as server:
        port = int(server.host.partition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as page:
            headers = "".join(f"{name}: {value}\r\n" for name, value in _UPGRADE.items())
            page.sendall(f"GET {server.path}socket?width=80&height=x HTTP/1.1\r\nHost: {server.host}\r\nOrigin: http://{server.host}\r\n{headers}\r\n".encode())  # fmt: skip
            received = b""
            while b"web-sample" not in received:
                received += (piece := page.recv(1 << 16))
                assert piece, received
            explorers = server.children()
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(PATIENCE) == 130
        assert explorers
        for pid in explorers:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_errors_are_reported_before_serving(
    image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing image, stdin, a missing Dockerfile and a used port are errors before anything is served."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words, code, message in (
            (["./missing.tar"], 3, "missing.tar"),
            (["-"], 2, "stdin can be read only once"),
            ([str(image), "--dockerfile", "none"], 2, "none"),
            ([str(image), "--port", port], 2, "address already in use"),
        ):
            assert cli.run(["web", *words]) == code
            out, err = capsys.readouterr()
            assert not out
            assert message in err


def test_without_the_extra_the_error_names_it(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [each for each in sys.modules if each.startswith("layerscope.tui.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    assert cli.run(["web", str(image)]) == 2
    assert "layerscope[web]" in capsys.readouterr().err


def test_the_explorer_gets_the_same_options() -> None:
    """The explorer gets every given option, and no value can be taken for an option."""
    options = {param.name: None for param in open_command.params}
    options |= {"platform": "linux/arm64", "limit": ("layers=3", "entries=9"), "no_cache": True, "pull": False, "image": "--pull"}  # type: ignore[dict-item]  # fmt: skip
    words = _command("--help", False, options)
    assert words[words.index("--served") :] == [
        "--served", "reading", "--image=--pull", "--platform=linux/arm64", "--no-cache", "--limit=layers=3", "--limit=entries=9", "--", "--help",
    ]  # fmt: skip
