"""Lines of text reports."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.report.console import Console, Part


def written(*parts: Part | str, color: bool = False) -> str:
    """The output of one line."""
    stream = io.BytesIO()
    console = Console(stream, 80, color=color)
    console.line(*parts)
    console.flush()
    return stream.getvalue().decode().removesuffix("\n")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::stop-commands::x", ": :stop-commands::x"),
        ("   ::error file=a::b", "   : :error file=a::b"),
        ("RUN a::b ::c", "RUN a::b ::c"),
        ("a ##[error]b", "a # #[error]b"),
        ("a ##vso[task.setvariable]b", "a # #vso[task.setvariable]b"),
        ("##teamcity[x]", "# #teamcity[x]"),
        ("### a [b]", "### a [b]"),
        ("## a", "## a"),
    ],
)
def test_no_line_is_a_command_for_a_ci_service(line: str, shown: str) -> None:
    """GitHub, Azure and TeamCity execute commands in lines of a log."""
    assert written(line) == shown
    assert written("  ", (line, "bold")).strip() == shown.strip()


@given(st.lists(st.text(alphabet=":#[a ", max_size=6), max_size=4))
def test_split_texts_never_form_a_command(parts: list[str]) -> None:
    """This holds however the parts of a line are split."""
    line = written(*parts)
    assert not line.lstrip().startswith("::")
