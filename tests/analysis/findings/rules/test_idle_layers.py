"""Layers that are empty or change nothing."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of
from tests.images import Member, directory, file

FIRST = ("COPY app /app # buildkit", [directory("app"), file("app/x", b"x" * 500)])


def test_a_layer_that_stores_the_same_again_is_reported_once() -> None:
    """Its bytes are those that it hides. The rule for content stored again claims the same bytes, which count once."""
    again = ("COPY app/x /app/ # buildkit", [file("app/x", b"x" * 500)])
    opened = opened_of([FIRST, again], "stored-again", 0)
    findings = findings_of(opened)
    assert {(found.rule, found.bytes, found.steps[0]) for found in findings.found} == {
        ("no-effect-layer", 500, 1),
        ("stored-again", 500, 1),
    }
    assert findings.saving() == 500
    (finding,) = [found for found in findings.found if found.rule == "no-effect-layer"]
    assert finding.title == "Layer 1 changes nothing"
    assert finding.fix.endswith("\n# COPY app/x /app/")


@pytest.mark.parametrize(
    ("command", "members"),
    [
        ("WORKDIR /app", [directory("app")]),
        ("RUN /bin/sh -c chown 5 /app # buildkit", [directory("app", uid=5)]),
        ("RUN /bin/sh -c make # buildkit", [file("app/y", b"")]),
        ("CMD []", None),
    ],
)
def test_layers_with_an_effect_and_workdirs_are_not_reported(
    command: str, members: list[Member] | None
) -> None:
    """Near misses are changed attributes, new files, steps without a layer, and WORKDIR of an existing directory."""
    assert findings_by([FIRST, (command, members)], "no-effect-layer", None) == []


def test_a_run_without_effect_is_reported() -> None:
    """The fix has the intended instruction, if it can be known."""
    for command, fix in (
        ("cd /app", "WORKDIR /app"),
        ("export A=1", "ENV A=1"),
        (
            "service x start",
            "# leave it out, unless it only checks something:\n# RUN service x start",
        ),
    ):
        (finding,) = findings_by([FIRST, (f"/bin/sh -c {command}", [])], "empty-layer", None)
        assert (finding.bytes, finding.steps, finding.severity) == (0, (1,), "note")
        assert finding.fix == fix


def test_empty_layers_of_other_steps_are_not_reported() -> None:
    """Clean images have them: WORKDIR, an empty COPY, steps of the base image, and RUNs that store something."""
    for step in (
        ("WORKDIR /app", []),
        ("COPY empty/ /app/ # buildkit", []),
        ("/bin/sh -c make", [file("app/y", b"y")]),
    ):
        assert findings_by([FIRST, step], "empty-layer", None) == []
    base = [("/bin/sh -c true", []), FIRST, ('CMD ["sh"]', None), FIRST]
    assert findings_by(base, "empty-layer", None) == []
