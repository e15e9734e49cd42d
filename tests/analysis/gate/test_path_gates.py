"""Forbidden and allowed paths."""

from __future__ import annotations

from layerscope.analysis.gate.verdict import Outcome
from tests.analysis.gate.gating import STEPS, only_check, outcome, run_gate
from tests.images import directory, file, hardlink, symlink, whiteout


def test_a_forbidden_path_fails_though_it_was_deleted_later() -> None:
    """It is still in a layer that everyone pulls, and the check names the step that stored it."""
    check = only_check(run_gate(STEPS, {"forbidden-paths": "/gone"}), "forbidden-paths")
    (offender,) = check.offenders
    assert check.outcome is Outcome.FAIL
    assert (offender.path, offender.bytes, offender.layer) == ("/gone", 200, 1)
    assert offender.note == "deleted in layer 2, still stored"


def test_a_path_is_an_offender_once() -> None:
    """The number of layers with it does not matter."""
    assert only_check(run_gate(STEPS, {"forbidden-paths": ["twice"]}), "forbidden-paths").value == 1


def test_a_forbidden_directory_includes_its_contents() -> None:
    """It is one offender, not ten thousand."""
    steps = [("RUN a", [directory("app/.git"), file("app/.git/a", b"1"), file("app/.git/b", b"2")])]
    check = only_check(run_gate(steps, {"forbidden-paths": [".git", "b"]}), "forbidden-paths")
    assert [one.path for one in check.offenders] == ["/app/.git", "/app/.git/b"]


def test_an_image_without_forbidden_paths_passes() -> None:
    """Neither a whiteout nor the missing target of a link is a path of the image."""
    assert outcome({"forbidden-paths": ["*.pem"]}) is Outcome.PASS
    steps = [("RUN a", [whiteout("x.pem"), hardlink("link", "y.pem")])]
    assert outcome({"forbidden-paths": ["*.pem"]}, steps) is Outcome.PASS


def test_steps_after_the_base_may_write_only_where_it_is_allowed() -> None:
    """Directories and files of the base image do not count."""
    values = {"allowed-paths": ["/app", "twice"]}
    check = only_check(run_gate(STEPS, values), "allowed-paths")
    assert [one.path for one in check.offenders] == ["/gone"]
    assert outcome({"allowed-paths": ["/app", "twice", "/gone"]}) is Outcome.PASS


def test_symlinks_must_be_allowed_too() -> None:
    """They count like files."""
    steps = [*STEPS, ("RUN x", [symlink("bin", "/app"), directory("var")])]
    check = only_check(
        run_gate(steps, {"allowed-paths": ["/app", "twice", "gone"]}), "allowed-paths"
    )
    assert [one.path for one in check.offenders] == ["/bin"]
