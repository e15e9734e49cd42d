"""The channel to second processes: messages arrive complete, and waiting for a peer is limited."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerscope.channel import ChannelError, Kind, RequestFailedError, SecondProcess, Wire
from layerscope.errors import CancelledError
from tests.second_processes import BAD, FRAME, NOT_READING

PEERS = "tests.second_processes"
LONG = b"x" * (3 << 20)
"""More bytes than a pipe holds."""
TIMEOUT = 30


@pytest.fixture(
    params=[("", ""), ("1", ""), ("", "at once")], ids=["buffered", "unbuffered", "at once"]
)
def peer(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecondProcess]:
    """A process that answers requests."""
    unbuffered, how = request.param
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with SecondProcess(PEERS, [how]) as process:
        yield process


@pytest.fixture
def concurrent_peer() -> Iterator[SecondProcess]:
    """A process that answers several requests at once."""
    with SecondProcess(PEERS, ["at once"]) as process:
        yield process


def cancel_once(ready: Callable[[], bool]) -> Callable[[], None]:
    """A check that cancels once `ready` returns true."""

    def check() -> None:
        if ready():
            raise CancelledError

    return check


def has_ended(pid: int) -> bool:
    """Wait for a process to end; returns whether it ended in time."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_answers_of_any_length_arrive_complete(peer: SecondProcess) -> None:
    """The first request starts the process, and later ones go to the same process."""
    assert peer.process is None
    for count, what in ((3, b"short"), (0, b""), (2, LONG), (1, b"\0")):
        assert peer.ask([b"repeat ", b"%d " % count, memoryview(what)]) == what * count
    assert peer.process is not None
    assert peer.process.poll() is None


def test_progress_comes_before_the_answer(peer: SecondProcess) -> None:
    progress_bodies: list[bytearray] = []
    assert peer.ask([b"progress one two three"], progress=progress_bodies.append) == b"done"
    assert progress_bodies == [b"one", b"two", b"three"]
    assert peer.ask([b"progress ignored"]) == b"done"


@pytest.mark.parametrize(("request_", "why"), [(b"fail it is odd", "ValueError: it is odd"), (b"memory", "MemoryError")])  # fmt: skip
def test_a_failed_request_does_not_affect_others(
    peer: SecondProcess, request_: bytes, why: str
) -> None:
    with pytest.raises(RequestFailedError, match=why):
        peer.ask([request_])
    assert peer.ask([b"repeat 1 a"]) == b"a"


def test_printed_text_is_not_a_frame(peer: SecondProcess) -> None:
    """Printing in the second process does not disturb the channel, and its stdin is empty."""
    assert peer.ask([b"print"]) == b""
    assert peer.ask([b"repeat 1 a"]) == b"a"


def test_a_cancelled_request_leaves_the_process_to_others(peer: SecondProcess) -> None:
    """A late answer to a cancelled request is not mistaken for the answer to the next one."""
    assert peer.ask([b"repeat 1 a"]) == b"a"
    calls = iter([False, False, True])
    with pytest.raises(CancelledError):
        peer.ask([b"wait"], cancel_once(lambda: next(calls)))
    assert peer.ask([b"repeat 2 b"]) == b"bb"


def test_cancelling_a_partly_written_request_ends_the_process() -> None:
    """Its remaining bytes would be mistaken for another request."""
    with SecondProcess(PEERS) as peer:
        assert peer.ask([b"repeat 0 "]) == b""
        assert peer.process is not None
        os.kill(peer.process.pid, signal.SIGSTOP)
        with pytest.raises(CancelledError):
            peer.ask([b"repeat 1 ", LONG], cancel_once(lambda: True))
        assert peer.process.returncode is not None
        with pytest.raises(ChannelError):
            peer.ask([b"repeat 1 a"])


def test_concurrent_requests_get_their_own_answers(concurrent_peer: SecondProcess) -> None:
    """Answers are complete even while one request takes long."""
    done = threading.Event()
    with ThreadPoolExecutor(9) as pool:
        waiting = pool.submit(concurrent_peer.ask, [b"wait"], cancel_once(done.is_set))
        words = [bytes([number]) * (number << 12) for number in range(1, 200)]
        assert list(pool.map(lambda word: concurrent_peer.ask([b"repeat 3 ", word]), words)) == [
            3 * word for word in words
        ]
        assert not waiting.done()
        done.set()
        with pytest.raises(CancelledError):
            waiting.result()
    assert concurrent_peer.ask([b"repeat 1 a"]) == b"a"


def test_progress_goes_to_the_thread_that_sent_the_request(concurrent_peer: SecondProcess) -> None:
    def beats_of(word: bytes) -> set[bytes]:
        bodies: list[bytes] = []
        with pytest.raises(CancelledError):
            concurrent_peer.ask(
                [b"beat ", word],
                cancel_once(lambda: len(bodies) > 20),
                progress=lambda body: bodies.append(bytes(body)),
            )
        return set(bodies)

    words = [b"one", b"two", b"three"]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(beats_of, words)) == [{word} for word in words]


