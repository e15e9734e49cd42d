"""`layerscope fix IMAGE`: the findings' fixes as a patch of the Dockerfile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.options import dockerfile_option, image_options, options_of, request_of
from layerscope.cli.output_options import ignore_errors_option
from layerscope.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from layerscope.opening.opened import Opened
    from layerscope.report.patch import Patch


@click.command(short_help="Write the findings' fixes as a patch of the Dockerfile.")
@click.argument("reference", metavar="IMAGE")
@click.argument("args", metavar="[-- BUILD ARGS]", nargs=-1, type=click.UNPROCESSED)
@click.option("--only", metavar="RULE", multiple=True, help="Fix the findings of this rule only.")
@click.option("--min-bytes", metavar="SIZE", help="Fix findings of at least this size only.")
@click.option(
    "--diff/--write",
    "show",
    default=True,
    help="Print a patch, or change the files.  [default: --diff]",
)
@click.option(
    "--context",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The build context, where .dockerignore is.  [default: the Dockerfile's folder]",
)
@click.option(
    "--prove", is_flag=True, help="Rebuild with the fixes, and measure what they really save."
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
    min_bytes: str | None,
    show: bool,
    context: Path | None,
    prove: bool,
    engine: str | None,
    keep: bool,
    ignore_errors: bool,
    **given: Any,
) -> int:
    """Write the fixes of IMAGE's findings as a patch of its Dockerfile, and of its .dockerignore.

    layerscope fix app --dockerfile Dockerfile | git apply

    --write changes the files instead. Everything that is not fixed stays as it is written. Without --dockerfile, the patch is of
    the Dockerfile restored from the image's history. What cannot be fixed by itself is listed on stderr.

    --prove builds the patched Dockerfile in the context with docker, podman or buildah (the first one found) and BUILD ARGS, and
    reports what was promised and saved, and what the final image lost. Exits with 1 if a live file was lost, or less than 90 % of
    the promise was kept. Nothing is tagged, and what was built is removed unless --keep is given.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream
    from layerscope.cli.prove import check_build, prove_fixes
    from layerscope.opening.open import open_image
    from layerscope.report.patch import patch_bytes, patch_of, write_patch

    for option, wanted in (("--write", not show), ("--prove", prove)):
        if wanted and given["dockerfile"] is None:
            raise UsageError(
                f"{option} needs --dockerfile", hint="--dockerfile names the file to fix"
            )
    if (args or engine is not None or keep) and not prove:
        raise UsageError("arguments of a build, --engine and --keep need --prove")
    if prove:
        check_build(engine, args)
    with progress_bar() as progress:
        options = options_of(given, findings=True)
        opened = open_image(request_of(reference, progress, given), options)
    if opened.written is not None and (doubt := opened.written.doubt()) is not None:
        raise UsageError(
            f"{opened.written.name}: {doubt}", hint="name the Dockerfile of this image"
        )
    chosen = _chosen(opened, only, min_bytes)
    patch = patch_of(opened, chosen, base_steps=options.base_steps, context=context)
    code = ExitCode.OK
    if prove and patch.plan.applied:
        place = context or Path(given["dockerfile"]).parent
        code = prove_fixes(
            opened, patch, options, context=place, engine=engine, args=args, keep=keep, given=given
        )
    if not show and code is ExitCode.OK:
        write_patch(patch)
    elif show and not prove:
        with output_stream(None) as stream:
            stream.write(patch_bytes(patch))
    _say(opened, patch, written=not show and code is ExitCode.OK)
    if not ignore_errors:
        opened.raise_damage()
    return code


def _chosen(opened: Opened, only: Sequence[str], min_bytes: str | None) -> list[int]:
    """The findings to fix. Raises `UsageError` for a rule that there is not, or a size that is none."""
    from layerscope.analysis.findings.rules import check_rules
    from layerscope.analysis.gate.values import parse_size

    check_rules(only, lambda _: "--only")
    try:
        least = 0 if min_bytes is None else parse_size(min_bytes)
    except ValueError as error:
        raise UsageError(f"--min-bytes: {error}") from None
    found = () if opened.findings is None else opened.findings.found
    return [
        number
        for number, finding in enumerate(found)
        if not finding.base and (not only or finding.rule in only) and finding.bytes >= least
    ]


def _say(opened: Opened, patch: Patch, *, written: bool) -> None:
    """What is fixed, and what is not and why, on stderr."""
    from layerscope.text import count_of, safe_name, size

    findings, plan = opened.findings, patch.plan
    if findings is None:
        return
    saved = size(findings.saving(plan.applied))
    files = " and ".join(safe_name(str(change.path)) for change in patch.files)
    if plan.applied:
        verb = "written to" if written else "for"
        click.echo(
            f"{count_of(len(plan.applied), 'fix', 'fixes')} {verb} {files}: {saved} less", err=True
        )
    else:
        click.echo("nothing that can be fixed by itself", err=True)
    for left in plan.left:
        finding = findings.found[left.number]
        click.echo(f"left: {finding.rule} ({size(finding.bytes)}): {left.why}", err=True)
