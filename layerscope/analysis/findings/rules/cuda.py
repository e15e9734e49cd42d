"""CUDA's libraries beside frameworks that cannot use them, and several copies of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.cuda_libraries import (
    SITES,
    Home,
    cpu_only_framework,
    find_cuda,
)
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import commented, instruction_text, run_and, shell_word
from layerscope.analysis.findings.known_paths import is_copy
from layerscope.analysis.findings.rule import Rule
from layerscope.filesystem.selector import Mask
from layerscope.text import safe_name
from layerscope.words import Confidence

_VERSION = re.compile(r"cuda-(\d{1,3})\.(\d{1,3})$")
_MAJOR = re.compile(rb"\.so\.(\d{1,3})")


def _unused(evidence: Evidence) -> Iterator[Claim]:
    cuda = evidence.once(find_cuda)
    framework = evidence.once(cpu_only_framework) if cuda.any else None
    if framework is None:
        return
    for home, files in cuda.homes.items():
        for group in evidence.by_layer(files):
            yield _claim(
                evidence,
                group,
                home,
                title=f"CUDA libraries that {framework} cannot use",
                reason=f"{framework} is built without CUDA, and nothing else in this image seems to use it",
            )


def _twice(evidence: Evidence) -> Iterator[Claim]:
    cuda = evidence.once(find_cuda)
    if not cuda.any or evidence.once(cpu_only_framework) is not None:
        return
    claimed = np.zeros(len(evidence.filesystem.table), bool)
    for home, other in _pairs():
        shared = np.zeros(len(claimed), bool)
        for files in cuda.families.values():
            if (files & cuda.homes[home]).any():
                shared |= files & cuda.homes[other]
        shared &= ~claimed
        claimed |= shared
        certain = other is Home.SYSTEM and not _has_own_programs(evidence)
        for group in evidence.by_layer(shared):
            yield _claim(
                evidence,
                group,
                other,
                title=f"CUDA libraries installed twice: those of the {other.value}, and those of {_ORIGINS[home]}",
                reason=f"the frameworks use those of {_ORIGINS[home]}",
                confidence=None if certain else Confidence.LOW,
            )
    for files, confidence in (
        (_older_toolkits(evidence), None),
        (_older_wheels(evidence, cuda.families, cuda.homes[Home.WHEELS]), Confidence.LOW),
    ):
        for group in evidence.by_layer(files & ~claimed):
            yield _claim(
                evidence,
                group,
                Home.WHEELS if confidence else Home.SYSTEM,
                title="An older version of CUDA libraries",
                reason="the image has a newer version of the same libraries",
                confidence=confidence,
            )


_ORIGINS = {
    Home.BUNDLED: "a framework",
    Home.WHEELS: "NVIDIA's wheels",
    Home.CONDA: "conda",
}


def _pairs() -> Iterator[tuple[Home, Home]]:
    """Pairs of origins: of the copies that frameworks use, and of the others."""
    order = list(Home)
    for other in reversed(order[1:]):
        for home in order[: order.index(other)]:
            yield home, other


def _has_own_programs(evidence: Evidence) -> bool:
    """Whether software other than Python packages seems to use CUDA."""
    elsewhere = evidence.selector.select(("site-packages", "dist-packages", "/usr/local/cuda*"))
    elsewhere |= evidence.selector.select(("libcuda.so*", "libcudart*"))
    return bool((evidence.live_under("*cuda*.so*", "libnvinfer*") & ~elsewhere).any())


def _older_toolkits(evidence: Evidence) -> Mask:
    """Files in /usr/local/cuda-X.Y for all versions but the highest, except the one that /usr/local/cuda points to."""
    versions: dict[tuple[int, int], int] = {}
    for path in evidence.selector.matches("/usr/local/cuda-*").tolist():
        match = _VERSION.search(evidence.name(path))
        end = int(evidence.filesystem.table.ends[path])
        if match and evidence.live_files[path:end].any():
            versions[int(match[1]), int(match[2])] = path
    older = [versions[version] for version in sorted(versions)[:-1]]
    unused = [path for path in older if not _is_chosen(evidence, evidence.name(path))]
    if len(unused) < len(older):
        return np.zeros(len(evidence.filesystem.table), bool)
    return evidence.selector.below(np.array(unused, np.int64)) & evidence.live_files


def _is_chosen(evidence: Evidence, name: str) -> bool:
    """Whether a link or a variable names a toolkit."""
    links = ("/usr/local/cuda", "/etc/alternatives/cuda")
    inodes = evidence.filesystem.inodes
    for link in links:
        for path in evidence.selector.matches(link).tolist():
            inode = int(evidence.live_inodes[path])
            if inode >= 0 and inodes.target(inode).decode(errors="replace").rstrip("/") == name:
                return True
    return any(name in pair for pair in evidence.image.config.env)


def _older_wheels(evidence: Evidence, families: dict[str, Mask], wheels: Mask) -> Mask:
    """Libraries of NVIDIA's wheels for which a newer major version of the same family is installed."""
    older = np.zeros(len(wheels), bool)
    for files in families.values():
        paths = np.flatnonzero(files & wheels)
        majors = [_MAJOR.search(evidence.filesystem.table.name(path)) for path in paths.tolist()]
        numbers = np.array([int(major[1]) if major else -1 for major in majors])
        if len(numbers):
            older[paths[(numbers >= 0) & (numbers < numbers.max())]] = True
    return older


