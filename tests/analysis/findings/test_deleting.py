"""Fixes that delete: a command covers exactly the claimed bytes."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_of, opened_of, paths_of
from tests.images import file

RUN = "/bin/sh -c install"
SITE = "usr/local/lib/python3.11/dist-packages"


def names(*templates: str, count: int) -> list[str]:
    """So many names of each kind."""
    return [template.format(number) for template in templates for number in range(count)]


CASES = {
    "python-tests": (
        [*names(SITE + "/pandas{}/core/tests/x.py", count=40), SITE + "/numpy/test/y.py"],
        [SITE + "/pandas1/core/x.py", SITE + "/numpy/testing/z.py", "srv/tests/x.py"],
    ),
    "source-maps": (
        names("usr/share/nodejs/p{}/a.js.map", "opt/x/{}.css.map", count=30),
        ["usr/share/nodejs/p1/world.map", "usr/share/nodejs/p1/a.js", "opt/x/a.map"],
    ),
    "debug-symbols": (
        [
            *names("usr/lib/debug/.build-id/{}/x.debug", "srv/{}/y.pdb", count=12),
            *names("usr/lib/debug/{}.x", count=12),
        ],
        ["usr/lib/debugger", "srv/1/y.so"],
    ),
    "documentation": (
        names("usr/share/man/l{0}/man1/{0}.gz", "usr/share/doc/{}/changelog", count=20),
        [*names("usr/share/doc/{}/copyright", count=20), "usr/share/doc-base/x"],
    ),
    "locales": (
        names("usr/share/locale/x{}/LC_MESSAGES/a.mo", count=20),
        ["usr/share/locale/en_GB/LC_MESSAGES/a.mo", "usr/share/locale/x1/LC_TIME/x"],
    ),
    "user-cache": (
        names("root/.cache/tool{}/x", count=12),
        ["root/.cache/huggingface/model", "root/.cache.txt"],
    ),
    "temporary-files": (names("tmp/{}/x", "var/tmp/.h{}", count=12), ["var/x"]),
    "logs": (names("var/log/{}.log", count=12), ["var/log/lastlog"]),
    "editor-files": (names("srv/{}/.idea/x", "srv/{}/.a.swp", count=12), ["srv/1/a.py"]),
}


COMMANDS = {
    "python-tests": f"find /{SITE} -type d \\( -name tests -o -name test \\) -prune -exec rm -rf {{}} +",
    "source-maps": r"find /opt/x /usr/share/nodejs -type f \( -name '*.js.map' -o -name '*.css.map' \) -delete",
    "debug-symbols": "find /usr/lib/debug/.build-id -name '*.debug' -prune -exec rm -rf {} +"
    " && find /srv -name '*.pdb' -prune -exec rm -rf {} + && rm -rf "
    + " ".join(sorted(f"/usr/lib/debug/{number}.x" for number in range(12))),
    "documentation": "find /usr/share/man /usr/share/doc -type f"
    " ! -name copyright ! -name 'LICENSE*' ! -name 'COPYING*' -delete",
    "locales": "find /usr/share/locale -path '*/LC_MESSAGES/*' ! -path '/usr/share/locale/en*' -type f -delete",
    "user-cache": "rm -rf "
    + " ".join(sorted(f"/root/.cache/tool{number}" for number in range(12))),
    "temporary-files": "find /tmp -mindepth 1 -delete && find /var/tmp -mindepth 1 -delete",
    "logs": "rm -rf " + " ".join(sorted(f"/var/log/{number}.log" for number in range(12))),
    "editor-files": "find /srv -name .idea -prune -exec rm -rf {} +"
    " && find /srv -name '*.swp' -prune -exec rm -rf {} +",
}
"""Never run by a test: these paths are the machine's own, too."""


@pytest.mark.parametrize("rule", CASES)
def test_a_fix_names_all_that_is_claimed_and_spares_the_rest(rule: str) -> None:
    """All paths are written out if a pattern would match others."""
    claimed, kept = CASES[rule]
    members = [file(name, b"x" * 100) for name in (*claimed, *kept)]
    opened = opened_of([(RUN, members)], rule, 0)
    (finding,) = [found for found in findings_of(opened).found if found.rule == rule]
    assert sorted(paths_of(opened, finding)) == sorted(claimed)
    assert finding.bytes == 100 * len(claimed)
    assert finding.fix.replace(" \\\n   ", "") == f"RUN install && {COMMANDS[rule]}"


def test_a_search_leaves_alone_what_another_layer_stores() -> None:
    """Directories are named so deep that nothing beside the claim lies in them."""
    first = [file(f"opt/a/{number}/x.js.map", b"x" * 100) for number in range(10)]
    second = [file(f"opt/b/{number}/x.js.map", b"x" * 100) for number in range(10)]
    opened = opened_of([(RUN, first), (RUN, second)], "source-maps", 0)
    fixes = [found.fix for found in findings_of(opened).found if found.rule == "source-maps"]
    assert sorted(fix.partition("find ")[2] for fix in fixes) == [
        "/opt/a -type f -name '*.js.map' -delete",
        "/opt/b -type f -name '*.js.map' -delete",
    ]


def test_a_few_places_are_named_one_by_one() -> None:
    """As they are, with no search."""
    members = [file(f"srv/{number}/.idea/x", b"x" * 100) for number in range(4)]
    opened = opened_of([(RUN, members)], "editor-files", 0)
    (fix,) = [found.fix for found in findings_of(opened).found if found.rule == "editor-files"]
    assert fix.endswith("&& rm -rf /srv/0/.idea /srv/1/.idea /srv/2/.idea /srv/3/.idea")


def test_excluded_files_are_described_by_their_pattern() -> None:
    """What to write for all of them."""
    members = [file(f"srv/{number}.js.map", b"x" * 100) for number in range(10)]
    opened = opened_of([("COPY dist /srv # buildkit", members)], "source-maps", 0)
    (fix,) = [found.fix for found in findings_of(opened).found if found.rule == "source-maps"]
    assert fix.startswith("# in .dockerignore:\n**/*.js.map\n")
    assert fix.endswith("\n# so that this does not copy it:\nCOPY dist /srv")
