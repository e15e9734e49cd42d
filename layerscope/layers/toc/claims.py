"""Claims of a manifest about the table of contents of a layer (annotations of the layer's descriptor)."""

from __future__ import annotations

from collections.abc import Mapping

from layerscope.layers.toc.check import TocCheck

ESTARGZ_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
"""Digest of the JSON; stargz-snapshotter writes it for zstd:chunked, too."""
CHUNKED_DIGESTS = (
    "io.github.containers.zstd-chunked.manifest-checksum",
    "io.containers.zstd-chunked.manifest-checksum",
)
"""Digest of the compressed JSON: as written today, and before 2024."""
_OTHER = ("sha384:", "sha512:")
"""Digests that are not checked, here as elsewhere."""


def claims_toc(annotations: Mapping[str, str]) -> bool:
    """Whether the manifest claims a table of contents."""
    return any(annotations.get(key) for key in (ESTARGZ_DIGEST, *CHUNKED_DIGESTS))


def is_as_claimed(check: TocCheck, annotations: Mapping[str, str]) -> bool:
    """Whether a table has the claimed digests; always true without claims."""
    claimed = [(annotations.get(ESTARGZ_DIGEST), check.digest)]
    claimed += [(annotations.get(key), check.packed_digest) for key in CHUNKED_DIGESTS]
    checked = ((claim, found) for claim, found in claimed if claim and not claim.startswith(_OTHER))
    return all(claim == found for claim, found in checked)