@pytest.mark.parametrize("word", [b"wait", b"stop"])
def test_all_waiting_requests_fail_when_the_process_ends(
    concurrent_peer: SecondProcess, word: bytes
) -> None:
    """The process is killed while it is running or stopped."""
    assert concurrent_peer.ask([b"repeat 1 a"]) == b"a"
    assert concurrent_peer.process is not None
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(concurrent_peer.ask, [word]) for _ in range(4)]
        os.kill(concurrent_peer.process.pid, signal.SIGKILL)
        for asked in waiting:
            with pytest.raises(ChannelError, match=r"it |cannot "):
                asked.result(TIMEOUT)
    with pytest.raises(ChannelError):
        concurrent_peer.ask([b"repeat 1 a"])


def test_killing_ends_all_requests(concurrent_peer: SecondProcess) -> None:
    """This includes requests that are being sent, which a stopped process does not read."""
    assert concurrent_peer.ask([b"repeat 1 a"]) == b"a"
    assert concurrent_peer.process is not None
    os.kill(concurrent_peer.process.pid, signal.SIGSTOP)
    began = threading.Barrier(4)

    def ask() -> None:
        began.wait()
        with pytest.raises(ChannelError, match=r"it |cannot "):
            concurrent_peer.ask([b"repeat 1 ", LONG])

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask) for _ in range(3)]
        began.wait()
        concurrent_peer.kill()
        for asked in waiting:
            asked.result(TIMEOUT)
    assert has_ended(concurrent_peer.process.pid)


def test_a_busy_process_is_not_silent(concurrent_peer: SecondProcess) -> None:
    """A request may take longer than its timeout as long as the process answers others."""
    with ThreadPoolExecutor(1) as pool:
        beats: list[bytearray] = []
        beating = pool.submit(
            concurrent_peer.ask,
            [b"beat on"],
            cancel_once(lambda: len(beats) > 100),
            progress=beats.append,
        )
        with pytest.raises(CancelledError):
            concurrent_peer.ask([b"wait"], cancel_once(lambda: len(beats) > 80), timeout=0.5)
        with pytest.raises(CancelledError):
            beating.result()


@pytest.mark.parametrize("name", BAD)
def test_a_misbehaving_peer_is_an_error(name: str) -> None:
    """The process is killed, and every later request fails immediately."""
    with SecondProcess(PEERS, [name], max_body=1 << 20) as peer:
        for _ in range(2):
            with pytest.raises(ChannelError, match=r"it |cannot "):
                peer.ask([b"what?"])
        assert peer.process is not None
        assert peer.process.returncode is not None


@pytest.mark.parametrize("name", NOT_READING)
def test_a_peer_that_does_not_read_is_an_error(name: str) -> None:
    """Writing a long request does not block forever."""
    with SecondProcess(PEERS, [name]) as peer, pytest.raises(ChannelError, match=r"it |cannot "):
        peer.ask([LONG] * 10)


def test_a_silent_peer_times_out(peer: SecondProcess) -> None:
    """As when a process is stopped and never continued."""
    with pytest.raises(ChannelError, match=r"no answer for 0\.3 s"):
        peer.ask([b"wait"], timeout=0.3)


def test_a_program_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with SecondProcess(PEERS) as peer, pytest.raises(ChannelError, match="cannot be started"):
        peer.ask([b"repeat 1 a"])


def test_a_module_that_cannot_be_loaded_is_an_error() -> None:
    with SecondProcess("tests.no_such_module") as peer, pytest.raises(ChannelError):
        peer.ask([b"repeat 1 a"])


def test_an_unresponsive_process_ends_with_the_channel() -> None:
    with SecondProcess(PEERS) as peer:
        with pytest.raises(CancelledError):
            peer.ask([b"wait"], cancel_once(lambda: peer.process is not None))
        assert peer.process is not None
        assert peer.process.poll() is None
    assert peer.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("work", ["serve(lambda task: time.sleep(60))", "serve(lambda task: re.match('(a+)+$', 'a' * 60 + 'b'))"])  # fmt: skip
def test_a_process_ends_soon_after_its_parent(tmp_path: Path, work: str) -> None:
    """This holds even during work that keeps Python's global lock."""
    (tmp_path / "busy.py").write_text(
        f"import re, time\nfrom layerscope.channel import serve\ndef main(): {work}\n"
    )
    parent = f"""
import os, sys
from layerscope.channel import SecondProcess
sys.path.append({str(tmp_path)!r})
def check():
    if process.process is not None:
        print(process.process.pid, flush=True)
        os._exit(0)
process = SecondProcess("busy")
process.ask([b"?"], check)
"""
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, check=True)
    assert has_ended(int(done.stdout))


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_a_frame_is_read_in_any_number_of_pieces(pieces: int) -> None:
    """The bytes of a frame may arrive in any pieces."""
    read, write = os.pipe()
    wire = Wire(read, os.open(os.devnull, os.O_WRONLY))
    step = -(-len(FRAME) // pieces)

    def trickle() -> None:
        for at in range(0, len(FRAME), step):
            os.write(write, FRAME[at : at + step])
        os.close(write)

    thread = threading.Thread(target=trickle)
    thread.start()
    frame = wire.receive()
    assert frame is not None
    assert frame == (Kind.ANSWER, 1, bytearray(b"abc"))
    assert wire.receive() is None
    thread.join()
    wire.close()
