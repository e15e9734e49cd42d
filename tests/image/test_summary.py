"""Instructions as people read them: decoded, masked, on one line."""

from __future__ import annotations

import time

import pytest

from layerscope.image.summary import as_in_dockerfile, prelude

CHECK = '&{["CMD-SHELL" "curl -f http://localhost/ || exit 1"] "30s" "3s" "0s" "0s" \'\\x00\'}'


@pytest.mark.parametrize(
    ("recorded", "written"),
    [
        ("map[8000/tcp:{}]", "8000/tcp"),
        ("map[53/udp:{} 8000/tcp:{}]", "53/udp 8000/tcp"),
        ("8000 9000", "8000 9000"),
        ("map[]", "map[]"),
        ("map[a:{1}]", "map[a:{1}]"),
    ],
)
def test_ports_are_as_in_a_dockerfile(recorded: str, written: str) -> None:
    """The legacy builder prints a Go map; what is not one stays."""
    assert as_in_dockerfile("EXPOSE", recorded) == written


@pytest.mark.parametrize(
    ("recorded", "written"),
    [
        (CHECK, "--interval=30s --timeout=3s CMD curl -f http://localhost/ || exit 1"),
        (
            '&{["CMD" "curl" "a \\"b\\""] "1m30s" "3s" "5s" \'\\x03\'}',
            '--interval=1m30s --timeout=3s --start-period=5s --retries=3 CMD ["curl", "a \\"b\\""]',
        ),
        (
            '&{["CMD" "a"] "0s" "0s" "0s" "2s" \'\\n\'}',
            '--start-interval=2s --retries=10 CMD ["a"]',
        ),
        ('&{["CMD" "a"] "0s" "0s" "0s" \'A\'}', '--retries=65 CMD ["a"]'),
        ('&{["NONE"] "0s" "0s" "0s" "0s" \'\\x00\'}', "NONE"),
        ('&{["OTHER" "a"] "0s" "0s" "0s" \'\\x00\'}', None),
        ('&{["CMD"] "0s" "0s" "0s" \'\\x00\'}', None),
        ('&{["CMD" "\\q"] "0s" "0s" "0s" \'\\x00\'}', None),
        ("--interval=5s CMD true", None),
    ],
)
def test_a_health_check_is_as_in_a_dockerfile(recorded: str, written: str | None) -> None:
    """The legacy builder prints a Go struct; what is not one stays."""
    assert as_in_dockerfile("HEALTHCHECK", recorded) == (written or recorded)


def test_other_instructions_stay() -> None:
    assert as_in_dockerfile("RUN", CHECK) == CHECK
    assert as_in_dockerfile(None, CHECK) == CHECK


def test_hostile_texts_take_no_time() -> None:
    """Every pattern is linear."""
    start = time.process_time()
    for text in (
        "map[" + "a:{} " * 200_000 + "x",
        '&{["' + "a" * 500_000,
        "&{[" + '"a" ' * 200_000,
    ):
        as_in_dockerfile("EXPOSE", text)
        as_in_dockerfile("HEALTHCHECK", text)
    prelude("set -e; " * 100_000 + "x")
    prelude("set " + "-e " * 300_000)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("command", "rest"),
    [
        ("set -eux; apt-get update; apt-get install -y x", "apt-get install -y x"),
        ("set -o pipefail && curl x | sh", "curl x | sh"),
        ("set -euo pipefail; make", "make"),
        ("apt-get -qq update && ls", "ls"),
        ("apk update && apk add x", "apk add x"),
        ("export DEBIAN_FRONTEND=noninteractive && make", "make"),
        ("apt-get update", "apt-get update"),
        ("settle; x", "settle; x"),
        ("set x y; z", "set x y; z"),
    ],
)
def test_the_start_that_many_commands_share_is_known(command: str, rest: str) -> None:
    """What says nothing of a command; never all of it."""
    assert command[prelude(command) :] == rest
