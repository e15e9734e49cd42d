"""The notes of a fix: comments that its diff does not show."""

from __future__ import annotations

import pytest

from layerscope.analysis.findings.edits import notes


@pytest.mark.parametrize(
    ("fix", "difference", "kept"),
    [
        ("RUN a \\\n    && b", "-RUN a\n+RUN a \\\n+    && b", []),
        (
            "COPY --chown=1:1 . /a\n# in place of layer 6:\n# RUN chown -R 1:1 /a",
            "-COPY . /a\n-RUN chown -R 1:1 /a\n+COPY --chown=1:1 . /a",
            [],
        ),
        (
            "# needs `# syntax=docker/dockerfile:1.14`\nCOPY --chmod=a+X . /a",
            "-COPY . /a\n+COPY --chmod=a+X . /a",
            ["# needs `# syntax=docker/dockerfile:1.14`"],
        ),
        (
            "# in .dockerignore:\n.git\n# so that this does not copy it:\nCOPY . /a",
            "# in .dockerignore:\n+.git",
            [],
        ),
        ("RUN a \\\n# mine\n && b\n# theirs", "-RUN a\n+RUN a && b", ["# theirs"]),
        ("RUN <<EOF\n# mine\nEOF\n# theirs", "+a", ["# theirs"]),
        ("RUN a <<<EOF\n# theirs", "+a", ["# theirs"]),
        (
            "# one RUN for layers 4, 5\n# note: ENV A=b has to come before what needs it\nRUN a",
            "+RUN a",
            ["# note: ENV A=b has to come before what needs it"],
        ),
    ],
)
def test_notes_are_comments_that_the_diff_does_not_show(
    fix: str, difference: str, kept: list[str]
) -> None:
    """Removed instructions, places, and comments in the author's scripts are not notes."""
    assert notes(fix, difference) == kept
