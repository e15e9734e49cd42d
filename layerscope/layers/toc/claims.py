"""Claims of a manifest about the table of contents of a layer (annotations of the layer's descriptor)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from layerscope.layers.toc.check import TocCheck

ESTARGZ_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
"""Digest of the JSON; stargz-snapshotter writes it for zstd:chunked, too."""
CHUNKED_DIGESTS = (
    "io.github.containers.zstd-chunked.manifest-checksum",
    "io.containers.zstd-chunked.manifest-checksum",
)
"""Digest of the compressed JSON: as written today, and before 2024."""
CHUNKED_PLACES = (
    "io.github.containers.zstd-chunked.manifest-position",
    "io.containers.zstd-chunked.manifest-position",
)
"""Position of the table: `offset:compressed length:length:type`."""
_UNCHECKED = ("sha384:", "sha512:")
"""Digests with these algorithms are not checked."""


def claims_toc(annotations: Mapping[str, str]) -> bool:
    """Whether the manifest claims a table of contents."""
    return any(annotations.get(key) for key in (ESTARGZ_DIGEST, *CHUNKED_DIGESTS))


def claims_chunked(annotations: Mapping[str, str]) -> bool:
    """Whether the manifest claims a table of zstd:chunked."""
    return any(annotations.get(key) for key in CHUNKED_DIGESTS)


def claimed_place(annotations: Mapping[str, str]) -> tuple[int, int, int, int] | None:
    """Offset, compressed length, length and type of a zstd:chunked table, as claimed by the manifest; None without such a claim."""
    for key in CHUNKED_PLACES:
        numbers = (annotations.get(key) or "")[:80].split(":")
        if len(numbers) == 4 and all(re.fullmatch("[0-9]{1,19}", number) for number in numbers):
            offset, packed, length, kind = map(int, numbers)
            return offset, packed, length, kind
    return None


def is_vouched_for(check: TocCheck, annotations: Mapping[str, str]) -> bool:
    """Whether the manifest has the digest of a table, which makes the table as trustworthy as the layer itself."""
    digests = {ESTARGZ_DIGEST: check.digest, **dict.fromkeys(CHUNKED_DIGESTS, check.packed_digest)}
    matches = any(
        digest is not None and annotations.get(key) == digest for key, digest in digests.items()
    )
    return matches and check.readable and is_as_claimed(check, annotations)


def is_as_claimed(check: TocCheck, annotations: Mapping[str, str]) -> bool:
    """Whether a table has the claimed digests; always true without claims."""
    claimed = [(annotations.get(ESTARGZ_DIGEST), check.digest)]
    claimed += [(annotations.get(key), check.packed_digest) for key in CHUNKED_DIGESTS]
    checked = (
        (claim, digest) for claim, digest in claimed if claim and not claim.startswith(_UNCHECKED)
    )
    return all(claim == digest for claim, digest in checked)
