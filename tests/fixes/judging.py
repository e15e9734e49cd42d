"""Finds what a report advises for an entry of the corpus, and what is wrong with it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Options, open_image
from layerscope.report import json as json_report
from layerscope.report.options import ReportOptions
from layerscope.sources import Request
from tests.fixes.checks import Runner, faults
from tests.fixes.dockerfile import Instruction, read, without_ignored
from tests.fixes.entry import Entry
from tests.images import write

MODES = ("history", "dockerfile")
"""Whether the report knows the image alone, or its Dockerfile, too."""

_HADOLINT = Path(sys.executable).with_name("hadolint")


@dataclass(frozen=True)
class Advice:
    """One fix, and what is wrong with it."""

    rule: str
    fix: str
    unreadable: tuple[str, ...]
    """Why it is no Dockerfile, or its commands no shell's."""
    different: tuple[str, ...]
    """What it does otherwise than the original."""


def advice(entry: Entry, mode: str, runner: Runner) -> list[Advice]:
    """What the report advises."""
    dockerfile = (
        parse_dockerfile(entry.text.encode(), "Dockerfile") if mode == "dockerfile" else None
    )
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "image.tar", entry.archive())
        opened = open_image(Request(str(path)), Options(rules={}, dockerfile=dockerfile))
        stream = io.BytesIO()
        json_report.write(opened, stream, ReportOptions())
    findings = [found for found in json.loads(stream.getvalue())["findings"] if found["fix"]]
    escape = entry.escape if mode == "dockerfile" else "\\"
    texts = [without_ignored(found["fix"])[0] for found in findings]
    rejected = _rejected(texts, escape)
    return [
        _judged(entry, runner, found, text, escape, said, mode)
        for found, text, said in zip(findings, texts, rejected, strict=True)
    ]


def _judged(
    entry: Entry,
    runner: Runner,
    finding: dict[str, Any],
    text: str,
    escape: str,
    rejected: list[str],
    mode: str,
) -> Advice:
    fix, rule = finding["fix"], finding["rule"]
    unreadable, different = list(rejected), []
    try:
        instructions = _in_place(entry, finding["steps"], text, escape)
    except ValueError as error:
        return Advice(rule, fix, (*unreadable, str(error)), ())
    unreadable += [said for each in instructions for said in _shell_faults(each)]
    unreadable += [
        f"{each.name} has a blank to fill in" for each in instructions if "…" in each.text
    ]
    if not unreadable:
        different += faults(runner, entry, rule, finding["steps"], finding["paths"], instructions)
        different += _copy_faults(entry, instructions) if mode == "dockerfile" else []
    if rule == entry.rule:
        if entry.never and re.search(entry.never, fix):
            different.append(f"contains {entry.never}")
        if mode == "dockerfile" and entry.always and not re.search(entry.always, fix):
            different.append(f"does not contain {entry.always}")
        ignored = without_ignored(fix)[1]
        if mode == "dockerfile" and entry.ignored is not None and set(ignored) != entry.ignored:
            different.append(f"ignores {sorted(ignored)}")
    return Advice(rule, fix, tuple(unreadable), tuple(different))


def _in_place(entry: Entry, steps: Sequence[int], text: str, escape: str) -> list[Instruction]:
    """The instructions of a fix, run where the first step that they replace was run."""
    every = entry.steps()
    first = min((n for n in steps if every[n] is not None), default=len(every))
    before = [each for each in every[:first] if each is not None]
    lines = [
        f"{each.name} {each.text}"
        for each in before
        if each.name in ("SHELL", "USER", "WORKDIR", "ENV", "ARG")
    ]
    found = read("\n".join((*lines, text)), escape)
    return found[len(lines) :]


def _rejected(texts: Sequence[str], escape: str) -> list[list[str]]:
    """What hadolint says of each text if it cannot read it as a Dockerfile."""
    if not texts:
        return []
    directive = "" if escape == "\\" else f"# escape={escape}\n"
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            write(
                Path(folder) / str(number),
                f"{directive}FROM x\n{text}\n".encode(errors="surrogateescape"),
            )
            for number, text in enumerate(texts)
        ]
        said = subprocess.run(
            [_HADOLINT, "--no-fail", "-f", "json", *paths],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    fatal: list[list[str]] = [[] for _ in texts]
    for each in json.loads(said):
        if each["code"] == "DL1000":
            fatal[int(Path(each["file"]).name)].append(
                f"line {each['line'] - 1}: {each['message']}"
            )
    return fatal


def _shell_faults(instruction: Instruction) -> list[str]:
    """What the shell says of the text that it is given."""
    if instruction.name != "RUN" or instruction.words is not None:
        return []
    shell = instruction.shell[0].rpartition("/")[2]
    script = instruction.script
    if instruction.is_script:
        shell = (
            "bash"
            if re.match(r"#!.*\bbash", script)
            else "sh"
            if re.match(r"#!.*\bsh", script)
            else ""
        )
    if shell not in ("sh", "bash", "ash", "dash"):
        return []
    done = subprocess.run(
        ["bash" if shell in ("bash", "ash") else "sh", "-n", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    return [done.stderr.strip()] if done.returncode else []


def _copy_faults(entry: Entry, instructions: Sequence[Instruction]) -> list[str]:
    """Flags and names that a COPY lost."""
    wrong = []
    for each in instructions:
        if each.name not in ("COPY", "ADD"):
            continue
        for before in entry.instructions:
            if before.name == each.name and (before.words or before.text) == (
                each.words or each.text
            ):
                lost = {_flag(flag) for flag in before.flags} - {_flag(flag) for flag in each.flags}
                wrong += [f"{each.name} loses {flag}" for flag in sorted(lost)]
    return wrong


def _flag(flag: str) -> str:
    return flag.partition("=")[0]
