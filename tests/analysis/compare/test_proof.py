"""What a rebuilt image lost, and what differs in it."""

from __future__ import annotations

from layerscope.analysis.compare.proof import prove
from layerscope.progress import NullProgress
from tests.analysis.findings.rule_images import opened_of
from tests.images import file

BASE = "/bin/sh -c #(nop) ADD file:aa in / "


def test_what_differs_in_every_build_is_not_listed() -> None:
    """Bytecode, and the Dockerfile that a COPY brings; both are missed where they are gone."""
    names = ["app/Dockerfile", "app/x.py", "app/__pycache__/x.pyc", "app/gone.pyc"]
    old = opened_of([(BASE, [file(name, b"old" * 50) for name in names])])
    new = opened_of([(BASE, [file(name, b"new" * 50) for name in names[:-1]])])
    proof = prove(old, new, [], NullProgress(), patched=["Dockerfile"])
    assert proof.differing == ("/app/x.py",)
    assert proof.lost == ("/app/gone.pyc",)
    assert "/app/Dockerfile" in prove(old, new, [], NullProgress()).differing
