"""Files that a rebuilt image lost, and files that differ in it."""

from __future__ import annotations

from layerscope.analysis.compare.proof import prove
from layerscope.progress import NullProgress
from tests.analysis.findings.rule_images import opened_of
from tests.images import file

BASE = "/bin/sh -c #(nop) ADD file:aa in / "


def test_files_that_differ_in_every_build_are_not_listed() -> None:
    """These are bytecode and a copied Dockerfile; both are listed if they are missing."""
    names = ["app/Dockerfile", "app/x.py", "app/__pycache__/x.pyc", "app/gone.pyc"]
    old = opened_of([(BASE, [file(name, b"old" * 50) for name in names])])
    new = opened_of([(BASE, [file(name, b"new" * 50) for name in names[:-1]])])
    proof = prove(old, new, [], NullProgress(), patched=["Dockerfile"])
    assert proof.differing == ("/app/x.py",)
    assert proof.lost == ("/app/gone.pyc",)
    assert "/app/Dockerfile" in prove(old, new, [], NullProgress()).differing
