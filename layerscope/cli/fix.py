"""`layerscope fix IMAGE`: writes fixes for the findings as a patch for the Dockerfile."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass  # Tab imports this, without msgspec
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
    "excluded",
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
    excluded: tuple[str, ...],
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
    **params: Any,
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
    for option, used in (("--write", write), ("--prove", prove)):
        if used and params["dockerfile"] is None:
            raise UsageError(
                f"{option} needs --dockerfile", hint="--dockerfile names the file to fix"
            )
    build_options = (("BUILD ARGS", args), ("--engine", engine is not None), ("--keep", keep))
    for option, value in build_options:
        if value and not prove:
            raise UsageError(f"{option} can only be used with --prove")
    if prove:
        check_build(engine, args)
    finding_filter = _FindingFilter.of(only, excluded, min_bytes, severity, confidence)
    check_dockerfile_option(params)
    with progress_bar() as progress:
        options = options_of(params, findings=True)
        opened = open_image(request_of(reference, progress, params), options)
    if not opened.has_contents and (write or prove):
        raise UsageError(
            f"{reference}: --write and --prove need the image itself: anyone may have written the fixes in this file",
            hint="read the patch, then apply it: layerscope fix FILE --dockerfile PATH | git apply",
        )
    already_fixed: set[int] = set()
    if (
        opened.dockerfile_lines is not None
        and (doubt := doubt_about(opened.dockerfile_lines)) is not None
    ):
        already_fixed = fixes_in_dockerfile(opened, options.base_steps)
        if not already_fixed:
            raise UsageError(
                f"{opened.dockerfile_lines.name}: {doubt}", hint="name the Dockerfile of this image"
            )
    chosen, others = finding_filter.split(opened)
    already_fixed &= {*chosen, *others}
    patch = patch_of(
        opened,
        [number for number in chosen if number not in already_fixed],
        base_steps=options.base_steps,
        context=context,
    )
    ignored = [number for number in patch.plan.applied if is_ignored_already(opened, patch, number)]
    already_fixed.update(ignored)
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
            params=params,
        )
    if write and code is ExitCode.OK:
        write_patch(patch)
    elif not write and not prove:
        print_patch(patch)
    low_confidence = [number for number in others if number not in already_fixed]
    _print_summary(
        opened, patch, already_fixed, low_confidence, written=write and code is ExitCode.OK
    )
    if patch.files and opened.dockerfile_lines is not None:
        if context is None:
            _print_context(patch, Path(params["dockerfile"]))
        if not write and not prove:
            _print_folder(patch)
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


def check_dockerfile_option(params: dict[str, Any]) -> None:
    """Raise `UsageError` for a Dockerfile that cannot be read, or that no builder accepts."""
    from layerscope.cli.options import dockerfile_of
    from layerscope.image.dockerfile_errors import check_dockerfile

    path = params["dockerfile"]
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
        dockerfile = dockerfile_of(params)
        if dockerfile is not None:
            check_dockerfile(dockerfile)


def doubt_about(lines: DockerfileLines) -> str | None:
    """Why a file may not be the Dockerfile of the image."""
    if not lines.dockerfile.final_instructions():
        return "it has no instructions except FROM, so it made no step of the image"
    return lines.mismatch()


@dataclass(frozen=True, slots=True)
class _FindingFilter:
    """Which findings to fix."""

    only: frozenset[str]
    excluded: frozenset[str]
    min_bytes: int
    severity: Severity
    confidence: Confidence | None

    @classmethod
    def of(
        cls,
        only: Sequence[str],
        excluded: Sequence[str],
        min_bytes: str | None,
        severity: str | None,
        confidence: str | None,
    ) -> _FindingFilter:
        """Raises `UsageError` for an unknown rule or an invalid size."""
        from layerscope.analysis.findings.rules import check_rules
        from layerscope.cli.options import bytes_of

        included, skipped = _split_names(only), _split_names(excluded)
        check_rules(included, lambda _: "--only")
        check_rules(skipped, lambda _: "--except")
        return cls(
            frozenset(included),
            frozenset(skipped),
            bytes_of("--min-bytes", min_bytes) or 0,
            Severity.NOTE if severity is None else Severity(severity),
            None if confidence is None else Confidence(confidence),
        )

    def split(self, opened: Opened) -> tuple[list[int], list[int]]:
        """The numbers of the findings to fix, and of those skipped only for their low confidence."""
        severities, confidences = list(Severity), list(Confidence)
        found = () if opened.findings is None else opened.findings.found
        chosen: list[int] = []
        low_confidence: list[int] = []
        for number, finding in enumerate(found):
            if finding.base or finding.rule in self.excluded:
                continue
            if self.only and finding.rule not in self.only:
                continue
            if finding.bytes < self.min_bytes:
                continue
            if severities.index(finding.severity) > severities.index(self.severity):
                continue
            min_confidence = self.confidence or (Confidence.LOW if self.only else Confidence.MEDIUM)
            if confidences.index(finding.confidence) <= confidences.index(min_confidence):
                chosen.append(number)
            elif self.confidence is None:
                # Without edits, the summary says that it needs a decision.
                (low_confidence if finding.edits else chosen).append(number)
        return chosen, low_confidence


def _split_names(names: Sequence[str]) -> list[str]:
    return [name.strip() for each in names for name in each.split(",") if name.strip()]


def _print_summary(
    opened: Opened,
    patch: Patch,
    already_fixed: Collection[int],
    low_confidence: Sequence[int],
    *,
    written: bool,
) -> None:
    """Print on stderr which findings are fixed, and which are not and why."""
    from layerscope.analysis.findings.composing import NEEDS_DECISION
    from layerscope.text import count_of, safe_name, size

    findings, plan = opened.findings, patch.plan
    if findings is None:
        return
    applied = [number for number in plan.applied if number not in already_fixed]
    saved = size(findings.saving(applied))
    files = " and ".join(safe_name(str(change.path)) for change in patch.files)
    count = count_of(len(applied), "fix", "fixes")
    if already_fixed:
        others_left = applied or plan.left_out or low_confidence
        rules = ", ".join(
            dict.fromkeys(findings.found[number].rule for number in sorted(already_fixed))
        )
        these = f"the fixes of {rules}" if others_left else "these fixes"
        edits = [edit for number in already_fixed for edit in findings.found[number].edits]
        only_ignored = bool(edits) and all(edit.kind == "ignore" for edit in edits)
        place = ".dockerignore" if only_ignored else "the Dockerfile"
        click.echo(f"{place} already has {these}; rebuild the image to see the change", err=True)
    if applied:
        what = f"{count} written to" if written else f"patch with {count} for"
        click.echo(f"{what} {files}: {saved} less", err=True)
    elif plan.left_out or low_confidence:
        if not already_fixed:
            click.echo("every fix needs a decision; none was written", err=True)
    elif not already_fixed:
        click.echo("nothing to fix", err=True)
    reasons = {left.number: left.why for left in plan.left_out}
    reasons |= dict.fromkeys(low_confidence, "low confidence; --confidence low includes it")
    for number, reason in reasons.items():
        finding = findings.found[number]
        if reason == NEEDS_DECISION:
            reason = "it needs a decision; `layerscope report` describes the fix"
        click.echo(f"not written: {finding.rule} ({size(finding.bytes)}): {reason}", err=True)


def _print_context(patch: Patch, dockerfile: Path) -> None:
    """Print on stderr that the context is not the Dockerfile's folder, if that matters."""
    from layerscope.text import safe_name

    changed = any(change.path.name.endswith(".dockerignore") for change in patch.files)
    if changed and os.path.realpath(patch.context) != os.path.realpath(dockerfile.parent):
        name = safe_name(str(patch.context))
        click.echo(
            f"build context: {name}, which has the sources of COPY; use --context DIR for another",
            err=True,
        )


def _print_folder(patch: Patch) -> None:
    """Print on stderr where to apply a patch if `git apply` would skip files of it in the current folder."""
    from layerscope.report.patch import applies_here, patch_folder
    from layerscope.text import safe_name

    if not applies_here(patch):
        top = safe_name(os.path.relpath(patch_folder(patch)))
        click.echo(
            f"some files are outside the current folder: apply the patch with `git -C {top} apply`",
            err=True,
        )
