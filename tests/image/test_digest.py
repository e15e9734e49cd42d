"""Digests and chain IDs (OCI image-spec)."""

from __future__ import annotations

import hashlib

import pytest

from layerscope.image.digest import chain_ids, is_digest, sha256

ONE, TWO, THREE = (sha256(data) for data in (b"1", b"2", b"3"))


@pytest.mark.parametrize("text", [ONE, "sha512:" + "0f" * 64, "blake3:" + "0" * 64])
def test_digests_of_known_algorithms_are_valid(text: str) -> None:
    """They have the algorithm's number of digits."""
    assert is_digest(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "sha256:", "sha256:" + "0" * 63, "sha256:" + "0" * 65, "sha256:" + "F" * 64, "sha512:" + "0" * 64,
        "md5:" + "0" * 32, ONE + "\n", " " + ONE, "sha256:../../etc/passwd", "sha256:" + "0" * 60 + "/../",
        "SHA256:" + "0" * 64, None, 7, ONE.encode(), [ONE],
    ],
)  # fmt: skip
def test_other_texts_are_not_digests(text: object) -> None:
    """A digest becomes a file name, so it must not contain slashes, dots or other letters."""
    assert not is_digest(text)


def test_sha256_has_a_prefix() -> None:
    """The digest of the empty string is as in image documents."""
    assert sha256(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_chain_id_names_a_layer_and_all_below_it() -> None:
    """It is the hash of the chain ID below, a space, and the layer's diff ID."""
    two = "sha256:" + hashlib.sha256(f"{ONE} {TWO}".encode()).hexdigest()
    three = "sha256:" + hashlib.sha256(f"{two} {THREE}".encode()).hexdigest()
    assert chain_ids([ONE, TWO, THREE]) == [ONE, two, three]
    assert chain_ids([]) == []


def test_an_unknown_diff_id_breaks_the_chain() -> None:
    """Chain IDs are unknown from that layer upwards."""
    assert chain_ids([ONE, None, THREE]) == [ONE, None, None]
    assert chain_ids([None, TWO]) == [None, None]
