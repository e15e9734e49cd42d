"""Secrets in arguments of commands are hidden in any context and order of words, and nothing else is."""

from __future__ import annotations

import json
import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.image.secret_spans import MASK, masked

SECRET = "correct-horse"
COMMANDS = [
    "mysql -uroot -p@ -e 'select 1'",
    "mysqldump --all-databases -p@ -u root",
    "mariadb-admin -p@ -u root shutdown",
    "mongosh -u admin -p @ db",
    "mongodump -p@ --out x",
    "sshpass -p @ ssh x.test",
    "sshpass -p@ ssh x.test",
    "docker login r.test -p @ -u me",
    "podman login -u me -p=@ r.test",
    "helm registry login -u me -p @ r.test",
    "az login --service-principal -u me -p @ --tenant t",
    "redis-cli -h db -a @ ping",
    "redis-cli --pass @ ping",
    "ldapsearch -x -D cn=admin -w @ -b dc=x",
    "zip -P @ -r a.zip a",
    "7z x -p@ a.7z",
    "curl -fsSu me:@ https://x.test",
    "curl https://x.test --user me:@",
    "curl -ume:@ https://x.test",
    "curl --proxy-user=me:@ https://x.test",
    "lftp -u me,@ x.test",
    "htpasswd -b /etc/f me @",
    "htpasswd -B -C 12 -c /etc/f -b me @",
    "htpasswd -nbB me @",
    "mosquitto_passwd -b /etc/f me @",
    "rabbitmqctl add_user me @",
    "openssl rsa -in a -passin pass:@ -out b",
    "aws --profile x configure set aws_secret_access_key @",
    "echo @ | docker login -u me --password-stdin r.test",
    "echo me:@ | chpasswd",
    "yes @ | passwd root",
]
CONTEXTS = ["%", "sudo %", "sudo -u app env A=b %", "docker exec db %", "set -e; cd /x && % || true", "if true; then %; fi",
          "# %", "cat <<EOF\n%\nEOF", "RUN --mount=type=cache,target=/x % # buildkit", "|2 A=b c B=x /bin/sh -c %",
          "FROM x\nRUN a && \\\n  % && \\\n  b\nCMD [\"x\", \"y\"]\n"]  # fmt: skip


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_only_the_secret_is_hidden(command: str, context: str) -> None:
    """The text before and after it is unchanged."""
    text = context.replace("%", command)
    if "|" in command:
        text = text.replace("env A=b", "")
    assert masked(text.replace("@", SECRET)) == text.replace("@", MASK)


@pytest.mark.parametrize("command", [one for one in COMMANDS if "|" not in one and "'" not in one])
def test_secrets_in_quoted_scripts_and_lists_are_hidden(command: str) -> None:
    """This includes quoted words, quoted scripts, and lists of words in JSON and Go notation."""
    for quote in "'\"":
        if command.count("@") == 1 and " @" in command:
            quoted = command.replace("@", f"{quote}@{quote}")
            assert masked(quoted.replace("@", SECRET)) == quoted.replace("@", MASK)
        inner = f"su app -c {quote}cd x && {command}{quote}"
        assert masked(inner.replace("@", SECRET)) == inner.replace("@", MASK)
    words = shlex.split(command)
    for text in (
        json.dumps(words),
        "[" + " ".join(map(json.dumps, words)) + "]",
        json.dumps(["sh", "-c", command]),
    ):
        assert masked(text.replace("@", SECRET), "CMD") == text.replace("@", MASK)


@pytest.mark.parametrize(
    "text",
    [
        "mysql -P3306 -uroot -p -h db",
        "mkdir -p correct-horse && docker run -p 8080:80 x && docker login",
        "apt-get install -y mysql -purge && which htpasswd -b a b c",
        "ls /etc/mysql -path && find /var/lib/mysql -print0",
        "chown -u me:correct-horse x && useradd -u 1000:1000 x && install -u root:root x",
        "docker run -u 1000:1000 https://x.test/image && gosu -u app:app curl https://x.test",
        "htpasswd -c /etc/f me && htpasswd -b /etc/f me $PASSWORD",
        "curl -u $USER:$PASSWORD https://x.test && curl -u me https://x.test",
        "echo correct-horse > passwd; echo me:correct-horse; chpasswd < x",
        "echo 'correct-horse' | tee x | passwd --stdin < /run/secrets/x",
        "sshpass -e ssh x && sshpass -f /run/secret ssh x",
        "zip -r a.zip b && unzip -d /opt a.zip && tar -pxf x",
        "npm config set registry https://x.test && aws configure set region x",
    ],
)  # fmt: skip
def test_other_arguments_are_not_hidden(text: str) -> None:
    assert masked(text) == text


_WORDS = st.sampled_from(
    ["mysql", "-p", "docker", "login", "curl", "-u", "sh", "-c", "&&", "|", ";", "'", '"', "echo", "chpasswd", "<<EOF", "EOF",
     "\n", "\\\n", "[", "]", "htpasswd", "-b", "$(", ")", "#", "a:$B", "$A", "/x", "é", "{", "}", "`"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=30), st.sampled_from([None, "RUN", "CMD", "HEALTHCHECK"]))
def test_any_text_is_accepted_and_only_words_are_hidden(
    words: list[str], instruction: str | None
) -> None:
    """Everything between the masks is unchanged text, in order."""
    text = " ".join(words)
    shown = masked(text, instruction)
    pieces = shown.split(MASK)
    at = 0
    for piece in pieces:
        at = text.index(piece, at) + len(piece)


@pytest.mark.parametrize("part", ["mysql -p", '["a"] x; ', "sh -c '", "echo a | login ", "htpasswd -b a b c ", "# -ua\n", "curl -u a:b "])  # fmt: skip
def test_hostile_texts_take_linear_time(part: str) -> None:
    started = time.process_time()
    masked(part * (65_536 // len(part)))
    masked(part * (65_536 // len(part)), "CMD")
    assert time.process_time() - started < 6
