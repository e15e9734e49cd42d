"""Secrets: found where they are stored, also when they were deleted later; never printed."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from layerscope.analysis.findings.finding import Confidence, Severity
from layerscope.analysis.findings.secrets import reading
from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.analysis.findings.secrets.files import (
    holds_secret_settings,
    is_environment_file,
)
from layerscope.analysis.findings.secrets.reading import LARGEST_TELLING
from layerscope.image.secret_names import is_secret
from layerscope.image.secret_spans import secret_spans
from layerscope.opening import Options, open_image
from layerscope.report.schema import document
from layerscope.sources import Request
from tests.analysis.findings.judging import findings_of, judged, opened_of
from tests.images import docker_archive, file, layer_tar, whiteout, write

COPY = "COPY . /srv # buildkit"
BODY = base64.b64encode(bytes(range(256)) * 3)
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + BODY + b"\n-----END OPENSSH PRIVATE KEY-----\n"
GITHUB = b"token = ghp_" + b"a1B2" * 9 + b"\n"

ENV = b"DB_HOST=db\nDB_PASSWORD=correct-horse\n"

KEYS = {
    "OpenSSH": KEY,
    "RSA": KEY.replace(b"OPENSSH", b"RSA"),
    "PKCS 8": KEY.replace(b"OPENSSH ", b""),
    "in JSON": json.dumps({"private_key": KEY.decode().replace("OPENSSH ", "")}).encode(),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_private_key_is_an_error(kind: str) -> None:
    """Its bytes and path, and that the layer brought it."""
    (finding,) = judged([(COPY, [file("srv/id_rsa.json", KEYS[kind])])], "secret-private-key")
    assert (finding.severity, finding.bytes) == (Severity.ERROR, len(KEYS[kind]))
    assert finding.layers == (0,)


NO_KEYS = {
    "public": KEY.replace(b"PRIVATE", b"PUBLIC"),
    "certificate": b"-----BEGIN CERTIFICATE-----\n" + BODY,
    "encrypted": KEY.replace(b"OPENSSH", b"ENCRYPTED"),
    "old encrypted": KEY.replace(
        b"KEY-----\n", b"KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0\n\n", 1
    ),
    "a program that reads keys": b'if line == "-----BEGIN RSA PRIVATE KEY-----":\n    pass\n',
    "a mere mention": b"# put a BEGIN RSA PRIVATE KEY here\n",
    "binary": KEY + b"\0",
    "empty": b"",
}


@pytest.mark.parametrize("kind", NO_KEYS)
def test_what_is_no_usable_private_key_is_no_finding(kind: str) -> None:
    """Public keys, certificates, keys behind a password, programs, and files that are no text."""
    assert judged([(COPY, [file("srv/server.key", NO_KEYS[kind])])], "secret-private-key") == []


@pytest.mark.parametrize(
    "path",
    [
        "usr/share/doc/openssl/demo.pem",
        "usr/lib/python3/test/keycert.pem",
        "srv/node_modules/https-proxy/test/key.pem",
        "usr/local/lib/python3.11/site-packages/x/tests/a.key",
    ],
)
def test_sample_keys_of_packages_are_no_secrets(path: str) -> None:
    """Everybody has those."""
    assert judged([(COPY, [file(path, KEY)])], "secret-private-key") == []


def test_a_secret_that_was_deleted_later_is_still_stored() -> None:
    """The finding says so, and names both what is and what was."""
    steps = [
        (COPY, [file("srv/id_rsa", KEY)]),
        ("/bin/sh -c rm /srv/id_rsa", [whiteout("srv/id_rsa")]),
    ]
    (finding,) = judged(steps, "secret-private-key")
    assert finding.title == "Private key, deleted later and still stored"
    assert (finding.layers, finding.bytes) == ((0,), len(KEY))
    assert "replace the secret" in finding.fix


@pytest.mark.parametrize("deleted", [False, True])
def test_a_secret_that_a_chown_stored_again_is_told_once_at_the_step_that_brought_it(
    deleted: bool,
) -> None:
    """The copy of the chown is the first finding's, shown or deleted; no mount helps the chown."""
    steps = [
        (COPY, [file("srv/.env", ENV), file("srv/main", b"m")]),
        ("RUN /bin/sh -c chown -R 7 /srv # buildkit", [file("srv/.env", ENV, uid=7)]),
    ]
    if deleted:
        steps.append(("RUN /bin/sh -c rm /srv/.env # buildkit", [whiteout("srv/.env")]))
    (finding,) = judged(steps, "secret-environment-file")
    assert (finding.bytes, finding.layers, len(finding.paths)) == (2 * len(ENV), (0, 1), 1)
    assert finding.title == "Environment file" + (
        ", deleted later and still stored" if deleted else ""
    )
    assert "chown" not in finding.fix
    other = [*steps[:1], ("RUN /bin/sh -c new # buildkit", [file("srv/.env", ENV + b"B=1\n")])]
    assert len(judged(other, "secret-environment-file")) == 2


