"""Secrets are found in the layer that stores them, even if they were deleted later, and are never printed."""

from __future__ import annotations

import base64
import json

import pytest

from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.image.secret_names import is_secret
from layerscope.report.schema import document
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import Step, findings_by, findings_of, opened_of
from tests.images import file, whiteout

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
    """The finding has its bytes, its path and its layer."""
    (finding,) = findings_by([(COPY, [file("srv/id_rsa.json", KEYS[kind])])], "secret-private-key")
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
def test_unusable_private_keys_are_not_reported(kind: str) -> None:
    """These are public keys, certificates, keys with a passphrase, programs, and binary files."""
    assert (
        findings_by([(COPY, [file("srv/server.key", NO_KEYS[kind])])], "secret-private-key") == []
    )


@pytest.mark.parametrize(
    "path",
    [
        "usr/share/doc/openssl/demo.pem",
        "usr/lib/python3/test/keycert.pem",
        "srv/node_modules/https-proxy/test/key.pem",
        "usr/local/lib/python3.11/site-packages/x/tests/a.key",
    ],
)
def test_sample_keys_of_packages_are_not_secrets(path: str) -> None:
    """Everyone who installs the package has them."""
    assert findings_by([(COPY, [file(path, KEY)])], "secret-private-key") == []


def test_a_secret_that_was_deleted_later_is_still_stored() -> None:
    """Its finding says so; live and deleted secrets are separate findings."""
    steps = [
        (COPY, [file("srv/id_rsa", KEY)]),
        ("/bin/sh -c rm /srv/id_rsa", [whiteout("srv/id_rsa")]),
    ]
    (finding,) = findings_by(steps, "secret-private-key")
    assert finding.title == "Private key, deleted later and still stored"
    assert (finding.layers, finding.bytes) == ((0,), len(KEY))
    assert "rotate this secret" in finding.fix


@pytest.mark.parametrize("deleted", [False, True])
def test_a_secret_copied_by_chown_is_reported_once_at_its_first_step(
    deleted: bool,
) -> None:
    """The copy by chown belongs to the first finding, live or deleted; a mount would not help chown."""
    steps = [
        (COPY, [file("srv/.env", ENV), file("srv/main", b"m")]),
        ("RUN /bin/sh -c chown -R 7 /srv # buildkit", [file("srv/.env", ENV, uid=7)]),
    ]
    if deleted:
        steps.append(("RUN /bin/sh -c rm /srv/.env # buildkit", [whiteout("srv/.env")]))
    (finding,) = findings_by(steps, "secret-environment-file")
    assert (finding.bytes, finding.layers, len(finding.paths)) == (2 * len(ENV), (0, 1), 1)
    assert finding.title == "Environment file" + (
        ", deleted later and still stored" if deleted else ""
    )
    assert "chown" not in finding.fix
    other = [*steps[:1], ("RUN /bin/sh -c new # buildkit", [file("srv/.env", ENV + b"B=1\n")])]
    assert len(findings_by(other, "secret-environment-file")) == 2


def test_debians_default_key_is_a_warning_with_low_confidence() -> None:
    """ssl-cert generates it in every installation; any other key beside it is still an error."""
    members = [file(f"etc/ssl/private/{name}.key", KEY) for name in ("ssl-cert-snakeoil", "www")]
    key, default = findings_by(
        [("/bin/sh -c apt-get install ssl-cert", members)], "secret-private-key"
    )
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
    """Tokens with a known format are found anywhere."""
    (finding,) = findings_by([(COPY, [file(path, FILES[path])])], "secret-credentials")
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
def test_placeholders_variables_and_broken_files_are_not_credentials(path: str) -> None:
    """Users turn off rules with false alarms."""
    assert findings_by([(COPY, [file(path, NO_FILES[path])])], "secret-credentials") == []


def test_an_environment_file_with_a_secret_is_reported() -> None:
    """Samples and files with other settings are not."""
    members = [
        file("srv/.env", b"DB_HOST=db\nDB_PASSWORD=correct-horse\n"),
        file("srv/.env.example", b"DB_PASSWORD=correct-horse\n"),
        file("srv/.env.local", b"PORT=80\nTOKEN_URL=https://x.test/token\nAPI_KEY=\n"),
    ]
    (finding,) = findings_by([(COPY, members)], "secret-environment-file")
    assert len(finding.paths) == 1
    assert finding.confidence is Confidence.MEDIUM
    assert ".dockerignore" in finding.fix


def test_no_finding_in_a_report_contains_a_value() -> None:
    """Values occur only in the files themselves."""
    opened = opened_of(
        [(COPY, [file("root/.netrc", FILES["root/.netrc"]), file("srv/a.py", GITHUB)])]
    )
    assert findings_of(opened).found
    said = json.dumps(document(opened)["findings"])
    assert "hunter22" not in said
    assert "a1B2a1B2" not in said


def test_large_files_are_not_scanned() -> None:
    """Keys and settings are small, and the scan has to be fast."""
    assert (
        findings_by([(COPY, [file("srv/a.py", GITHUB + b"#" * 70_000)])], "secret-credentials")
        == []
    )


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
def test_a_secret_has_a_suggestive_name_and_a_real_value(
    name: str, value: str, secret: bool
) -> None:
    """The value is not a placeholder."""
    assert is_secret(name, value) is secret


@pytest.mark.parametrize(
    ("name", "known"),
    [(".env", True), ("prod.env", True), (".env.example", False), ("environment", False)],
)
def test_environment_files_are_recognized_by_name(name: str, known: bool) -> None:
    """Their samples are, too."""
    found = findings_by([(COPY, [file(f"srv/{name}", ENV)])], "secret-environment-file")
    assert bool(found) == known


def test_lines_of_minified_programs_are_not_searched() -> None:
    """They may match anything by chance, and would take long."""
    assert detect(GITHUB) == {"GitHub token"}
    assert detect(b"x" * 5000 + GITHUB) == set()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_secret_copied_for_its_owner_is_reported_once(deleted: bool) -> None:
    """The COPY has to be changed; a file that still exists was not deleted."""
    setting = b"API_TOKEN=f3b9c1d2e4a5968778695a4b3c2d1e0f\n"
    steps: list[Step] = [
        ("COPY . /app # buildkit", [file("app/.env", setting)]),
        ("RUN /bin/sh -c chown -R app /app # buildkit", [file("app/.env", setting, uid=7)]),
    ]
    if deleted:
        steps.append(("RUN /bin/sh -c rm /app/.env # buildkit", [whiteout("app/.env")]))
    (found,) = findings_by(steps, "secret-environment-file")
    assert ("deleted later" in found.title) == deleted
    assert (found.layers, len(found.paths), found.bytes) == ((0, 1), 1, 2 * len(setting))
    assert "\nCOPY . /app\n" in found.fix
