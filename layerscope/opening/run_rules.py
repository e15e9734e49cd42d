"""Runs the rules on an opened image, or reads their findings from the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from layerscope.analysis.cache import ImageCache
from layerscope.image.base import BASE_NAME, guess_base
from layerscope.image.model import Image
from layerscope.progress import Progress
from layerscope.settings import RuleChoice
from layerscope.text import uses_binary_sizes

if TYPE_CHECKING:
    from layerscope.analysis.evidence import Evidence
    from layerscope.analysis.findings.finding import Findings
    from layerscope.analysis.findings.layer_scans import LayerScans
    from layerscope.analysis.findings.patching import Patcher
    from layerscope.analysis.findings.runs import Runs
    from layerscope.opening.opened import Opened


def key_words(
    opened: Opened, choices: Mapping[str, RuleChoice] | None, base_steps: int | None
) -> list[str]:
    """Everything besides the layers that determines the findings of an image, for the key of `ImageCache.findings`."""
    return _key_words(opened, *rule_view(opened, base_steps), choices)


def _key_words(
    opened: Opened, image: Image, base: int, choices: Mapping[str, RuleChoice] | None
) -> list[str]:
    text = "" if opened.dockerfile_lines is None else opened.dockerfile_lines.dockerfile.text
    return [_digest_of(image, base, choices or {}, opened.duplicates is None, text)]


def rule_view(opened: Opened, base_steps: int | None = None) -> tuple[Image, int]:
    """The image as rules see it, and the number of steps in its base image."""
    image, lines, base = opened.image, opened.dockerfile_lines, base_steps
    if base is None and lines is not None:
        base = lines.base_steps
    if base is None:
        guess = guess_base(image)
        base = 0 if guess is None else guess.steps
    if lines is not None:
        image = replace(image, steps=lines.as_written(image.steps))
    return image, base


def base_steps_of(opened: Opened) -> int:
    """The number of steps in the base image, from the Dockerfile if the image was built from it, otherwise estimated."""
    return rule_view(without_other_dockerfile(opened))[1]


def without_other_dockerfile(opened: Opened) -> Opened:
    """An image without the Dockerfile if it was not built from it."""
    if opened.dockerfile_lines is None or opened.dockerfile_lines.mismatch() is None:
        return opened
    return replace(opened, dockerfile_lines=None)


def patcher_of(opened: Opened, base_steps: int | None = None) -> Patcher:
    """The patcher that writes fixes for an image's findings into its Dockerfile."""
    return _patcher(opened, *rule_view(opened, base_steps))


def _patcher(opened: Opened, image: Image, base: int, runs: Runs | None = None) -> Patcher:
    from layerscope.analysis.findings.patching import Patcher

    guess = guess_base(image)
    name = image.annotations.get(BASE_NAME) or (None if guess is None else guess.name)
    return Patcher(image.steps, opened.dockerfile_lines, base, name, runs)


def evidence_of(opened: Opened, image: Image, base_steps: int, progress: Progress) -> Evidence:
    """The input of rules; `image` and `base_steps` are those of `rule_view`."""
    from layerscope.analysis.evidence import Evidence

    return Evidence(
        image,
        opened.filesystem,
        opened.contents,
        opened.accounting,
        opened.duplicates,
        base_steps,
        {} if opened.dockerfile_lines is None else opened.dockerfile_lines.instructions,
        "\\" if opened.dockerfile_lines is None else opened.dockerfile_lines.dockerfile.escape,
        progress,
    )


def load_rules() -> None:
    """Import the rules, which takes a while: best done while layers arrive."""
    from layerscope.analysis.findings import patching, run_rules  # noqa: F401


def find_findings(
    opened: Opened,
    progress: Progress,
    choices: Mapping[str, RuleChoice] | None = None,
    cache: ImageCache | None = None,
    scans: LayerScans | None = None,
    *,
    base_steps: int | None = None,
) -> Findings:
    """The findings of the rules. Results of reading files are stored in `cache`; `scans` holds what was found while the layers
    were read. If `base_steps` is None, the base image comes from the Dockerfile, or is estimated. Raises `CancelledError`.
    """
    image, base = rule_view(opened, base_steps)
    words = _key_words(opened, image, base, choices)
    cached = None if cache is None else cache.findings(words, opened.filesystem)
    if cached is not None:
        return cached
    from layerscope.analysis.findings.fixes import runs_of
    from layerscope.analysis.findings.run_rules import run_rules, scan_image

    evidence = evidence_of(opened, image, base, progress)
    scan_image(evidence, scans, cache)
    findings = run_rules(evidence, choices)
    patcher = _patcher(opened, image, base, evidence.once(runs_of))
    with_differences = [replace(one, difference=patcher.difference(one)) for one in findings.found]
    findings = replace(findings, found=tuple(with_differences))
    if cache is not None:
        cache.keep_findings(findings, words, opened.filesystem)
    return findings


def _digest_of(
    image: Image, base: int, choices: Mapping[str, RuleChoice], no_duplicates: bool, dockerfile: str
) -> str:
    """A digest of all input of the rules except the contents of layers."""
    config = image.config
    inputs = (
        [
            (step.layer, step.instruction, step.arguments, step.build_args, step.created_by)
            for step in image.steps
        ],
        [(layer.step, layer.repeat_of) for layer in image.layers],
        (config.env, config.entrypoint, config.cmd, config.user, config.working_dir),
        sorted(config.labels.items()),
        [hashlib.sha256(sbom).hexdigest() for sbom in image.beside.sboms],
        (base, no_duplicates, sorted(choices.items()), dockerfile),
        *(("binary",) if uses_binary_sizes() else ()),  # some titles contain sizes
    )
    return hashlib.sha256(repr(inputs).encode(errors="surrogatepass")).hexdigest()
