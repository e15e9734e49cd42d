"""`layerscope fix IMAGE`: writes fixes for the findings as a patch for the Dockerfile."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.options import dockerfile_option, image_options, options_of, request_of
from layerscope.cli.output_options import ignore_errors_option
from layerscope.errors import ExitCode, UsageError
from layerscope.words import Confidence, Severity

if TYPE_CHECKING:
    from layerscope.analysis.dockerfile_lines import DockerfileLines
    from layerscope.opening.opened import Opened
    from layerscope.report.patch import Patch


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.argument("args", metavar="[-- BUILD ARGS]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--only",
    metavar="RULE",
    multiple=True,
    help="Fix only findings of this rule. Can be repeated, or be a list with commas.",
)
@click.option(
    "--except",
    "but",
    metavar="RULE",
    multiple=True,
    help="Skip findings of this rule. Can be repeated, or be a list with commas.",
)
@click.option("--min-bytes", metavar="SIZE", help="Fix only findings of at least this size.")
@click.option(
    "--severity",
    type=click.Choice([each.value for each in Severity]),
    help="Fix only findings of at least this severity.",
)
@click.option(
    "--confidence",
    type=click.Choice([each.value for each in Confidence]),
    help="Fix only findings of at least this confidence.  [default: medium; low for rules of --only]",
)
@click.option("--diff", is_flag=True, help="Print a patch. This is the default.")
@click.option("--write", is_flag=True, help="Change the files instead.")
@click.option(
    "--context",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The build context, which contains .dockerignore.  [default: the Dockerfile's folder, or the current one if it has the sources of COPY]",
)
@click.option(
    "--prove", is_flag=True, help="Rebuild with the fixes and measure what they really save."
)
@click.option(
    "--engine", metavar="NAME", help="Rebuild with this program: docker, podman or buildah."
)
@click.option("--keep", is_flag=True, help="Keep the image that --prove builds.")
@ignore_errors_option
@dockerfile_option
@image_options
def fix(
    reference: str,
    args: tuple[str, ...],
    only: tuple[str, ...],
    but: tuple[str, ...],
    min_bytes: str | None,
    severity: str | None,
    confidence: str | None,
    diff: bool,
    write: bool,
    context: Path | None,
    prove: bool,
    engine: str | None,
    keep: bool,
    ignore_errors: bool,
    **given: Any,
) -> int:
    """Write fixes for the findings in IMAGE as a patch for its Dockerfile and .dockerignore.

    layerscope fix app --dockerfile Dockerfile | git apply

    --write changes the files instead. The rest of the files stays as it is. Without --dockerfile, the patch is for the Dockerfile
    restored from the image's history. Findings that are not fixed are listed on stderr with the reason.

    --prove builds the patched Dockerfile in the context with docker, podman or buildah (the first one found) and BUILD ARGS, and
    reports the bytes promised and saved, and what the final image lost. Exits with 1 if a live file was lost, or if less than 90
    % of the promised bytes were saved. Nothing is tagged, and the built image is removed unless --keep is given.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.prove import check_build, prove_fixes
    from layerscope.opening.open import open_image
    from layerscope.report.patch import patch_of, write_patch
    from layerscope.report.written_fixes import fixes_in_dockerfile, is_ignored_already

    if diff and write:
        raise UsageError("--diff and --write cannot be combined")
    for option, wanted in (("--write", write), ("--prove", prove)):
        if wanted and given["dockerfile"] is None:
            raise UsageError(
                f"{option} needs --dockerfile", hint="--dockerfile names the file to fix"
            )
    building = (("BUILD ARGS", args), ("--engine", engine is not None), ("--keep", keep))
    for option, used in building:
        if used and not prove:
            raise UsageError(f"{option} can only be used with --prove")
    if prove:
        check_build(engine, args)
    choice = _Choice.of(only, but, min_bytes, severity, confidence)
    check_dockerfile_option(given)
    with progress_bar() as progress:
        options = options_of(given, findings=True)
        opened = open_image(request_of(reference, progress, given), options)
    if not opened.has_contents and (write or prove):
        raise UsageError(
            f"{reference}: --write and --prove need the image itself: anybody may have written the fixes in this file",
            hint="read the patch, then apply it: layerscope fix FILE --dockerfile PATH | git apply",
        )
    already: set[int] = set()
    if opened.written is not None and (doubt := doubt_about(opened.written)) is not None:
        already = fixes_in_dockerfile(opened, options.base_steps)
        if not already:
            raise UsageError(
                f"{opened.written.name}: {doubt}", hint="name the Dockerfile of this image"
            )
    chosen, others = choice.split(opened)
    already &= {*chosen, *others}
    patch = patch_of(
        opened,
        [number for number in chosen if number not in already],
        base_steps=options.base_steps,
        context=context,
    )
    ignored = [number for number in patch.plan.applied if is_ignored_already(opened, patch, number)]
    already.update(ignored)
    code = ExitCode.OK
    if prove and patch.plan.applied:
        code = prove_fixes(
            opened,
            patch,
            options,
            context=patch.context,
            engine=engine,
            args=args,
            keep=keep,
            given=given,
        )
    if write and code is ExitCode.OK:
        write_patch(patch)
    elif not write and not prove:
        print_patch(patch)
    unsure = [number for number in others if number not in already]
    _say(opened, patch, already, unsure, written=write and code is ExitCode.OK)
    if patch.files and opened.written is not None:
        if context is None:
            _say_context(patch, Path(given["dockerfile"]))
        if not write and not prove:
            _say_folder(patch)
    if not ignore_errors:
        opened.raise_damage()
    return code


