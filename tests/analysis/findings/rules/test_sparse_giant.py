"""Files much larger than their stored content."""

from __future__ import annotations

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of
from tests.images import Member, file

RULE = "sparse-giant"
USERADD = "RUN /bin/sh -c groupadd app && useradd -u 4000000 app && make # buildkit"


def sparse(name: str, size: int) -> Member:
    """A file of this size, of which two bytes are stored."""
    return file(
        name,
        b"ab",
        pax={
            b"GNU.sparse.major": b"0",
            b"GNU.sparse.minor": b"1",
            b"GNU.sparse.size": b"%d" % size,
            b"GNU.sparse.map": b"0,1,%d,1" % (size - 1),
            b"GNU.sparse.numblocks": b"2",
        },
    )


def test_grown_login_records_are_reported_with_their_logical_size() -> None:
    """The finding has the logical size; the saving is the stored size."""
    opened = opened_of([(USERADD, [sparse("var/log/lastlog", 10**9)])], RULE, None)
    findings = findings_of(opened)
    (finding,) = findings.found
    assert (finding.rule, finding.bytes, finding.layers) == (RULE, 10**9, (0,))
    assert findings.saving() == 2
    assert finding.fix == (
        "RUN groupadd app \\\n    && useradd --no-log-init -u 4000000 app \\\n    && make"
    )


def test_records_that_are_stored_in_full_are_claimed_in_full() -> None:
    """Builders without support for holes store all zeros."""
    opened = opened_of([(USERADD, [file("var/log/faillog", bytes(20_000))])], RULE, 0)
    findings = findings_of(opened)
    assert [(finding.bytes, findings.saving()) for finding in findings.found] == [(20_000, 20_000)]


def test_records_are_deleted_if_no_useradd_can_be_changed() -> None:
    """A command that has the option already, in either form, is not changed."""
    for command in ("adduser app", "useradd -l app", "useradd -ml app", "useradd --no-log-init a"):
        steps = [(f"/bin/sh -c {command}", [sparse("var/log/lastlog", 10**9)])]
        (finding,) = findings_by(steps, RULE)
        assert finding.fix == f"RUN {command} \\\n    && rm -f /var/log/lastlog"


def test_a_sparse_giant_is_reported_without_a_saving() -> None:
    """A billion bytes are not stored."""
    opened = opened_of([("/bin/sh -c truncate", [sparse("srv/disk.img", 5 * 10**9)])], RULE, None)
    findings = findings_of(opened)
    (finding,) = findings.found
    assert (finding.bytes, findings.saving()) == (5 * 10**9, 0)


def test_small_sparse_files_are_not_reported() -> None:
    """These are near misses."""
    assert findings_by([(USERADD, [sparse("srv/disk.img", 10**8)])], RULE) == []
    assert findings_by([(USERADD, [file("var/log/lastlog", bytes(9000))])], RULE, None) == []
    assert findings_by([(USERADD, [file("srv/lastlog", bytes(9000))])], RULE) == []
