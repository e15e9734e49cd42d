"""Secrets in the history and config are reported without their values, wherever a command has them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from layerscope.image.secret_spans import secret_spans
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import findings_by, findings_of
from tests.images import docker_archive, file, layer_tar, write

HISTORY = {
    "build argument": "|1 NPM_TOKEN=abc123def456 /bin/sh -c npm ci",
    "ENV": "/bin/sh -c #(nop)  ENV DB_PASSWORD=correct-horse",
    "old ENV": "ENV API_TOKEN correct-horse",
    "ARG": "ARG SECRET_KEY=correct-horse",
    "in a URL": "/bin/sh -c git clone https://me:correct-horse@git.example.test/x",
    "exported": "RUN /bin/sh -c export AWS_SECRET_ACCESS_KEY=correct-horse && make # buildkit",
    "before a command": "/bin/sh -c PGPASSWORD=correct-horse psql -c 'select 1'",
    "in quotes": '/bin/sh -c TOKEN="correct-horse" ./x',
    "header": "/bin/sh -c curl -H 'Authorization: Bearer correct-horse' https://x.test",
    "curl": "/bin/sh -c curl -fsS -u user:correct-horse https://x.test",
    "mysql": "/bin/sh -c mysql --password=correct-horse -e 'select 1'",
    "mysql, short": "/bin/sh -c mysql -uroot -pcorrect-horse -e 'select 1'",
    "sshpass": "/bin/sh -c sshpass -p correct-horse ssh x.test",
    "login": "/bin/sh -c docker login -u me -p correct-horse r.test",
    "login, piped": "/bin/sh -c echo correct-horse | docker login -u me --password-stdin r.test",
    "JWT": "ENV JWT=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.correct-horse",
    "quoted name": 'ENV "QUOTED_PASSWORD"=correct-horse',
    "several words": "ENV DB_PASSWORD=a correct-horse battery PORT=80",
    "LABEL": "LABEL token=correct-horse",
    "CMD": 'CMD ["app" "--password=correct-horse"]',
    "CMD, apart": 'CMD ["app", "--secret-key", "correct-horse"]',
    "ENTRYPOINT": 'ENTRYPOINT ["mirror", "-u", "user:correct-horse"]',
    "HEALTHCHECK": 'HEALTHCHECK &{["CMD-SHELL" "curl -u user:correct-horse localhost"] "5s"}',
    "chpasswd": "/bin/sh -c echo root:correct-horse | chpasswd",
    "chpasswd, quoted": "/bin/sh -c echo 'root:correct-horse' | chpasswd",
    "here-document": "COPY <<EOF /app/.env\nHOST=db\nPASSWORD=correct-horse\nEOF # buildkit",
    "here-document of YAML": "RUN /bin/sh -c cat >a.yml <<EOF\ndb:\n  password: correct-horse\nEOF # buildkit",
    "SQL": "/bin/sh -c psql -c \"ALTER USER app PASSWORD 'correct-horse'\"",
    "header of a service": "/bin/sh -c curl -H 'PRIVATE-TOKEN: correct-horse' https://x.test",
    "property": "/bin/sh -c mvn deploy -Drepo.password=correct-horse",
    "JSON": '/bin/sh -c echo \'{"auths": {"r.test": {"auth": "correct-horse"}}}\' > /root/.docker/config.json',
    "htpasswd": "/bin/sh -c htpasswd -bc /etc/htpasswd admin correct-horse",
    "htpasswd, options apart": "/bin/sh -c htpasswd -B -C 12 -c -b /etc/htpasswd admin correct-horse",
    "htpasswd, printed": "/bin/sh -c htpasswd -Bbn admin correct-horse > /etc/htpasswd",
    "passwd": "/bin/sh -c yes correct-horse | passwd root",
    "npm": "/bin/sh -c npm config set //r.test/:_authToken correct-horse",
    "by its looks": "/bin/sh -c curl -H 'Authorization: ghp_" + "a1B2" * 9 + "' https://x.test",
}


@pytest.mark.parametrize("kind", HISTORY)
def test_a_secret_in_the_history_is_reported_without_its_value(kind: str) -> None:
    """The finding has its name, but no field has its value."""
    (finding,) = findings_by([(HISTORY[kind], [file("x", b"x")])], "secret-history")
    assert (finding.severity, finding.steps) == (Severity.ERROR, (0,))
    words = f"{finding.title} {finding.fix} {finding.why}"
    text = HISTORY[kind]
    for value in ("abc123def456", "correct-horse", "a1B2a1B2"):
        assert value not in words
        hidden = text
        for start, end in reversed(secret_spans(text)):
            hidden = hidden[:start] + "…" + hidden[end:]
        assert value not in hidden


@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh -c #(nop)  ENV PATH=/usr/bin PYTHON_PIP_VERSION=23.0 GPG_KEY=",
        "ENV TOKEN_FILE=/run/secrets/token PASSWORD=$PASSWORD",
        "ARG NPM_TOKEN",
        "/bin/sh -c curl https://example.test/a:b@c",
        "ENV MONKEY=banana-split KEYBOARD=qwertzuiop",
        "/bin/sh -c export TOKEN=${NPM_TOKEN} PASSWORD=$(cat /run/secrets/x) && TOKEN=`cat x` make",
        'RUN /bin/sh -c TOKEN="$(cat /run/secrets/token)" npm ci # buildkit',
        "/bin/sh -c cat /run/secrets/x | docker login -u me --password-stdin r.test",
        "/bin/sh -c docker login -u me -p $PASSWORD r.test && mysql -p < x.sql && mysql -uroot -p$PW x",
        "/bin/sh -c tool --password-file=/run/secrets/password --token-file token.txt --password= --auth basic",
        "ENV DB_PASSWORD=changeme API_TOKEN=xxx SECRET_KEY=<your-secret> TOKEN=",
        "ENV PYTHON_SHA256=9b8ef77cd8a5d3e5e5c4b6b4a1e06b0f2b2b2d4bd0b2a1a3ed9f4a2b1f2e3d4c GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305",
        "ENV NGINX_GPGKEYS=573BFD6B3D8FBC641079A6ABABF5BD827BD9BF62 TOKEN_SHA256=9b8ef77cd8a5d3e5e5c4b6b4",
        "/bin/sh -c adduser --disabled-password --gecos '' runner1 && useradd -u 1000 app && install -u root:root x",
        '/bin/sh -c curl -H "Authorization: Bearer $TOKEN" -u "$USER:$PASSWORD" https://x.test',
        '/bin/sh -c echo "root:${ROOT_PASSWORD}" | chpasswd && git clone https://me:${TOKEN}@x.test/y',
        "RUN --mount=type=secret,id=npm_token,env=NPM_TOKEN npm ci && docker build --secret id=npm_token .",
        "/bin/sh -c set -eux; cd /usr/src; PWD=/usr/src/python make; wget -O python.tar.xz.asc https://www.python.org/ftp/x; "
        'export GNUPGHOME="$(mktemp -d)"; gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys "$GPG_KEY"; '
        'echo "$PYTHON_SHA256 *python.tar.xz" | sha256sum -c -; gosu nobody true; chown -R postgres:postgres /var/lib',
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        "/bin/sh -c echo 'security:\\n  authorization: enabled' > /etc/mongod.conf && a2enmod proxy_auth rewrite_module",
        "/bin/sh -c ./configure --with-password-argon2 --with-http_auth_request_module --pass-through modules --enable-auth basic1",
        "/bin/sh -c find /etc/mysql /var/lib/mysql -print0 | xargs -0 rm; chown -R mysql:mysql /var/lib/mysql -path; apt-get install mysql-client -purge",
        "/bin/sh -c { echo mysql-server mysql-server/root-pass password ''; } | debconf-set-selections",
        "/bin/sh -c gpg --batch --passphrase '' --passphrase-fd 0 --quick-gen-key me && keytool -storepass changeit -import",
        "/bin/sh -c gpg --homedir /x --recv-keys 0xB97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8 && key='B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8'",
        "ENV RABBITMQ_PGP_KEY_ID=0x0A9AF2115F4687BD29803A206B73A36E6026DFCA MYSQL_RANDOM_ROOT_PASSWORD=yes POSTGRES_HOST_AUTH_METHOD=trusted",
        '/bin/sh -c echo "{\\"token\\": \\"${TOKEN}\\", \\"password\\": \\"changeme\\"}" > x; htpasswd -Bbn admin $PASSWORD',
        "LABEL org.opencontainers.image.title=token-service maintainer='Me <me@x.test>' primary-key='something'",
        'CMD ["redis-server", "--user", "redis:redis"]',
    ],
)
def test_harmless_words_in_the_history_are_not_reported(command: str) -> None:
    """These are file names, variables, empty values, and words that only contain a suspicious word."""
    assert findings_by([(command, [file("x", b"x")])], "secret-history") == []


DUMMIES = {
    "local database": "ENV DATABASE_URL=postgresql://postgres:postgres@localhost:5432/postgres",
    "loopback": "ENV REDIS_URL=redis://:x7k2p9qq@127.0.0.1:6379/0",
    "user as password": "RUN /bin/sh -c DATABASE_URL=mysql://root:root@db/app ./manage check # buildkit",
    "for the build": "RUN /bin/sh -c SECRET_KEY=not-needed-for-build ./manage collectstatic # buildkit",
    "build argument": "|1 SECRET_KEY=insecure-x7k2p9 /bin/sh -c ./manage collectstatic",
    "ARG": "ARG SESSION_SECRET=build-time-placeholder",
    "option": "/bin/sh -c mysql --password=rootpassword -e 'select 1'",
    "CMD": 'CMD ["app", "--database", "postgres://app:x7k2p9qq@localhost/app"]',
}


@pytest.mark.parametrize("kind", DUMMIES)
def test_a_dummy_is_a_warning_that_fails_no_gate(kind: str) -> None:
    """It has low confidence, does not count as a secret, and is not shown either."""
    (finding,) = findings_by([(DUMMIES[kind], [file("x", b"x")])], "secret-history")
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LOW)
    assert finding.title.startswith("Dummy secret in the history: ")
    assert not finding.secret
    words = f"{finding.title} {finding.fix} {finding.why}"
    assert not any(value in words for value in ("x7k2p9", "postgres:", "not-needed"))


def test_a_dummy_does_not_hide_a_secret() -> None:
    """They are two findings; a name with both kinds of values is a secret."""
    step = "ENV DB_PASSWORD=correct-horse APP_SECRET=insecure-default OLD_SECRET=for-build-only"
    secret, dummy = findings_by([(step, [file("x", b"x")])], "secret-history")
    assert (secret.severity, secret.confidence) == (Severity.ERROR, Confidence.MEDIUM)
    assert secret.title == "Secret in the history: DB_PASSWORD"
    assert dummy.title == "Dummy secret in the history: APP_SECRET, OLD_SECRET"


def test_a_dummy_of_the_config_is_a_warning(tmp_path: Path) -> None:
    """This holds if no step contains it."""
    config = {"Env": ["DATABASE_URL=postgres://app:app@localhost/app", "DB_PASSWORD=correct-horse"]}
    image = docker_archive([layer_tar([file("x", b"x")])], config={"config": config})
    path = write(tmp_path / "image.tar", image)
    found = findings_of(open_image(Request(str(path)), Options(rules={}))).found
    assert [(finding.title, finding.severity) for finding in found] == [
        ("Secret in the config: DB_PASSWORD", Severity.ERROR),
        ("Dummy secret in the config: DATABASE_URL", Severity.WARNING),
    ]


def test_only_the_values_of_secrets_are_hidden() -> None:
    """The surrounding text stays, including quotes; values in ENV end at the next name."""
    cases = {
        "docker login -u me -p 'correct-horse' r.test": "docker login -u me -p '…' r.test",
        "A=1 TOKEN=correct-horse make && true": "A=1 TOKEN=… make && true",
        'CMD ["a" "--token" "correct-horse" "b"]': 'CMD ["a" "--token" "…" "b"]',
        "ENV A=b PASSWORD=correct horse C=d": "ENV A=b PASSWORD=… C=d",
        "|2 NPM_TOKEN=correct horse B=x /bin/sh -c make": "|2 NPM_TOKEN=… B=x /bin/sh -c make",
        "git clone https://me:correct-horse@x.test/y": "git clone https://me:…@x.test/y",
        "apt-get update && rm -rf /var/lib/apt/lists": "apt-get update && rm -rf /var/lib/apt/lists",
    }
    for text, hidden in cases.items():
        shown = text
        for start, end in reversed(secret_spans(text)):
            shown = shown[:start] + "…" + shown[end:]
        assert shown == hidden
    assert secret_spans("API_TOKEN correct-horse", "ENV") == [(10, 23)]
    assert secret_spans("API_TOKEN=correct horse", "ARG") == [(10, 23)]


def test_the_command_and_labels_of_the_config_are_searched(tmp_path: Path) -> None:
    """They may have secrets that no step contains."""
    config = {
        "Cmd": ["app", "--password", "correct-horse"],
        "Labels": {"token": "battery-staple"},
        "Env": ["DB_PASSWORD=correct-horse"],
    }
    image = docker_archive([layer_tar([file("x", b"x")])], config={"config": config})
    path = write(tmp_path / "image.tar", image)
    found = findings_of(open_image(Request(str(path)), Options(rules={}))).found
    assert [finding.title for finding in found] == [
        "Secret in the config: DB_PASSWORD, token, --password"
    ]


@pytest.mark.parametrize(
    "part",
    ["a-", " ", "A=\"", "A='", "A=\\\"", "mysql ", "docker login ", "echo ", "--a", "--a\n", "a://", "\n a: ", "password ", "- ",
     "-----BEGIN PRIVATE KEY-----", "TOKEN=x ", "eyJaaaaaaaaaaaa", "echo a:b", "a.", "authorization:", "|1 "],
)  # fmt: skip
def test_every_command_is_searched_quickly(part: str) -> None:
    """This holds even for hostile texts."""
    started = time.process_time()
    secret_spans(part * (65_536 // len(part)))
    secret_spans(part * (65_536 // len(part)), "ENV")
    assert time.process_time() - started < 4
