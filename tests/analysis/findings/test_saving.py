"""Savings of fixes: an image without the claimed files stores exactly the predicted bytes, and has no findings left."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from layerscope.words import Severity
from tests.analysis.findings.rule_images import findings_of, opened_of
from tests.images import directory, docker_archive, file, symlink, write


def findings_by(path: Path) -> Opened:
    """An image, opened and analysed as for a report."""
    return open_image(Request(str(path)), Options(rules={}))


def without_claims(opened: Opened, target: Path) -> Path:
    """The same image without the contents that its findings claim."""
    inodes = opened.filesystem.inodes
    claimed = {inode for finding in findings_of(opened).found for inode in finding.inodes.tolist()}
    layers = []
    for number, contents in enumerate(opened.contents):
        tar = b"".join(contents.blob.chunks())
        first, kept = int(inodes.first[number]), io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(tar)) as old,
            tarfile.open(fileobj=kept, mode="w", format=tarfile.PAX_FORMAT) as new,
        ):
            for entry, member in enumerate(old):
                if first + entry not in claimed:
                    new.addfile(member, old.extractfile(member) if member.isreg() else None)
        layers.append(kept.getvalue())
    history = [
        {"created": step.created, "created_by": step.created_by, "empty_layer": step.layer is None}
        for step in opened.image.steps
    ]
    config = opened.image.config
    given = {"config": {"Cmd": list(config.cmd), "Entrypoint": list(config.entrypoint)}}
    return write(target, docker_archive(layers, history=history, config=given))


def test_the_demo_without_its_claimed_files_has_no_findings(
    demo_opened: Opened, tmp_path: Path
) -> None:
    """The demo has many findings; with all of them fixed none is left, and each byte was counted once."""
    before = demo_opened
    findings = findings_of(before)
    assert {"deleted-later", "rewritten-for-attributes", "apt-lists", "pip-cache", "compilers"} <= {
        finding.rule for finding in findings.found
    }
    after = findings_by(without_claims(before, tmp_path / "fixed.tar"))
    assert after.accounting.stored == before.accounting.stored - findings.saving()
    assert [
        finding.title
        for finding in findings_of(after).found
        if finding.severity is not Severity.NOTE
    ] == []


def test_a_lean_image_has_nothing_to_fix() -> None:
    """Like distroless images, it has a libc, certificates, time zones, licences and one program."""
    base = [
        directory("etc"),
        file("etc/passwd", b"root:x:0:0:root:/root:/sbin/nologin\n"),
        file("etc/ssl/certs/ca-certificates.crt", b"-----BEGIN CERTIFICATE-----\n" * 8000),
        file("usr/lib/x86_64-linux-gnu/libc.so.6", b"\x7fELF" + b"l" * 2_000_000),
        symlink("lib", "usr/lib"),
        file("usr/share/zoneinfo/Europe/Berlin", b"TZif2" * 400),
        *(file(f"usr/share/doc/{name}/copyright", b"MIT" * 9000) for name in ("libc6", "tzdata")),
        file("var/lib/dpkg/status.d/libc6", b"Package: libc6\nVersion: 2.36\n"),
        directory("tmp", mode=0o1777),
    ]
    app = [file("app/server", b"\x7fELF" + b"s" * 9_000_000, mode=0o755)]
    opened = opened_of(
        [
            ("/bin/sh -c #(nop) ADD file:abc in / ", base),
            ("COPY server /app/server # buildkit", app),
            ('ENTRYPOINT ["/app/server"]', None),
        ]
    )
    assert findings_of(opened).found == ()


def test_json_has_the_avoidable_bytes(demo_opened: Opened) -> None:
    """`avoidableBytes` is not the sum of findings if they overlap, and never exceeds it."""
    from layerscope.report.schema import document

    report = json.loads(json.dumps(document(demo_opened)))
    total, own = report["totals"]["avoidableBytes"], report["totals"]["avoidableOwnBytes"]
    assert own <= total <= sum(finding["bytes"] for finding in report["findings"])
