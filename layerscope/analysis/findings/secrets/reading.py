"""Which files are looked into for secrets: small ones, of all layers, hidden ones too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.findings.evidence import Evidence
from layerscope.layers.index import Kind

LARGEST = 64 * 1024
"""Bytes of a file that is looked into: keys and settings are small."""
MOST = 20_000
"""Files that are looked into, those with telling names first."""

TELLING = (
    *(".env", ".env.*", "*.env", "*.pem", "*.key", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*"),
    *("id_ed25519*", "ssh_host_*_key", ".npmrc", ".yarnrc.yml", ".pypirc", "pip.conf", ".netrc"),
    *("_netrc", ".git-credentials", ".dockercfg", "**/.docker/config.json", "kubeconfig"),
    *("**/containers/auth.json", "**/.aws/credentials", "**/.aws/config", "**/.kube/config"),
    *("application_default_credentials.json", "*service*account*.json", "credentials.json"),
    *("*.kubeconfig", ".pgpass", ".my.cnf", "terraform.tfstate", "*.tfvars", "secrets.y*ml"),
    *("**/.m2/settings.xml", "gradle.properties", "**/.cargo/credentials*", "**/.gem/credentials"),
    *(".bash_history", ".ash_history", ".s3cfg", ".boto", "rclone.conf", "wp-config.php"),
)
"""Names that files with secrets have."""
TEXTS = (
    *("*.py", "*.js", "*.mjs", "*.cjs", "*.ts", "*.json", "*.yml", "*.yaml", "*.toml", "*.ini"),
    *("*.cfg", "*.conf", "*.properties", "*.sh", "*.rb", "*.php", "*.xml", "*.tf", "*.go"),
    *("*.java", "*.sql", "*.txt", "*.cs", "Dockerfile", "docker-compose*"),
)
"""Names of texts that people write."""
OTHERS = (
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
"""Where packages put what is the same for everybody: the sample keys of libraries are no secrets."""


def small_files(evidence: Evidence) -> NDArray[np.int32]:
    """Contents to look into, in the order in which they are stored, whether or not the image still shows them."""
    filesystem, select = evidence.filesystem, evidence.selector.select
    others = select(OTHERS)
    telling, texts = select(TELLING) & ~others, select(TEXTS) & ~others
    stored = filesystem.stored
    fits = (filesystem.kinds == Kind.FILE) & (stored > 0) & (stored <= LARGEST)
    first = np.unique(filesystem.inode_of[fits & telling[filesystem.paths]])
    then = np.unique(filesystem.inode_of[fits & texts[filesystem.paths]])
    room = max(MOST - len(first), 0)
    return np.unique(np.concatenate([first[:MOST], then[:room]])).astype(np.int32)
