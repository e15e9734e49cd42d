"""Opens images for Python programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike, fspath
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.image.dockerfile import read_dockerfile
from layerscope.image.platform import Platform
from layerscope.layers.store import Store
from layerscope.layers.user_store import user_store
from layerscope.limits import parse_limits
from layerscope.opening.open import open_image
from layerscope.opening.options import Options
from layerscope.progress import NullProgress
from layerscope.python.image import Image
from layerscope.settings import SEVERITIES, RuleChoice
from layerscope.sources.base import Request

Reporter = Callable[[str, int, int | None], object]
"""Called from any thread with the stage, how much of it is done, and its size in bytes or items; None if unknown."""


def open(  # noqa: A001  # called `layerscope.open`
    reference: str | PathLike[str],
    *,
    image: str | None = None,
    platform: str | None = None,
    store_root: str | PathLike[str] | None = None,
    pull: bool = False,
    max_download: int | None = None,
    verify: bool = False,
    duplicates: bool = True,
    findings: bool = True,
    rules: Mapping[str, str | bool] | None = None,
    dockerfile: str | PathLike[str] | None = None,
    cache: bool | str | PathLike[str] = True,
    limits: Mapping[str, int] | None = None,
    progress: Reporter | None = None,
) -> Image:
    """Open an image: a file, a folder, or a name in an engine, a store or a registry, as on the command line.

    `image` selects one of an archive with several, `platform` one of a multi-platform image (`linux/arm64`). `store_root` is the
    folder of a store, `pull` has an engine fetch an image that is not found locally, `max_download` limits the bytes of layers
    fetched from a registry; registries are used only for `registry://NAME`. `verify` checks the digests of all layers, whatever their
    size. Without `duplicates` and `findings`, opening is faster; `rules` turns rules off or changes their severity
    (`{"apt-lists": "off"}`, or False). `dockerfile` is the image's. `cache` is True for the user's cache, False for none, or a folder.
    `limits` raises safety limits. An image with damaged layers opens: see `Image.damages`.

    Raises `LayerscopeError`: its text says what is wrong, `hint` what to do.
    """
    assignments = tuple(f"{name}={number}" for name, number in (limits or {}).items())
    request = Request(
        reference=fspath(reference),
        image=image,
        platform=None if platform is None else Platform.parse(platform),
        limits=parse_limits(assignments),
        progress=NullProgress() if progress is None else _CallbackProgress(progress),
        store_root=None if store_root is None else Path(store_root),
        pull=pull,
        remote="never",
        max_download=max_download,
        cache=_store(cache),
    )
    options = Options(
        verify=verify,
        duplicates=duplicates,
        rules=_choices(rules) if findings else None,
        dockerfile=None if dockerfile is None else read_dockerfile(Path(dockerfile)),
        cache=request.cache,
    )
    return Image(open_image(request, options))


class _CallbackProgress(NullProgress):
    """Passes progress to a callback."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._stage = ""
        self._total: int | None = None
        self._done = 0

    def stage(self, name: str, total: int | None = None) -> None:
        self._stage, self._total, self._done = name, total, 0
        self._report(name, 0, total)

    def advance(self, done: int) -> None:
        self._done += done
        self._report(self._stage, self._done, self._total)


def _store(cache: bool | str | PathLike[str]) -> Store | None:
    if cache is False:
        return None
    return user_store() if cache is True else Store(Path(cache))


def _choices(rules: Mapping[str, str | bool] | None) -> dict[str, RuleChoice]:
    """Settings of rules. Raises `UsageError` for an unknown rule or severity."""
    from layerscope.analysis.findings.rules import check_rules

    severities = rules or {}
    check_rules(list(severities), lambda name: f"rules[{name!r}]")
    for name, severity in severities.items():
        if severity is not False and severity not in (*SEVERITIES, "off"):
            raise UsageError(
                f"rules[{name!r}]: unknown severity {severity!r}",
                hint=f"expected one of: {', '.join(SEVERITIES)}, off",
            )
    return {
        name: RuleChoice(severity=severity)
        if isinstance(severity, str) and severity != "off"
        else RuleChoice(enabled=False)
        for name, severity in severities.items()
    }
