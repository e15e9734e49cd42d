"""Private keys of OpenPGP, age and GnuPG are found in armour and in packets, unless they need a passphrase."""

from __future__ import annotations

import base64

import pytest

from layerscope.analysis.findings.secrets.keyrings import holds_unprotected
from layerscope.analysis.findings.secrets.pem import holds_private_key
from layerscope.words import Severity
from tests.analysis.findings.rule_images import findings_by
from tests.images import file

COPY = "COPY . /srv # buildkit"
NUMBER = (2047).to_bytes(2) + bytes([*range(1, 256), 7])
CURVE = b"\x09+\x06\x01\x04\x01\xdaG\x0f\x01"
PUBLIC = {
    "RSA": b"\x01" + NUMBER + b"\x00\x11\x01\x00\x01",
    "DSA": b"\x11" + NUMBER * 4,
    "ElGamal": b"\x10" + NUMBER * 3,
    "EdDSA": b"\x16" + CURVE + NUMBER,
    "ECDH": b"\x12" + CURVE + NUMBER + b"\x03\x01\x08\x07",
    "Ed25519": b"\x1b" + bytes(range(50, 82)),
}
OPEN, LOCKED, ON_A_CARD = b"\x00", b"\xfe\x07\x03\x08", b"\xff\x00\x65\x00GNU\x02"


def key(algorithm: str, protection: bytes, tag: int = 5, *, old: bool = False) -> bytes:
    """A packet with a secret key: its public part, its protection, and the protected part."""
    body = b"\x04" + bytes(4) + PUBLIC[algorithm] + protection + bytes(range(40))
    if old:
        return bytes([0x81 | tag << 2]) + len(body).to_bytes(2) + body
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4) + body


def armour(packets: bytes, headers: str = "", wide: int = 64) -> bytes:
    text = base64.b64encode(packets).decode()
    lines = "\n".join(text[at : at + wide] for at in range(0, len(text), wide))
    return (
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{headers}\n{lines}\n=AbC1\n"
        "-----END PGP PRIVATE KEY BLOCK-----\n"
    ).encode()


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("algorithm", PUBLIC)
def test_a_key_is_found_unless_it_needs_a_passphrase(algorithm: str, old: bool) -> None:
    """The protection is stated after the public key, whose length depends on the algorithm."""
    for protection, found in ((OPEN, True), (LOCKED, False), (ON_A_CARD, False)):
        packets = key(algorithm, protection, old=old)
        assert holds_unprotected(packets) == found
        if protection is not ON_A_CARD:
            assert holds_private_key(armour(packets)) == found


@pytest.mark.parametrize(
    "written",
    [
        armour(key("RSA", OPEN), "Version: GnuPG v2\nComment: https://x.test\n"),
        armour(key("RSA", OPEN)).replace(b"\n", b"\r\n"),
        armour(key("RSA", OPEN), wide=76),
        b'KEY = "' + armour(key("RSA", OPEN)).replace(b"\n", b"\\n") + b'"',
        armour(b"\x00not packets at all" * 10),
        armour(key("RSA", LOCKED) + key("ECDH", OPEN, 7)),
        b"AGE-SECRET-KEY-1" + b"Q2W3" * 14 + b"Q2\n",
        b"Created: 20240101T000000\nKey: (private-key (ecc\n (q #40#)))\n",
    ],
    ids=range(8),
)
def test_a_key_in_text_is_an_error(written: bytes) -> None:
    """Keys are found with headers, with other line endings, in literals, and if their protection is unknown."""
    (finding,) = findings_by([(COPY, [file("srv/signing.asc", written)])], "secret-private-key")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "path", ["srv/signing.asc", "srv/private.pgp", "srv/my.gpg", "srv/release-signing-key", "srv/x.priv"]
)  # fmt: skip
def test_armour_is_found_in_files_named_like_keys(path: str) -> None:
    """The extension does not matter."""
    armoured = armour(key("EdDSA", OPEN))
    assert findings_by([(COPY, [file(path, armoured)])], "secret-private-key")


def test_keyrings_of_gnupg_are_searched() -> None:
    """This includes old keyrings, and new ones with one file per key."""
    stored = {
        "root/.gnupg/secring.gpg": key("RSA", OPEN),
        "home/me/.gnupg/private-keys-v1.d/0F.key": b"(11:private-key(3:rsa(1:n1:\x00)))",
    }
    for path, data in stored.items():
        assert findings_by([(COPY, [file(path, data)])], "secret-private-key"), path
    public = {
        "etc/apt/trusted.gpg.d/x.gpg": b"\x99\x01\x0d" + bytes(200),
        "home/me/.gnupg/private-keys-v1.d/0F.key": b"(21:protected-private-key(3:rsa(1:n1:\x00)))",
        "srv/key.asc": armour(key("RSA", OPEN)).replace(b"PRIVATE", b"PUBLIC"),
        "srv/x.asc": b"-----BEGIN PGP MESSAGE-----\n\n" + base64.b64encode(bytes(200)),
        "srv/locked.asc": armour(key("RSA", LOCKED)),
    }
    for path, data in public.items():
        assert findings_by([(COPY, [file(path, data)])], "secret-private-key") == [], path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x95",
        b"\xc5\xff\xff\xff\xff\xff",
        b"\x95\x00\x01\x04",
        b"\xc5\x08\x04\x00\x00\x00\x00\x16\xff",
    ],
)
def test_a_truncated_keyring_has_no_keys(data: bytes) -> None:
    """Declared lengths are not trusted."""
    assert not holds_unprotected(data)
