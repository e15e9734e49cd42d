"""Claims about files with secrets. Files deleted by a later step get separate findings: they are still stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import MAX_NAMED, Claim
from layerscope.analysis.findings.fixes import can_append, instruction_text, run_and, shell_word
from layerscope.analysis.findings.hidden import original_inodes
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY
from layerscope.analysis.findings.secrets.files import DUMMIES
from layerscope.analysis.findings.secrets.reading import MAX_SUGGESTIVE_BYTES
from layerscope.analysis.findings.secrets.scan import (
    UNREAD,
    UNREAD_KEY,
    find_secrets,
)
from layerscope.filesystem.selector import Mask
from layerscope.image.history import Step
from layerscope.text import safe_name
from layerscope.words import Confidence

_KINDS_IN_TITLES = {PRIVATE_KEY, *DUMMIES, *DUMMIES.values(), UNREAD, UNREAD_KEY}
"""Kinds that the title already names."""


def secret_claims(
    evidence: Evidence,
    wanted: Callable[[frozenset[str]], bool],
    what: str,
    among: Mask | None = None,
) -> Iterator[Claim]:
    """One claim per layer for files whose kinds of secrets are `wanted`, and one for hidden ones.

    `what` names them in titles: "Private key"; `among` are the paths to consider, None for all. Secrets themselves are never part
    of a claim.
    """
    secrets = evidence.once(find_secrets)
    inodes = np.array([inode for inode, kinds in secrets.items() if wanted(kinds)], np.int32)
    if not len(inodes):
        return
    filesystem = evidence.filesystem
    rows = np.flatnonzero(np.isin(filesystem.inode_of, inodes))
    if among is not None:
        rows = rows[among[filesystem.paths[rows]]]
    # A copy stored by chown belongs to the original, whose step needs the fix.
    first = original_inodes(evidence, filesystem.inode_of[rows])
    live = np.isin(first, first[np.isin(filesystem.inode_of[rows], evidence.live_inodes)])
    for shown in (True, False):
        chosen = rows[live == shown]
        contents, layers = (
            filesystem.inode_of[chosen],
            filesystem.inodes.layers(first[live == shown]),
        )
        for group in evidence.groups(filesystem.paths[chosen], contents, layers):
            paths = group.paths[np.sort(np.unique(group.paths, return_index=True)[1])]
            kinds = {kind for inode in group.inodes.tolist() for kind in secrets[inode]}
            listed = ", ".join(sorted(kinds - _KINDS_IN_TITLES))
            hidden = "" if shown else ", deleted later and still stored"
            layers_again = np.unique(filesystem.inodes.layers(group.inodes)).tolist()
            yield Claim(
                fix=_fix(evidence, group.layer, paths),
                layers=tuple(dict.fromkeys((group.layer, *layers_again))),
                inodes=group.inodes,
                paths=paths,
                title=f"{what}{hidden}" + (f" ({listed})" if listed else ""),
            )


def unread_claims(evidence: Evidence, kind: str) -> Iterator[Claim]:
    """Claims about files that are too large to search; `kind` is what their names suggest."""
    what = kind[:1].upper() + kind[1:]
    for claim in secret_claims(evidence, lambda kinds: kinds == {kind}, what):
        yield replace(
            claim,
            title=f"{claim.title}; too large to search",
            why=f"Files of more than {MAX_SUGGESTIVE_BYTES >> 20} MiB are not searched, nor are further ones after many large files: check its contents yourself.",
            confidence=Confidence.LOW,
        )


def dummy_claims(evidence: Evidence, kind: str, what: str) -> Iterator[Claim]:
    """Claims about files in which all secrets of a kind are dummies."""
    dummies = set(DUMMIES.values())
    for claim in secret_claims(
        evidence, lambda kinds: DUMMIES[kind] in kinds and kinds <= dummies, what
    ):
        yield replace(claim, why=_DUMMY_WHY, confidence=Confidence.LOW)


_DUMMY_WHY = "The values look like placeholders, or like passwords for a service on the same machine. Make sure that no real service uses them: anyone who can pull the image can read them."


def _fix(evidence: Evidence, layer: int, paths: NDArray[np.int32]) -> str | Fix:
    """A fix that never stores it, but mounts it in the step that needs it."""
    step = evidence.step(layer)
    path = evidence.name(int(paths[0]))
    mount = f"type=secret,id={_identifier(path)},target={shell_word(path)}"
    revoke = "# rotate this secret: it can be read from the image, even if a later step deletes it"
    if step.instruction in ("COPY", "ADD"):
        names = safe_name(", ".join(evidence.name(path) for path in paths[:MAX_NAMED].tolist()))
        names += f" and {len(paths) - MAX_NAMED:,} more" if len(paths) > MAX_NAMED else ""
        return (
            f"{revoke}\n# leave {names} out of what is copied (.dockerignore), and mount it where it is needed:\n"
            f"{instruction_text(evidence, step)}\nRUN --mount={mount} …"
        )
    if _is_made_here(evidence, path, step):
        word = shell_word(path)
        return (
            "# generate it when the container starts, so that no two containers share it\n"
            + run_and(evidence, step, f"rm -f {word}")
        )
    return f"{revoke}\n" + run_and(evidence, step, "", [mount])


def _is_made_here(evidence: Evidence, path: str, step: Step) -> bool:
    """Whether a package generates this key during installation."""
    return can_append(evidence, step) and path.startswith(
        ("/etc/ssh/", "/etc/ssl/private/", "/etc/pki/tls/private/")
    )


def _identifier(path: str) -> str:
    """An ID for the build secret."""
    stem = PurePosixPath(path).name.strip(".") or "secret"
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in stem)[:40]
