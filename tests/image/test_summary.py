"""Steps on one line in Dockerfile syntax, whatever the builder recorded."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.image.go_values import without_go_values
from layerscope.image.history import HistoryEntry, Step, align
from layerscope.image.summary import full_text, one_line, split_run


def step(created_by: str) -> Step:
    """The step of a history entry."""
    return align([HistoryEntry(None, created_by, None, None, True)], 0)[0][0]


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        ("EXPOSE map[8000/tcp:{}]", "EXPOSE 8000/tcp"),
        ("EXPOSE map[443/tcp:{} 53/udp:{}]", "EXPOSE 443/tcp 53/udp"),
        ("EXPOSE [8080/tcp 9000-9010/tcp]", "EXPOSE 8080/tcp 9000-9010/tcp"),
        ("/bin/sh -c #(nop)  EXPOSE 80", "EXPOSE 80"),
        (
            """HEALTHCHECK &{["CMD-SHELL" "curl -f localhost || exit 1"] "30s" "3s" "0s" "0s" '\\x03'}""",
            "HEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD curl -f localhost || exit 1",
        ),
        (
            # Docker before 17.05 knows no start period; a retry count is printed as a character.
            """/bin/sh -c #(nop)  HEALTHCHECK &{["CMD" "a b" "c\\"d"] "1m0s" "1h0m0s" '\\n'}""",
            'HEALTHCHECK --interval=1m --timeout=1h --retries=10 CMD ["a b", "c\\"d"]',
        ),
        (
            """HEALTHCHECK &{["CMD-SHELL" "x"] "0s" "1.5s" "1m30s" "2h10m0s" 'A'}""",
            "HEALTHCHECK --timeout=1.5s --start-period=1m30s --start-interval=2h10m --retries=65 CMD x",
        ),
        ("""HEALTHCHECK &{["CMD-SHELL" "x"] "10s" "0s" "0s" '\\''}""", "HEALTHCHECK --interval=10s --retries=39 CMD x"),
        ('/bin/sh -c #(nop)  CMD ["nginx" "-g" "daemon off;"]', 'CMD ["nginx", "-g", "daemon off;"]'),
        ('ENTRYPOINT ["sh" "-c" "echo \\"a b\\"\\x1b\\n\\u00e9"]', 'ENTRYPOINT ["sh", "-c", "echo \\"a b\\"\\u001b\\né"]'),
        ('CMD ["a", "b"]', 'CMD ["a", "b"]'),
        ('CMD ["a"]', 'CMD ["a"]'),
        ('CMD []', 'CMD []'),
        ('CMD ["a" b]', 'CMD ["a" b]'),
        ('CMD ["a" "b"] x', 'CMD ["a" "b"] x'),
        ("""HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\\x00'}""", "HEALTHCHECK NONE"),
    ],
)  # fmt: skip
def test_go_notation_is_shown_as_dockerfile_syntax(created_by: str, shown: str) -> None:
    assert one_line(step(created_by)) == shown
    assert full_text(step(created_by)) == shown


@pytest.mark.parametrize(
    ("instruction", "arguments"),
    [
        ("EXPOSE", "map[]"),
        ("EXPOSE", "map[80/tcp:{} ; rm]"),
        ("EXPOSE", "map[80/tcp:{x}]"),
        ("EXPOSE", "map[999999/tcp:{}]"),
        ("EXPOSE", "80 443"),
        ("HEALTHCHECK", "--interval=5s CMD x"),
        ("HEALTHCHECK", """&{["CMD-SHELL" "x"] "30s" '\\x00'}"""),
        ("HEALTHCHECK", """&{["CMD-SHELL" "x" "y"] "30s" "3s" "0s" '\\x00'}"""),
        ("HEALTHCHECK", """&{["CMD-SHELL" "two\\nlines"] "30s" "3s" "0s" '\\x00'}"""),
        ("HEALTHCHECK", """&{["CMD-SHELL" "\\U00110000"] "30s" "3s" "0s" '\\x00'}"""),
        ("HEALTHCHECK", """&{["CMD-SHELL" "\\q"] "30s" "3s" "0s" '\\x00'}"""),
        ("HEALTHCHECK", """&{["CMD-SHELL" "x"] "30s" "3s" "0s" 'ab'}"""),
        ("HEALTHCHECK", """&{["OTHER" "x"] "30s" "3s" "0s" '\\x00'}"""),
        ("HEALTHCHECK", """&{["" "x"] "30s" "3s" "0s" '\\x00'} CMD y"""),
        ("LABEL", "map[80/tcp:{}]"),
        (None, "map[80/tcp:{}]"),
        (None, '["a" "b"]'),
        ("RUN", '["a" "b"]'),
        ("CMD", '["a" "\\ud800"]'),
        ("CMD", '["a" "\\q"]'),
    ],
)
def test_other_forms_are_unchanged(instruction: str | None, arguments: str) -> None:
    assert without_go_values(instruction, arguments) == arguments


