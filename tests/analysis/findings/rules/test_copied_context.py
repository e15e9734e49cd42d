"""Unwanted files that a COPY takes from the build context, and the .dockerignore lines that exclude them."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import Member, directory, file

RULE = "copied-context"
COPY = "COPY . /app # buildkit"
MAIN = file("app/main.js", b"m" * 9)


def copied(*names: str, size: int = 20_000) -> list[Member]:
    """Files with these names in the application's directory."""
    return [MAIN, *(file(f"app/{name}", name.encode() * size) for name in names)]


def test_a_history_is_claimed_with_its_exact_bytes() -> None:
    """All files below are claimed, largest first; the fix has a line for each kind, and the user's COPY."""
    members = [MAIN, directory("app/.git"), file("app/.git/pack", b"p" * 5000)]
    members += [file("app/.idea/workspace.xml", b"i" * 7000)]
    opened = opened_of([(COPY, members)], RULE, 0)
    (finding,) = [found for found in findings_of(opened).found if found.rule == RULE]
    assert (finding.bytes, finding.layers) == (12_000, (0,))
    assert finding.title == "From the build context: .git, .idea"
    assert paths_of(opened, finding) == ["app/.idea/workspace.xml", "app/.git/pack"]
    assert finding.fix == (
        "# in .dockerignore:\n**/.git\n**/.idea\n# so that this does not copy it:\nCOPY . /app"
    )


@pytest.mark.parametrize(
    ("name", "top", "install"),
    [
        ("node_modules/a/index.js", "node_modules", "npm ci --omit=dev"),
        (".venv/lib/x.py", ".venv", "pip install -r requirements.txt"),
        ("venv/bin/python", "venv", "pip install -r requirements.txt"),
    ],
)
def test_packages_that_an_application_needs_have_no_saving(
    name: str, top: str, install: str
) -> None:
    """They should be installed in the image: a note with their size, next to the findings about unneeded files."""
    opened = opened_of([(COPY, copied(name, ".git/pack"))], RULE, 0)
    note, claimed = sorted(
        (found for found in findings_of(opened).found if found.rule == RULE),
        key=lambda found: found.severity,
    )
    size = f"{20 * len(name)} kB"
    assert (
        note.title == f"From the build context: {top} ({size}, and about the same once installed)"
    )
    assert (note.severity, note.confidence, note.bytes) == ("note", "low", 0)
    assert note.fix.endswith(f"\nCOPY . /app\nRUN {install}")
    assert f"**/{top}\n" in note.fix
    assert findings_of(opened).saving() == claimed.bytes == 20_000 * len(".git/pack")


def test_packages_of_two_languages_are_installed_by_a_command_each() -> None:
    """They are one note; one command fills both kinds of Python directories."""
    opened = opened_of([(COPY, copied("node_modules/a.js", ".venv/x.py", "venv/y.py"))], RULE, 0)
    (note,) = [found for found in findings_of(opened).found if found.rule == RULE]
    assert note.fix.endswith(
        "\nCOPY . /app\nRUN npm ci --omit=dev\nRUN pip install -r requirements.txt"
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (".idea/workspace.xml", ".idea"),
        (".vscode/settings.json", ".vscode"),
        ("pkg/__pycache__/x.pyc", "__pycache__"),
        ("docs/.DS_Store", ".DS_Store"),
        (".main.js.swp", "*.swp"),
    ],
)
def test_each_kind_has_its_line(name: str, line: str) -> None:
    """The fix has exactly one line per kind that was found."""
    (finding,) = findings_by([(COPY, copied(name))], RULE)
    assert finding.fix.split("\n")[1:-2] == [f"**/{line}"]


def test_env_files_are_reported_at_any_size() -> None:
    """`.env` may contain secrets, unlike a tiny `.DS_Store`."""
    (finding,) = findings_by([(COPY, copied(".env", size=3))], RULE, None)
    assert (finding.bytes, finding.severity) == (12, "warning")
    assert findings_by([(COPY, copied(".DS_Store", size=3))], RULE, None) == []


def test_the_reader_decides_whether_env_files_are_read() -> None:
    """Other names beside it go into .dockerignore."""
    members = [*copied(".env"), *copied(".git")]
    found = {one.title: one for one in findings_by([(COPY, members)], RULE)}
    assert not found["From the build context: .env"].edits
    assert "# unless the application reads it" in found["From the build context: .env"].fix
    edits = found["From the build context: .git"].edits
    assert [edit.text for edit in edits] == ["**/.git"]


def test_a_later_chown_does_not_hide_the_copy() -> None:
    """The finding names the COPY, not the chown."""
    members = [MAIN, file("app/.git/pack", b"p" * 5000)]
    chowned = [file("app/.git/pack", b"p" * 5000, uid=7)]
    (finding,) = findings_by([(COPY, members), ("RUN /bin/sh -c chown -R 7 /app", chowned)], RULE)
    assert (finding.bytes, finding.steps) == (5000, (0,))


@pytest.mark.parametrize(
    "command",
    [
        "RUN /bin/sh -c npm ci # buildkit",
        "COPY /app/node_modules /app/node_modules # buildkit",
        "COPY --from=build /app /app",
        "COPY node_modules /app/node_modules # buildkit",
        f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ",
    ],
)
def test_installed_staged_and_named_files_are_not_reported(command: str) -> None:
    """Near misses are a RUN, another stage, a COPY that names the file, and a root filesystem."""
    assert findings_by([(command, copied("node_modules/x.js"))], RULE) == []


def test_caches_of_installed_packages_are_not_reported() -> None:
    """Near misses are `__pycache__` where Python is installed, and names that only start alike."""
    names = ("lib/site-packages/x/__pycache__/x.pyc", ".gitignore", "venv.txt", "my-node_modules/x")
    assert findings_by([(COPY, copied(*names))], RULE) == []