def print_patch(patch: Patch) -> None:
    """Write the patch to stdout."""
    from layerscope.cli.output import output_stream
    from layerscope.report.patch import patch_bytes

    try:
        with output_stream(None) as stream:
            stream.write(patch_bytes(patch))
    except UsageError as error:
        if error.hint is not None and "--output" in error.hint:
            error.hint = "--write changes the files instead"
        raise


def check_dockerfile_option(given: dict[str, Any]) -> None:
    """Raise `UsageError` for a Dockerfile that cannot be read, or that no builder accepts."""
    from layerscope.cli.options import dockerfile_of
    from layerscope.image.dockerfile_errors import check_dockerfile

    path = given["dockerfile"]
    if path is None:
        return
    if str(path) == "-":
        raise UsageError(
            "--dockerfile: stdin cannot be fixed", hint="name the file, such as ./Dockerfile"
        )
    if path.is_dir() or not path.exists():
        why = "is a directory" if path.is_dir() else "no such file"
        raise UsageError(
            f"--dockerfile: {path}: {why}", hint="name the Dockerfile that the image was built from"
        )
    if path.is_file():  # a pipe is read once
        dockerfile = dockerfile_of(given)
        if dockerfile is not None:
            check_dockerfile(dockerfile)


def doubt_about(lines: DockerfileLines) -> str | None:
    """Why a file may not be the Dockerfile of the image."""
    if not lines.dockerfile.final():
        return "it has no instructions except FROM, so it made no step of the image"
    return lines.doubt()


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which findings to fix."""

    only: frozenset[str]
    but: frozenset[str]
    least: int
    severity: Severity
    confidence: Confidence | None

    @classmethod
    def of(
        cls,
        only: Sequence[str],
        but: Sequence[str],
        min_bytes: str | None,
        severity: str | None,
        confidence: str | None,
    ) -> _Choice:
        """Raises `UsageError` for an unknown rule or an invalid size."""
        from layerscope.analysis.findings.rules import check_rules
        from layerscope.cli.options import bytes_of

        wanted, unwanted = _listed(only), _listed(but)
        check_rules(wanted, lambda _: "--only")
        check_rules(unwanted, lambda _: "--except")
        return cls(
            frozenset(wanted),
            frozenset(unwanted),
            bytes_of("--min-bytes", min_bytes) or 0,
            Severity.NOTE if severity is None else Severity(severity),
            None if confidence is None else Confidence(confidence),
        )

    def split(self, opened: Opened) -> tuple[list[int], list[int]]:
        """The numbers of the findings to fix, and of those skipped only for their low confidence."""
        ranks, sure = list(Severity), list(Confidence)
        found = () if opened.findings is None else opened.findings.found
        chosen: list[int] = []
        unsure: list[int] = []
        for number, finding in enumerate(found):
            if finding.base or finding.rule in self.but:
                continue
            if self.only and finding.rule not in self.only:
                continue
            if finding.bytes < self.least:
                continue
            if ranks.index(finding.severity) > ranks.index(self.severity):
                continue
            least = self.confidence or (Confidence.LOW if self.only else Confidence.MEDIUM)
            if sure.index(finding.confidence) <= sure.index(least):
                chosen.append(number)
            elif self.confidence is None:  # one in words is listed as such
                (unsure if finding.edits else chosen).append(number)
        return chosen, unsure


def _listed(names: Sequence[str]) -> list[str]:
    return [name.strip() for each in names for name in each.split(",") if name.strip()]


def _say(
    opened: Opened, patch: Patch, already: Collection[int], unsure: Sequence[int], *, written: bool
) -> None:
    """Say on stderr what is fixed, and what is not and why."""
    from layerscope.analysis.findings.composing import NEEDS_DECISION
    from layerscope.text import count_of, safe_name, size

    findings, plan = opened.findings, patch.plan
    if findings is None:
        return
    applied = [number for number in plan.applied if number not in already]
    saved = size(findings.saving(applied))
    files = " and ".join(safe_name(str(change.path)) for change in patch.files)
    count = count_of(len(applied), "fix", "fixes")
    if already:
        rest = applied or plan.left or unsure
        rules = ", ".join(dict.fromkeys(findings.found[number].rule for number in sorted(already)))
        these = f"the fixes of {rules}" if rest else "these fixes"
        edits = [edit for number in already for edit in findings.found[number].edits]
        only = bool(edits) and all(edit.kind == "ignore" for edit in edits)
        place = ".dockerignore" if only else "the Dockerfile"
        click.echo(f"{place} already has {these}; rebuild the image to see the change", err=True)
    if applied:
        what = f"{count} written to" if written else f"patch with {count} for"
        click.echo(f"{what} {files}: {saved} less", err=True)
    elif plan.left or unsure:
        if not already:
            click.echo("every fix needs a decision; none was written", err=True)
    elif not already:
        click.echo("nothing to fix", err=True)
    why = {left.number: left.why for left in plan.left}
    why |= dict.fromkeys(unsure, "low confidence; --confidence low includes it")
    for number, reason in why.items():
        finding = findings.found[number]
        if reason == NEEDS_DECISION:
            reason = "it needs a decision; `layerscope report` describes the fix"
        click.echo(f"not written: {finding.rule} ({size(finding.bytes)}): {reason}", err=True)


def _say_context(patch: Patch, dockerfile: Path) -> None:
    """Say that the context is not the Dockerfile's folder, if that matters."""
    from layerscope.text import safe_name

    changed = any(change.path.name.endswith(".dockerignore") for change in patch.files)
    if changed and os.path.realpath(patch.context) != os.path.realpath(dockerfile.parent):
        name = safe_name(str(patch.context))
        click.echo(
            f"build context: {name}, which has the sources of COPY; use --context DIR for another",
            err=True,
        )


def _say_folder(patch: Patch) -> None:
    """Say where to apply a patch that `git apply` would skip, entirely or in part, in the current folder."""
    from layerscope.report.patch import applies_here, patch_folder
    from layerscope.text import safe_name

    if not applies_here(patch):
        top = safe_name(os.path.relpath(patch_folder(patch)))
        click.echo(
            f"some files are outside the current folder: apply the patch with `git -C {top} apply`",
            err=True,
        )
