"""What a rule found: a cause, the bytes that it costs, where they are, and how to avoid them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.analysis.findings.edits import Edit, Fix, notes
from layerscope.analysis.packages.model import Package
from layerscope.image.warnings import ImageWarning
from layerscope.words import Confidence, Severity

MAX_NAMED = 3
"""Maximum layers or paths that titles and fixes name."""


def layers_text(numbers: Sequence[int]) -> str:
    """`layer 4`, `layers 1–4` for more than three in a row, or `layers 4, 6, 9 and more`."""
    shown = ", ".join(map(str, numbers[:MAX_NAMED])) + (
        " and more" if len(numbers) > MAX_NAMED else ""
    )
    if len(numbers) > MAX_NAMED and list(numbers) == list(
        range(numbers[0], numbers[0] + len(numbers))
    ):
        shown = f"{numbers[0]}–{numbers[-1]}"
    return f"layer{'' if len(numbers) == 1 else 's'} {shown}"


def is_secret(rule: str) -> bool:
    """Whether a rule is about secrets, by its name."""
    return rule.startswith("secret-")


def unique_in_order(paths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Paths without repetitions, in their original order."""
    _, first = np.unique(paths, return_index=True)
    return paths[np.sort(first)]


def _no_indexes() -> NDArray[np.int32]:
    return np.zeros(0, np.int32)


class Claim(Struct, frozen=True):
    """What a rule reports about one cause in one step; fields left None come from the rule itself.

    The contents are measured, never guessed from the text of a command.
    """

    fix: str | Fix
    """Dockerfile text adapted to the instruction; explanations are comments. Not yet safe for a terminal."""
    layers: tuple[int, ...] = ()
    """Layers concerned; the first is the one whose step the fix changes."""
    steps: tuple[int, ...] | None = None
    """Steps concerned, the one to change first; None for those of the layers."""
    inodes: NDArray[np.int32] = field(default_factory=_no_indexes)
    """Stored contents that the fix removes from the image; each is counted once, however many claims name it."""
    paths: NDArray[np.int32] = field(default_factory=_no_indexes)
    """Paths of the filesystem's table, largest first."""
    bytes: int | None = None
    """Bytes to show; None for those of the contents. Bytes other than those of the contents are never avoidable."""
    title: str | None = None
    why: str | None = None
    severity: Severity | None = None
    confidence: Confidence | None = None


class Finding(Struct, frozen=True):
    """A completed claim."""

    rule: str
    title: str
    severity: Severity
    confidence: Confidence
    bytes: int
    """Content bytes that the fix saves; for a rule that saves none, the bytes it concerns."""
    steps: tuple[int, ...]
    layers: tuple[int, ...]
    paths: NDArray[np.int32]
    """Paths of the filesystem's table, largest first."""
    inodes: NDArray[np.int32]
    """Stored contents that the fix removes from the image."""
    base: bool
    """Whether all of it is in the base image: only another or a newer base image avoids it."""
    why: str
    fix: str
    """Dockerfile text; explanations are comments."""
    edits: tuple[Edit, ...] = ()
    """The fix as edits of the Dockerfile; empty if it is described in words."""
    difference: str = ""
    """The edits as a diff, in lines that begin with `-`, `+` or a space; "" without edits."""

    @property
    def notes(self) -> list[str]:
        """The comments of the fix that its diff does not show."""
        return notes(self.fix, self.difference)

    @property
    def secret(self) -> bool:
        """Whether it is about a secret, and not of low confidence."""
        return is_secret(self.rule) and self.confidence is not Confidence.LOW


_SEVERITIES = list(Severity)


def rank(finding: Finding) -> tuple[int, int, str, tuple[int, ...]]:
    """Sort key of findings: most severe first, then most bytes."""
    return _SEVERITIES.index(finding.severity), -finding.bytes, finding.rule, finding.steps


class Findings(Struct, frozen=True):
    """The findings of an image, by severity and then by bytes. Contents that several findings claim count once."""

    found: tuple[Finding, ...]
    sizes: NDArray[np.int64]
    """Content bytes of every inode."""
    packages: tuple[Package, ...] = ()
    """Installed packages, largest first."""
    applied: tuple[str, ...] = ()
    """Names of the rules that ran: those that are switched on."""
    warnings: tuple[ImageWarning, ...] = ()
    """Why packages may be missing."""

    def saving(self, numbers: Collection[int] | None = None) -> int:
        """Content bytes that the fixes of these findings save together; None for all findings."""
        chosen = self.found if numbers is None else [self.found[number] for number in numbers]
        claimed = np.zeros(len(self.sizes), bool)
        for finding in chosen:
            claimed[finding.inodes] = True
        return int(self.sizes[claimed].sum())

    @property
    def outside_base(self) -> list[int]:
        """Findings outside the base image."""
        return [number for number, finding in enumerate(self.found) if not finding.base]

    @property
    def to_fix(self) -> list[Finding]:
        """The findings in the order in which to fix them, see `order_to_fix`."""
        return [self.found[number] for number in self.order_to_fix(lambda finding: finding.base)]

    def order_to_fix(self, of_base: Callable[[Finding], bool]) -> list[int]:
        """The numbers of all findings in the order in which to fix them: secrets first, then findings outside the base image, then
        those in it (`of_base`); each group by severity and bytes.
        """

        def rank(number: int) -> tuple[bool, bool]:
            return not self.found[number].secret, of_base(self.found[number])

        return sorted(range(len(self.found)), key=rank)

    @property
    def secrets(self) -> int:
        """The number of files with secrets, plus findings without a file. Findings of low confidence do not count."""
        secrets = [finding for finding in self.found if finding.secret]
        paths = {path for finding in secrets for path in finding.paths.tolist()}
        return len(paths) + sum(not len(finding.paths) for finding in secrets)
