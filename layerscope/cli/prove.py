"""`layerscope fix --prove`: rebuilds an image with its fixes, and measures what they save."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from layerscope import signals
from layerscope.cli.build import IIDFILE, find_engine, id_in, run_build
from layerscope.errors import BuildFailedError, ExitCode, UsageError

if TYPE_CHECKING:
    from layerscope.analysis.compare.proof import Proof
    from layerscope.opening.opened import Opened
    from layerscope.opening.options import Options
    from layerscope.report.console import Console
    from layerscope.report.patch import Patch

_SCHEMES = {"docker": "docker", "podman": "podman", "buildah": "containers-storage"}
_MAX_LISTED = 10
"""Maximum paths and packages that are listed."""
_TAG_OPTIONS = ("-t", "--tag", "--manifest")


def check_build(engine: str | None, args: Sequence[str]) -> None:
    """Raise `UsageError` for a program whose images cannot be opened, and for arguments that name the image: no existing tag may
    be replaced.
    """
    name = Path(engine or find_engine(None)).name
    if name not in _SCHEMES:
        raise UsageError(
            f"--engine {name}: --prove builds with docker, podman or buildah",
            hint="choose one of them with --engine",
        )
    find_engine(engine)
    for word in args:
        if word.partition("=")[0] in _TAG_OPTIONS or (
            word.startswith("-t") and not word.startswith("--")
        ):
            raise UsageError(f"{word} cannot be used with --prove: no existing tag may be replaced")


def prove_fixes(
    opened: Opened,
    patch: Patch,
    options: Options,
    *,
    context: Path,
    engine: str | None,
    args: Sequence[str],
    keep: bool,
    params: dict[str, Any],
) -> ExitCode:
    """Rebuild, compare and print; returns the exit code. Raises `BuildFailedError`."""
    from layerscope.analysis.compare.proof import prove
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.options import request_of, settings_of
    from layerscope.cli.output import output_stream, report_options
    from layerscope.opening.open import open_image
    from layerscope.report.console import Console

    program = find_engine(engine)
    name = Path(program).name
    image_id = _build_patched(program, name, patch, context, args)
    try:
        with progress_bar() as progress:
            reference = f"{_SCHEMES[name]}://{image_id}"
            rebuild_params = {**params, "image": None, "platform": None, "pull": False}
            request = request_of(reference, progress, rebuild_params)
            rebuilt = open_image(request, replace(options, dockerfile=None))
            patched = [change.path.name for change in patch.files]
            proof = prove(
                opened,
                rebuilt,
                patch.plan.applied,
                progress,
                request.limits,
                patched=patched,
            )
    finally:
        if not keep:
            with suppress(OSError):
                subprocess.run([program, "rmi", image_id], capture_output=True, check=False)
    formatting = report_options(None, binary=settings_of(params).binary)
    with output_stream(None) as stream:
        console = Console(stream, formatting.width, color=formatting.color)
        _write(console, opened, proof, image_id if keep else None)
        console.flush()
    return ExitCode.OK if proof.holds else ExitCode.FAILED


def _build_patched(
    program: str, name: str, patch: Patch, context: Path, args: Sequence[str]
) -> str:
    """Build with the patched files, which are written to a temporary folder; returns the ID of the image."""
    with signals.temporary_folder("layerscope-fix-") as folder:
        if name != "docker" and _writes_to_context(patch):
            context = _copy_context(context, Path(folder) / "context")
        dockerfile, file = Path(folder) / "Dockerfile", Path(folder) / "id"
        dockerfile.write_bytes(patch.dockerfile.encode(errors="surrogateescape"))
        words = [program, "build", IIDFILE, str(file), "-f", str(dockerfile)]
        if patch.ignored is not None:
            ignored = Path(folder) / "Dockerfile.dockerignore"
            ignored.write_bytes(patch.ignored.encode(errors="surrogateescape"))
            if name != "docker":
                words += ["--ignorefile", str(ignored)]
        if name == "buildah":
            words.append("--layers")
        try:
            # Mounts, and a .dockerignore beside the Dockerfile, need BuildKit in Docker.
            run_build([*words, *args, str(context)], {"DOCKER_BUILDKIT": "1", **os.environ})
        except BuildFailedError as error:
            error.hint = "try the Dockerfile without fixes: if that fails too, choose another program with --engine; otherwise try the fixes one by one with --only RULE"
            raise
        return id_in(file)


def _writes_to_context(patch: Patch) -> bool:
    """Whether older versions of Podman and Buildah would write to files in the context."""
    flags = [flag for flags in patch.plan.flags.values() for flag in flags]
    return any(flag.startswith("--mount=type=bind,") and flag.endswith(",rw") for flag in flags)


def _copy_context(context: Path, copy: Path) -> Path:
    """A copy of the build context without sockets, pipes and devices. Raises `UsageError`."""

    def special_files(folder: str, names: list[str]) -> list[str]:
        paths = [Path(folder) / name for name in names]
        return [p.name for p in paths if not (p.is_symlink() or p.is_file() or p.is_dir())]

    try:
        shutil.copytree(context, copy, symlinks=True, ignore=special_files)
    except (OSError, shutil.Error) as error:
        raise UsageError(f"cannot copy the build context: {error}") from error
    return copy


def _write(console: Console, opened: Opened, proof: Proof, image_id: str | None) -> None:
    """Write the verdict, each finding, and what else changed."""
    from layerscope.report.console import widest
    from layerscope.report.rows import place_words
    from layerscope.text import count_of, safe_name, size

    lost = count_of(len(proof.lost), "live file") + " lost" if proof.lost else "no live file lost"
    mark = ("✔ ", "green") if proof.holds else ("✘ ", "red")
    saved = size(proof.saved) if proof.saved >= 0 else f"−{size(-proof.saved)}"
    console.line(mark, f"{size(proof.promised)} promised, {saved} saved, {lost}")
    console.line("")
    places = [place_words(opened, result.finding) for result in proof.findings]
    width = widest(places)
    console.line(f"{'promised':>10}  {'saved':>10}  {'where':<{width}}  finding")
    for result, place in zip(proof.findings, places, strict=True):
        numbers = f"{size(result.finding.bytes):>10}  {size(result.real):>10}"
        console.line(f"{numbers}  {place:<{width}}  {result.finding.rule}")
    for title, paths in (
        ("Lost, although no finding names it", proof.lost),
        ("Content changed", proof.differing),
    ):
        if paths:
            console.line("")
            console.line(f"{title}: {count_of(len(paths), 'file')}")
            for path in paths[:_MAX_LISTED]:
                console.line(f"  {safe_name(path)}")
            if len(paths) > _MAX_LISTED:
                console.line(f"  … and {len(paths) - _MAX_LISTED:,} more")
    if proof.packages:
        console.line("")
        console.line(f"Packages removed or changed: {len(proof.packages):,}")
        for change in proof.packages[:_MAX_LISTED]:
            after = safe_name(change.new.version) if change.new else "gone"
            before = change.old.version if change.old else ""
            console.line(f"  {safe_name(change.name)} {safe_name(before)} → {after}")
    if image_id is not None:
        console.line("")
        console.line(f"kept: {image_id}")