def test_the_key_of_debians_default_certificate_is_a_doubtful_warning() -> None:
    """ssl-cert makes it wherever it is installed; any other key beside it is an error still."""
    members = [file(f"etc/ssl/private/{name}.key", KEY) for name in ("ssl-cert-snakeoil", "www")]
    key, default = judged([("/bin/sh -c apt-get install ssl-cert", members)], "secret-private-key")
    assert (default.severity, default.confidence) == (Severity.WARNING, Confidence.LOW)
    assert (default.bytes, default.title) == (len(KEY), "Private key of a default certificate")
    assert (key.severity, key.confidence, key.bytes) == (
        Severity.ERROR,
        Confidence.HIGH,
        len(KEY),
    )
    assert len(key.paths) == len(default.paths) == 1


FILES = {
    ".npmrc": b"//registry.npmjs.org/:_authToken=npm_abcdef0123456789\n",
    "home/x/.yarnrc.yml": b'npmAuthToken: "abcdef0123456789"\n',
    ".pypirc": b"[pypi]\nusername = __token__\npassword = pypi-AgEI0123456789\n",
    "etc/pip.conf": b"[global]\nindex-url = https://user:hunter22@pypi.example.test/simple\n",
    "root/.netrc": b"machine example.test\n  login me\n  password hunter22\n",
    "root/.git-credentials": b"https://me:hunter22@git.example.test\n",
    "root/.docker/config.json": b'{"auths": {"r.example.test": {"auth": "bWU6aHVudGVyMg=="}}}',
    "root/.config/containers/auth.json": b'{"auths": {"r": {"identitytoken": "abc"}}}',
    "root/.kube/config": b"apiVersion: v1\nusers:\n- name: me\n  user:\n    token: abcdef012345\n",
    "root/.aws/credentials": b"[default]\naws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYABCDEFGHIJ\n",
    "root/.pgpass": b"db:5432:app:me:hunter22\n",
    "root/.my.cnf": b"[client]\npassword=hunter22\n",
    "root/.m2/settings.xml": b"<settings><server><password>hunter22</password></server></settings>",
    "root/gradle.properties": b"mavenPassword=none\nsigning.password=hunter22\n",
    "srv/prod.tfvars": b'db_password = "hunter22"\n',
    "srv/app.py": b'TOKEN = "ghp_' + b"a1B2" * 9 + b'"\n',
    "srv/settings.yml": b"key: AKIAIOSFODNN7ABCDEFG\n",
    "srv/hook.sh": b"curl https://hooks.slack.com/services/T0AAAA/B0AAAA/abcdefghijklm\n",
}


@pytest.mark.parametrize("path", FILES)
def test_credentials_are_found_where_their_formats_keep_them(path: str) -> None:
    """And tokens by their looks, wherever they stand."""
    (finding,) = judged([(COPY, [file(path, FILES[path])])], "secret-credentials")
    assert (finding.severity, finding.bytes) == (Severity.ERROR, len(FILES[path]))


