"""Collects the fixes that a report gives for an entry of the corpus, and the faults of each."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from layerscope.image.dockerfile import read_dockerfile
from layerscope.opening.open import Opened, Options, open_image
from layerscope.report import json as json_report
from layerscope.report.options import ReportOptions
from layerscope.report.patch import patch_of
from layerscope.sources import Request
from tests.fixes.checks import Runner, faults, patch_faults
from tests.fixes.dockerfile import Instruction, for_hadolint, last_stage, read, without_ignored
from tests.fixes.entry import Entry
from tests.images import write

_HADOLINT = Path(sys.executable).with_name("hadolint")


@dataclass(frozen=True)
class Advice:
    """One fix and its faults."""

    rule: str
    fix: str
    unreadable: tuple[str, ...]
    """Why it is not a valid Dockerfile, or has invalid scripts."""
    different: tuple[str, ...]
    """How its effect differs from that of the original."""


def advice(entry: Entry, runner: Runner) -> dict[str, list[Advice]]:
    """The judged fixes by mode: of a report without a Dockerfile, of a report with it, and of the patched Dockerfile, with the
    fix of each finding and with all.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = write(Path(folder) / "image.tar", entry.archive())
        path = write(Path(folder) / "Dockerfile", entry.text.encode())
        alone, written = _opened(image, None), _opened(image, path)
        drafts = [
            *(("history", draft) for draft in _report_drafts(alone, "\\")),
            *(("dockerfile", draft) for draft in _report_drafts(written, entry.escape)),
            *(("patch", draft) for draft in _patch_drafts(written)),
        ]
    judged: dict[str, list[Advice]] = {"history": [], "dockerfile": [], "patch": []}
    rejected = _hadolint_errors(entry, [draft.dockerfile for _, draft in drafts])
    for (mode, draft), errors in zip(drafts, rejected, strict=True):
        judged[mode].append(_judge(entry, runner, mode, draft, errors))
    return judged


@dataclass(frozen=True)
class _Draft:
    """A fix that is not judged yet."""

    claims: list[tuple[str, list[str]]]
    """Rules and paths of the fixed findings."""
    fix: str
    dockerfile: str
    """The fix as a whole Dockerfile."""
    steps: list[int] | None
    """The steps that it replaces; None for all."""


def _opened(image: Path, dockerfile: Path | None) -> Opened:
    written = None if dockerfile is None else read_dockerfile(dockerfile)
    return open_image(Request(str(image)), Options(rules={}, dockerfile=written))


def _report_drafts(opened: Opened, escape: str) -> Iterator[_Draft]:
    """The fixes of the JSON report."""
    stream = io.BytesIO()
    json_report.write(opened, stream, ReportOptions())
    directive = "" if escape == "\\" else f"# escape={escape}\n"
    for finding in json.loads(stream.getvalue())["findings"]:
        if finding["fix"]:
            text, _ = without_ignored(finding["fix"])
            dockerfile = f"{directive}FROM x\n{text}\n"
            yield _Draft(
                [(finding["rule"], finding["paths"])], finding["fix"], dockerfile, finding["steps"]
            )


def _patch_drafts(opened: Opened) -> Iterator[_Draft]:
    """The Dockerfile with the fix of each finding alone, and with all fixes."""
    assert opened.findings is not None
    findings, table = opened.findings.found, opened.filesystem.table
    chosen = [[number] for number in range(len(findings))]
    chosen += [list(range(len(findings)))] if len(findings) > 1 else []
    for numbers in chosen:
        patch = patch_of(opened, numbers)
        if patch.plan.steps:
            claims = [
                (findings[n].rule, [name.decode() for name in table.full_paths(findings[n].paths)])
                for n in patch.plan.applied
            ]
            text = patch.files[0].new
            yield _Draft(claims, text, text, None)


