"""GitHub Actions workflow commands: annotations, on the lines of the Dockerfile if one is given.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from layerscope.opening.opened import Opened
from layerscope.report.headline import figures_line
from layerscope.report.issues import Issue, dockerfile_path, issues_of
from layerscope.report.options import ReportOptions
from layerscope.text import safe_name
from layerscope.words import Severity

MAX_ANNOTATIONS = 10
"""Annotations per level that GitHub shows for a step; the rest are only counted."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write an annotation per finding, and a summary line."""
    write_issues(opened, issues_of(opened, binary=options.binary_sizes), stream)
    line(stream, f"{safe_name(opened.image.title)}: {figures_line(opened, options)}")


def write_issues(opened: Opened, issues: Sequence[Issue], stream: BinaryIO) -> None:
    """Write an annotation for each damaged part and each issue, as many as GitHub shows."""
    for damage in opened.damages()[:MAX_ANNOTATIONS]:
        command(stream, "error", {"title": "The image is damaged"}, safe_name(damage))
    write_list(opened, issues, stream)


def write_list(opened: Opened, issues: Sequence[Issue], stream: BinaryIO) -> None:
    """Write an annotation for each issue, as many of each level as GitHub shows."""
    path = dockerfile_path(opened)
    for level, name in _COMMANDS.items():
        of_level = [issue for issue in issues if issue.level is level]
        for issue in of_level[:MAX_ANNOTATIONS]:
            properties: dict[str, str] = {}
            if path is not None and issue.lines is not None:
                first, last = issue.lines
                properties = {"file": path, "line": str(first), "endLine": str(last)}
            properties["title"] = f"{issue.title} [{issue.rule}]"
            where = f"{issue.place}: " if issue.place else ""
            command(stream, name, properties, f"{where}{issue.details}")
        if len(of_level) > MAX_ANNOTATIONS:
            line(stream, f"… and {len(of_level) - MAX_ANNOTATIONS:,} more of level {name}, as GitHub shows no more than {MAX_ANNOTATIONS}")  # fmt: skip


def command(stream: BinaryIO, name: str, properties: dict[str, str], message: str) -> None:
    """Write a command; its texts are escaped so that they cannot start another one."""
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    stream.write(f"::{name} {listed}::{_data(message)}\n".encode(errors="backslashreplace"))


def line(stream: BinaryIO, text: str) -> None:
    """Write a log line that cannot be read as a command."""
    stream.write(f"layerscope: {_plain(text)}\n".encode(errors="backslashreplace"))


def _plain(text: str) -> str:
    return text.replace("##[", "#\\x23[")  # the older syntax of commands works anywhere in a line


def _data(text: str) -> str:
    return _plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(safe_name(text)).replace(":", "%3A").replace(",", "%2C")