NO_FILES = {
    ".npmrc": b"//registry.npmjs.org/:_authToken=${NPM_TOKEN}\nregistry=https://r.example.test\n",
    ".pypirc": b"[pypi]\nrepository = https://upload.example.test\npassword = <your password>\n",
    "etc/pip.conf": b"[global]\nindex-url = https://pypi.example.test/simple\n",
    "root/.netrc": b"machine example.test login me\n",
    "root/.git-credentials": b"https://git.example.test\n",
    "root/.docker/config.json": b'{"auths": {"r.example.test": {}}, "credsStore": "desktop"}',
    "root/.kube/config": b"users:\n- name: me\n  user:\n    exec: {command: aws}\n",
    "root/.m2/settings.xml": b"<server><password>{COQLCE6DU6GtcS5P=}</password></server>",
    "srv/app.py": b'TOKEN = os.environ["GITHUB_TOKEN"]\n',
    "srv/docs.py": b"# for example ghp_EXAMPLE" + b"a" * 29 + b"\n",
    "srv/config.json": b"{",
    "srv/bad/.kube/config": b"users: &a [*a, *a]\n",
    "srv/worse/.docker/config.json": b"[" * 5000,
}


@pytest.mark.parametrize("path", NO_FILES)
def test_placeholders_variables_and_broken_files_are_no_credentials(path: str) -> None:
    """A rule that cries wolf is switched off."""
    assert judged([(COPY, [file(path, NO_FILES[path])])], "secret-credentials") == []


def test_an_environment_file_counts_if_it_has_a_secret_in_it() -> None:
    """Samples and files of mere settings do not."""
    members = [
        file("srv/.env", b"DB_HOST=db\nDB_PASSWORD=correct-horse\n"),
        file("srv/.env.example", b"DB_PASSWORD=correct-horse\n"),
        file("srv/.env.local", b"PORT=80\nTOKEN_URL=https://x.test/token\nAPI_KEY=\n"),
    ]
    (finding,) = judged([(COPY, members)], "secret-environment-file")
    assert len(finding.paths) == 1
    assert finding.confidence is Confidence.MEDIUM
    assert ".dockerignore" in finding.fix


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
    "htpasswd, printed": "/bin/sh -c htpasswd -Bbn admin correct-horse > /etc/htpasswd",
    "passwd": "/bin/sh -c yes correct-horse | passwd root",
    "npm": "/bin/sh -c npm config set //r.test/:_authToken correct-horse",
    "by its looks": "/bin/sh -c curl -H 'Authorization: ghp_" + "a1B2" * 9 + "' https://x.test",
}


@pytest.mark.parametrize("kind", HISTORY)
def test_a_secret_in_the_history_is_told_without_its_value(kind: str) -> None:
    """Its name is; its value is in no field of the finding."""
    (finding,) = judged([(HISTORY[kind], [file("x", b"x")])], "secret-history")
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
def test_what_is_no_secret_in_the_history_is_not_told(command: str) -> None:
    """Names of files, variables, empty values, words that merely hold a word."""
    assert judged([(command, [file("x", b"x")])], "secret-history") == []


def test_only_the_values_of_secrets_are_hidden() -> None:
    """What stands around them is left, quotes too; values of ENV go on to the next name."""
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