def _judge(
    entry: Entry, runner: Runner, mode: str, draft: _Draft, rejected: Sequence[str]
) -> Advice:
    rule = " ".join(rule for rule, _ in draft.claims)
    escape = "\\" if mode == "history" else entry.escape
    unreadable, different = list(rejected), list[str]()
    try:
        if draft.steps is None:
            instructions = last_stage(read(draft.dockerfile, escape))
        else:
            instructions = _at_first_step(entry, draft.steps, without_ignored(draft.fix)[0], escape)
    except ValueError as error:
        return Advice(rule, draft.fix, (*unreadable, str(error)), ())
    unreadable += [message for each in instructions for message in _shell_faults(each)]
    unreadable += [
        f"{each.name} has a blank to fill in" for each in instructions if "…" in each.text
    ]
    if unreadable:
        return Advice(rule, draft.fix, tuple(unreadable), ())
    if draft.steps is None:
        different += patch_faults(runner, entry, draft.claims, instructions)
    else:
        different += faults(runner, entry, rule, draft.steps, draft.claims[0][1], instructions)
    if mode != "history":
        different += _copy_faults(entry, instructions)
    if mode == "dockerfile" and rule == entry.rule:
        different += _text_faults(entry, draft.fix)
    return Advice(rule, draft.fix, (), tuple(different))


def _text_faults(entry: Entry, fix: str) -> Iterator[str]:
    """Differences between the text of a fix and what the entry expects."""
    if entry.never and re.search(entry.never, fix):
        yield f"contains {entry.never}"
    if entry.always and not re.search(entry.always, fix):
        yield f"does not contain {entry.always}"
    ignored = without_ignored(fix)[1]
    if entry.ignored is not None and {*ignored} != entry.ignored:
        yield f"ignores {sorted(ignored)}"


def _at_first_step(entry: Entry, steps: Sequence[int], text: str, escape: str) -> list[Instruction]:
    """The instructions of a fix, with the settings of the first step that they replace."""
    all_steps = entry.steps()
    first = min((n for n in steps if all_steps[n] is not None), default=len(all_steps))
    before = [each for each in all_steps[:first] if each is not None]
    lines = [
        f"{each.name} {each.text}"
        for each in before
        if each.name in ("SHELL", "USER", "WORKDIR", "ENV", "ARG")
    ]
    instructions = read("\n".join((*lines, text)), escape)
    return instructions[len(lines) :]


def _hadolint_errors(entry: Entry, texts: Sequence[str]) -> list[list[str]]:
    """The errors of hadolint for each Dockerfile that it cannot read; none if it cannot read the original, because it does not
    know all here-documents.
    """
    if not texts:
        return []
    distinct = [*dict.fromkeys([*texts, entry.text])]
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            write(Path(folder) / str(number), for_hadolint(text).encode(errors="surrogateescape"))
            for number, text in enumerate(distinct)
        ]
        command: list[str | Path] = [_HADOLINT, "--no-fail", "-f", "json", *paths]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    fatal: dict[str, list[str]] = {text: [] for text in distinct}
    for each in json.loads(output):
        if each["code"] == "DL1000":
            message = f"line {each['line'] - 2}: {each['message']}"
            fatal[distinct[int(Path(each["file"]).name)]].append(message)
    return [[] if fatal[entry.text] else fatal[text] for text in texts]


def _shell_faults(instruction: Instruction) -> list[str]:
    """The syntax errors that the shell reports for a script."""
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
    return _syntax_errors("bash" if shell in ("bash", "ash") else "sh", script)


@cache
def _syntax_errors(shell: str, script: str) -> list[str]:
    """What a shell reports for a script that it cannot parse; fixes often share a script."""
    result = subprocess.run(
        [shell, "-n", "-c", script], capture_output=True, text=True, check=False
    )
    return [result.stderr.strip()] if result.returncode else []


def _copy_faults(entry: Entry, instructions: Sequence[Instruction]) -> list[str]:
    """Flags that a COPY lost."""
    wrong = []
    for each in instructions:
        if each.name not in ("COPY", "ADD"):
            continue
        for before in entry.instructions:
            if before.name == each.name and (before.words or before.text) == (
                each.words or each.text
            ):
                lost = {_flag(flag) for flag in before.flags} - {_flag(flag) for flag in each.flags}
                if entry.rule == "git-directory":
                    lost -= {"--keep-git-dir"}  # what the finding is about
                wrong += [f"{each.name} loses {flag}" for flag in sorted(lost)]
    return wrong


def _flag(flag: str) -> str:
    return flag.partition("=")[0]
