"""Digests, and the chain IDs made of them (OCI image-spec descriptor.md and config.md)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|blake3:[0-9a-f]{64}")


def is_digest(text: object) -> bool:
    """Whether `text` is a digest, and therefore safe as a file name."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def digest_in_name(name: str) -> str | None:
    """The SHA-256 in a file name, with or without a suffix; None for other names."""
    last = name.rpartition("/")[2].removeprefix("sha256:").partition(".")[0]
    digest = f"sha256:{last}"
    return digest if is_digest(digest) else None


def sha256(data: bytes) -> str:
    """The digest of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def chain_ids(diff_ids: Sequence[str | None]) -> list[str | None]:
    """The chain ID of each layer; None from the first layer whose diff ID is unknown."""
    chain: str | None = None
    chained: list[str | None] = []
    for number, diff_id in enumerate(diff_ids):
        if number == 0:
            chain = diff_id
        elif chain is not None:
            chain = None if diff_id is None else sha256(f"{chain} {diff_id}".encode())
        chained.append(chain)
    return chained