def test_a_command_and_labels_of_the_config_are_looked_at_without_a_history(tmp_path: Path) -> None:
    """What no step tells."""
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
def test_no_command_takes_long(part: str) -> None:
    """Nor a text that is made to."""
    started = time.process_time()
    secret_spans(part * (65_536 // len(part)))
    secret_spans(part * (65_536 // len(part)), "ENV")
    assert time.process_time() - started < 4


def test_values_of_files_are_nowhere_in_the_findings_of_the_report() -> None:
    """Only where they are."""
    opened = opened_of(
        [(COPY, [file("root/.netrc", FILES["root/.netrc"]), file("srv/a.py", GITHUB)])]
    )
    assert findings_of(opened).found
    said = json.dumps(document(opened)["findings"])
    assert "hunter22" not in said
    assert "a1B2a1B2" not in said


def test_large_files_are_not_looked_into() -> None:
    """Speed holds: keys and settings are small."""
    assert judged([(COPY, [file("srv/a.py", GITHUB + b"#" * 70_000)])], "secret-credentials") == []


PADDING = b"# nothing to see here\n" * 4000
LONG_KEY = KEY.replace(BODY, b"\n".join([base64.b64encode(bytes(range(48)))] * 3000))


@pytest.mark.parametrize(
    ("path", "data", "rule"),
    [
        ("root/.ssh/id_rsa", PADDING + KEY, "secret-private-key"),
        ("etc/ssl/private/x.key", LONG_KEY, "secret-private-key"),
        ("root/.ssh/id_rsa", KEY.decode().encode("utf-16"), "secret-private-key"),
        ("srv/key.pem", b"x aws PRIVATE KEY\n" * 500 + KEY, "secret-private-key"),
        ("srv/key.json", b"{" + b'"a": 1,' * 900 + KEYS["in JSON"][1:], "secret-private-key"),
        ("app/.env", PADDING + ENV, "secret-environment-file"),
        ("app/.env", b"#" * 90_000 + b"\n" + ENV, "secret-environment-file"),
        ("app/.env", ENV.decode().encode("utf-16"), "secret-environment-file"),
        ("app/.env", b"\xef\xbb\xbfDB_PASSWORD=correct-horse\n", "secret-environment-file"),
        ("root/.npmrc", PADDING + FILES[".npmrc"], "secret-credentials"),
        ("root/.netrc", PADDING + FILES["root/.netrc"], "secret-credentials"),
        ("root/.kube/config", PADDING + FILES["root/.kube/config"], "secret-credentials"),
        ("root/.aws/credentials", PADDING + FILES["root/.aws/credentials"], "secret-credentials"),
    ],
)
def test_nothing_that_stands_before_it_hides_a_secret(path: str, data: bytes, rule: str) -> None:
    """A file whose name says what it holds is read further than others; and as PowerShell writes it."""
    (finding,) = judged([(COPY, [file(path, data)])], rule)
    assert finding.confidence is not Confidence.LOW
    assert finding.bytes == len(data)


@pytest.mark.parametrize(
    ("path", "rule", "title"),
    [
        ("root/.ssh/id_rsa", "secret-private-key", "Looks like a private key by its name"),
        ("app/.env", "secret-credentials", "Looks like credentials by its name"),
    ],
)
def test_what_is_too_large_to_be_read_is_told_with_doubt(path: str, rule: str, title: str) -> None:
    """Rather than passed over in silence."""
    data = b"#" * (LARGEST_TELLING + 1)
    (finding,) = judged([(COPY, [file(path, data)])], rule)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LOW)
    assert finding.title == f"{title}; too large to be read whole"
    assert judged([(COPY, [file(path, data[1:])])], rule) == []


def test_large_files_with_telling_names_are_read_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The smallest first; the others are told with doubt."""
    monkeypatch.setattr(reading, "MOST_BYTES", 2 * len(PADDING + KEY) + 1)
    members = [
        file(f"srv/{name}.key", PADDING + KEY + b"#" * (name == "a")) for name in ("a", "b", "c")
    ]
    found = judged([(COPY, members)], "secret-private-key")
    assert [(finding.confidence, len(finding.paths)) for finding in found] == [
        (Confidence.HIGH, 2),
        (Confidence.LOW, 1),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"A=" + b" x" * 2000,
        b"a" * 4000,
        b"A=" + b"a" * 4000,
        b"A= x" + b" " * 4000 + b"x",
        b"-----BEGIN RSA PRIVATE KEY-----" + b"\\n" * 50,
    ],
    ids=range(5),
)
def test_no_line_takes_long(line: bytes) -> None:
    """Four megabytes of the worst ones are looked through in seconds."""
    data = (line + b"\n") * (LARGEST_TELLING // (len(line) + 1))
    started = time.process_time()
    assert detect(data) == set()
    assert not holds_secret_settings(data)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", "correct-horse", True),
        ("database.password", "'correct-horse'", True),
        ("PASSWORD", "changeme", False),
        ("PASSWORD_FILE", "correct-horse", False),
        ("COMPASS", "correct-horse", False),
        ("REDIS_URL", "redis://:hunter22@cache:6379", True),
        ("REDIS_URL", "redis://cache:6379", False),
        ("SECRET", "short", False),
    ],
)
def test_names_and_values_tell_a_secret(name: str, value: str, secret: bool) -> None:
    """The name says it, and something is there that is no placeholder."""
    assert is_secret(name, value) is secret


def test_environment_files_are_known_by_name() -> None:
    """Their samples, too."""
    assert is_environment_file(".env")
    assert is_environment_file("prod.env")
    assert not is_environment_file(".env.example")
    assert not is_environment_file("environment")


def test_a_line_of_a_packed_program_is_not_looked_at() -> None:
    """It holds everything by chance, and would take long."""
    assert detect(GITHUB) == {"GitHub token"}
    assert detect(b"x" * 5000 + GITHUB) == set()