@given(
    st.sampled_from(["EXPOSE", "HEALTHCHECK", "CMD"]), st.text("map[]{}:/ 0159cCMDSHEL-tcp\"'\\&xs")
)
def test_any_text_is_accepted(instruction: str, arguments: str) -> None:
    assert isinstance(without_go_values(instruction, arguments), str)


def test_secrets_of_a_command_stay_masked() -> None:
    created_by = 'CMD ["app" "--password" "correct-horse" "-u" "me:correct-horse"]'
    assert one_line(step(created_by)) == 'CMD ["app", "--password", "***", "-u", "me:***"]'


def test_secrets_of_a_health_check_stay_masked() -> None:
    created_by = """HEALTHCHECK &{["CMD-SHELL" "curl -u me:correct-horse localhost"] "5s" "0s" "0s" '\\x00'}"""
    assert one_line(step(created_by)) == "HEALTHCHECK --interval=5s CMD curl -u me:*** localhost"


@pytest.mark.parametrize(
    ("line", "prelude", "rest"),
    [
        ("RUN set -eux; apt-get update; apt-get install -y x", "set -eux; apt-get update; ", "apt-get install -y x"),
        ("RUN apt-get -qq update && apt-get install x", "apt-get -qq update && ", "apt-get install x"),
        ("RUN set -o pipefail && export DEBIAN_FRONTEND=noninteractive && a", "set -o pipefail && export DEBIAN_FRONTEND=noninteractive && ", "a"),
        ("RUN set -euxo pipefail; make", "set -euxo pipefail; ", "make"),
        ("RUN apk update --no-cache && apk add x", "apk update --no-cache && ", "apk add x"),
        ("RUN make; set -e; make", "", "make; set -e; make"),
        ("RUN apt-get update", "", "apt-get update"),
        ("RUN set -eux; ", "", "set -eux; "),
        ("RUN apt-get update-x && a", "", "apt-get update-x && a"),
        ("RUN apt-get update || true; a", "", "apt-get update || true; a"),
    ],
)  # fmt: skip
def test_a_run_is_split_after_a_common_prelude(line: str, prelude: str, rest: str) -> None:
    assert split_run(line) == ("RUN ", prelude, rest)


def test_only_a_run_has_a_prelude() -> None:
    assert split_run("CMD set -e; x") == ("", "", "CMD set -e; x")
    assert split_run("RUNNER") == ("", "", "RUNNER")


@pytest.mark.parametrize(
    "part", ["set -e; ", "set -", "set -o a ", "apt-get -x ", " ", "; ", "&& "]
)
def test_hostile_lines_take_linear_time(part: str) -> None:
    began = time.process_time()
    text = part * (200_000 // len(part))
    keyword, prelude, rest = split_run(f"RUN {text}")
    assert keyword + prelude + rest == f"RUN {text}"
    for instruction, before in (("EXPOSE", "map["), ("HEALTHCHECK", '&{["CMD-SHELL" "')):
        without_go_values(instruction, before + '80/tcp:{} "\\" ' * 20_000)
    assert time.process_time() - began < 5
