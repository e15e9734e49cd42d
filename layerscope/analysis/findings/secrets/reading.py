"""Chooses the files to search for secrets: small ones, and larger ones whose names suggest secrets; in all layers, hidden ones
included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.secrets.files import ENVIRONMENT, KEYRINGS, SAMPLES, Formats
from layerscope.analysis.findings.secrets.known_files import CREDENTIALS, HISTORY, KNOWN_FILES
from layerscope.layers.index import Kind

MAX_SMALL_BYTES = 64 * 1024
"""Maximum size in bytes of a file to search: keys and settings are small."""
MAX_SUGGESTIVE_BYTES = 4 << 20
"""Maximum size in bytes of a file whose name suggests a secret, so that padding does not hide the secret."""
MAX_LARGE_BYTES = 64 << 20
"""Maximum total bytes of searched files above `MAX_SMALL_BYTES`, the smallest first."""
MAX_FILES = 20_000
"""Maximum files to search; those whose names suggest secrets come first."""

KEYS = (
    *("*.pem", "*.key", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
    *("ssh_host_*_key", "secring.gpg", "**/private-keys-v1.d/*", "*.priv", "privkey*"),
    *("*private_key", "*private-key", "*secret_key", "*signing_key", "*signing-key"),
)
"""Names of files with private keys."""
SUGGESTIVE = (
    *KEYS,
    *ENVIRONMENT,
    *("credentials", "credentials.json", "*service*account*.json", "terraform.tfstate"),
    *("secrets.y*ml", "wp-config.php", "**/containers/auth.json"),
    *(
        pattern
        for file in KNOWN_FILES
        if file.kind in (CREDENTIALS, HISTORY)
        for pattern in file.patterns
    ),
)
"""Names of files with secrets."""
TEXT_FILES = (
    *("*.py", "*.js", "*.mjs", "*.cjs", "*.json", "*.yml", "*.yaml", "*.toml", "*.ini"),
    *("*.cfg", "*.conf", "*.properties", "*.sh", "*.rb", "*.php", "*.xml", "*.tf", "*.go"),
    *("*.java", "*.sql", "*.txt", "*.cs", "*.config", "*.ts", "*.exs", "Dockerfile"),
    *("docker-compose*", "*.asc", "*.gpg", "*.pgp", "*.sec", "*.armor", "*.age"),
    *("**/mysql/conf.d/*", "**/settings/*", "users.acl"),
)
"""Names of text files that people write."""
PUBLIC_PLACES = (
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sys", "/dev", "/boot"),
    *(
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/usr/lib32",
        "/usr/lib64",
        "/usr/share",
        "/usr/include",
    ),
    *(
        "/usr/local/lib",
        "/usr/local/share",
        "/usr/local/go",
        "/usr/local/include",
        "/usr/src/linux*",
    ),
    *("/var/lib/dpkg", "/var/lib/apt", "/var/lib/rpm", "/var/cache", "/opt/conda", "/nix/store"),
    *("node_modules", "site-packages", "dist-packages", "/etc/ssl/certs", "/etc/pki/ca-trust"),
    *(
        "/etc/alternatives",
        "**/.git/objects",
        "**/go/pkg/mod",
        "**/.cargo/registry",
        "**/gems/*/gems",
    ),
    *("**/vendor/bundle", "**/vendor/composer", "**/.m2/repository", "**/lib/python3*"),
)
"""Where packages put public files: the sample keys of libraries are not secrets."""


class FilesToSearch(Struct, frozen=True):
    """Contents to search, and those that should be searched but are not; in the order in which they are stored."""

    inodes: NDArray[np.int32]
    unread: NDArray[np.int32]
    """Files whose names suggest a secret, but that are too large or too many to search."""
    unread_keys: NDArray[np.int32]
    """Those of them whose names suggest a private key."""
    formats: Mapping[int, Formats]
    """The formats of those contents whose paths have a known one."""


def files_to_search(evidence: Evidence) -> FilesToSearch:
    """The contents to search, whether or not the final image shows them."""
    filesystem, select = evidence.filesystem, evidence.selector.select
    others = select(PUBLIC_PLACES)
    stored = filesystem.stored
    files = (filesystem.kinds == Kind.FILE) & (stored > 0)

    def contents(patterns: Sequence[str], most: int) -> NDArray[np.int32]:
        named = (select(patterns) & ~others)[filesystem.paths]
        inodes: NDArray[np.int32] = np.unique(filesystem.inode_of[files & named & (stored <= most)])
        return inodes

    everything = np.iinfo(np.int64).max
    suggestive = contents(SUGGESTIVE, everything)
    sizes = evidence.stored(suggestive)
    order = np.argsort(sizes, kind="stable")
    large = np.where(sizes > MAX_SMALL_BYTES, sizes, 0)[order]
    fits = (sizes[order] <= MAX_SUGGESTIVE_BYTES) & (large.cumsum() <= MAX_LARGE_BYTES)
    large_first = suggestive[order[fits]][:MAX_FILES]
    texts = np.setdiff1d(contents(TEXT_FILES, MAX_SMALL_BYTES), large_first)[
        : max(MAX_FILES - len(large_first), 0)
    ]
    unread = np.setdiff1d(suggestive, large_first)
    wanted = np.unique(np.concatenate([large_first, texts])).astype(np.int32)
    return FilesToSearch(
        wanted,
        unread,
        np.intersect1d(unread, contents(KEYS, everything)) if len(unread) else unread,
        _formats(evidence, wanted),
    )


def _formats(evidence: Evidence, wanted: NDArray[np.int32]) -> dict[int, Formats]:
    """The formats of these inodes according to their paths; those without a known format are left out."""
    filesystem, matches = evidence.filesystem, evidence.selector.matches
    is_wanted = np.zeros(
        len(filesystem.inodes.columns.stored) + 1, bool
    )  # the last for paths without
    is_wanted[wanted] = True
    rows = np.flatnonzero(is_wanted[filesystem.inode_of])
    inodes, paths = filesystem.inode_of[rows], filesystem.paths[rows]

    def named(patterns: Sequence[str], but: Sequence[str] = ()) -> set[int]:
        found = [tops for pattern in patterns if len(tops := matches(pattern))]
        if not found:
            return set()
        mask = np.zeros(len(filesystem.table), bool)
        mask[np.concatenate(found)] = True
        for pattern in but:
            mask[matches(pattern)] = False
        return set(inodes[mask[paths]].tolist())

    known: dict[int, Formats] = {}
    for file in reversed(KNOWN_FILES):
        known.update(dict.fromkeys(named(file.patterns), Formats(file)))
    for inode in named(ENVIRONMENT, SAMPLES):
        known[inode] = replace(known.get(inode, Formats()), environment=True)
    for inode in named(KEYRINGS):
        known[inode] = replace(known.get(inode, Formats()), keyring=True)
    return known
