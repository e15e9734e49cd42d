"""Makes and writes the patch of fixes. Called in threads: the shell parser is loaded only then."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from layerscope import text
from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.analysis.findings.finding import Findings
from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.image.dockerfile import MAX_BYTES
from layerscope.opening.opened import Opened
from layerscope.report.patch import FileChangedError, Patch, patch_of, remaining_patch, write_patch
from layerscope.tui.documents.patch import PatchDocument


class WrittenFixes(Struct, frozen=True):
    """Fixes that were written in this session."""

    numbers: frozenset[int]
    """Findings whose fixes are in the Dockerfile."""
    dockerfile: str
    """The text of the Dockerfile with these fixes."""


class PreparedPatch(Struct, frozen=True):
    """A patch, ready to be shown and written."""

    patch: Patch
    document: PatchDocument
    new: frozenset[int]
    """Findings that it fixes and earlier patches did not."""
    saved: int
    """Content bytes that fixing these saves."""

    @property
    def written(self) -> WrittenFixes:
        """The fixes in the Dockerfile after writing this patch."""
        return WrittenFixes(frozenset(self.patch.plan.applied), self.patch.dockerfile)

    @property
    def files(self) -> str:
        """The names of the files that it changes, safe for a terminal."""
        return " and ".join(text.safe_name(str(change.path)) for change in self.patch.files)

    @property
    def fixes(self) -> str:
        """The number of new fixes, as text."""
        return text.count_of(len(self.new), "fix", "fixes")


def prepare(
    opened: Opened,
    findings: Findings,
    chosen: Collection[int],
    base_steps: int,
    before: WrittenFixes | None = None,
) -> PreparedPatch:
    """Make the patch with the fixes of some findings, on top of the fixes written `before`.

    Raises `UsageError` if the Dockerfile is not the image's, or if another program changed it.
    """
    earlier = frozenset() if before is None else before.numbers
    lines = opened.dockerfile_lines
    if lines is not None:
        if (
            not opened.has_contents
        ):  # the names in the file are not trusted: a patch could change any file
            raise UsageError(
                "fixes in a file of layerscope save are only shown",
                hint="layerscope fix FILE prints them as a patch",
            )
        if (doubt := lines.mismatch()) is not None:
            raise UsageError(f"{lines.name}: {doubt}", hint="name the Dockerfile of this image")
        _check_unchanged(lines, before)
    patch = patch_of(
        replace(opened, findings=findings), sorted({*earlier, *chosen}), base_steps=base_steps
    )
    if lines is not None and before is not None:
        patch = remaining_patch(patch, Path(lines.name), before.dockerfile)
    applied = frozenset(patch.plan.applied)
    saved = findings.saving(applied) - findings.saving(applied & earlier)
    document = PatchDocument.of(patch, findings.found)
    return PreparedPatch(patch, document, applied - earlier, saved)


def write(prepared: PreparedPatch, opened: Opened | None, before: WrittenFixes | None) -> None:
    """Write a prepared patch. Raises `UsageError`, also if another program changed a file."""
    if opened is not None and opened.dockerfile_lines is not None:
        _check_unchanged(opened.dockerfile_lines, before)
    write_patch(prepared.patch)


def _check_unchanged(lines: DockerfileLines, before: WrittenFixes | None) -> None:
    expected = lines.dockerfile.text if before is None else before.dockerfile
    try:
        current = read_file(lines.name, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{lines.name}: {error.strerror or error}") from error
    if current != expected.encode(errors="surrogateescape"):
        raise FileChangedError(
            f"{lines.name} changed since it was read",
            hint="open the image again to read the new one",
        )