def _claim(
    evidence: Evidence,
    group: Group,
    home: Home,
    *,
    title: str,
    reason: str,
    confidence: Confidence | None = None,
) -> Claim:
    return Claim(
        fix=_fix(evidence, group, home, reason),
        layers=(group.layer,),
        inodes=group.inodes,
        paths=group.paths,
        title=title,
        confidence=confidence,
    )


def _fix(evidence: Evidence, group: Group, home: Home, reason: str) -> str | Fix:
    """Uninstall the wheels, or use a base image without them."""
    step = evidence.step(group.layer)
    if home is Home.WHEELS and step.instruction == "RUN":
        names = _distributions(evidence, group)
        if names:
            words = " ".join(map(shell_word, names))
            return f"# {reason}: install without these\n" + run_and(
                evidence, step, f"pip uninstall -y {words}"
            )
    if is_copy(step) and not evidence.is_base(group.layer):
        return f"# {reason}: do not copy them\n{instruction_text(evidence, step)}"
    return f"# {reason}: use a base image without CUDA, or do not install it\n" + commented(
        instruction_text(evidence, step)
    )


def _distributions(evidence: Evidence, group: Group) -> list[str]:
    """The NVIDIA distributions that contain the files of a group, by their names in pip."""
    table = evidence.filesystem.table
    tops = np.concatenate([evidence.selector.matches(f"**/{site}/nvidia/*") for site in SITES])
    places = np.searchsorted(np.sort(group.paths), [tops, table.ends[tops]])
    parts = {
        table.name(top).decode(errors="replace").replace("_", "-")
        for top in tops[places[0] < places[1]].tolist()
    }
    names = set()
    for path in evidence.selector.matches("**/nvidia_*.dist-info").tolist():
        stem = table.name(path).removesuffix(b".dist-info").rpartition(b"-")[0]
        name = safe_name(stem.decode(errors="replace")).replace("_", "-")
        part = re.sub(r"-cu\d+$", "", name.removeprefix("nvidia-"))
        if evidence.live_inodes[path] >= 0 and part in parts:
            names.add(name)
    return sorted(names)


_WHY = "CUDA libraries take gigabytes."
RULES: tuple[Rule, ...] = (
    Rule(
        "cuda-unused",
        title="CUDA libraries that no framework uses",
        why=f"{_WHY} A framework built for CPUs never loads them.",
        finds="NVIDIA's wheels, and CUDA from the system or from conda, if the image has a framework that was built without CUDA (`torch` as `+cpu`, `onnxruntime`, `tensorflow-cpu`, `faiss-cpu`, `jax` …) and nothing else seems to use CUDA.",
        wrong="A program that loads CUDA under an unusual name is not recognized: accept the path, or turn the rule off.",
        find=_unused,
        confidence=Confidence.MEDIUM,
        min_bytes=1_000_000,
    ),
    Rule(
        "cuda-twice",
        title="CUDA libraries installed twice",
        why=f"{_WHY} Frameworks from PyPI bring their own or install NVIDIA's wheels, and do not use those of the system.",
        finds="CUDA libraries that are in the system and also in NVIDIA's wheels or a framework, and older versions of the same libraries.",
        wrong="Programs linked to the system's libraries need them: accept the path. If the image has such programs, it is a note of low confidence.",
        find=_twice,
        confidence=Confidence.MEDIUM,
        min_bytes=1_000_000,
    ),
)
