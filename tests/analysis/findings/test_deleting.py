"""Fixes that delete: a command covers exactly the claimed bytes."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_of, opened_of, paths_of
from tests.images import Member, directory, file

BASE = "/bin/sh -c #(nop) ADD file:aa in / "
RUN = "/bin/sh -c install"
SITE = "usr/local/lib/python3.11/dist-packages"


def names(*templates: str, count: int) -> list[str]:
    """This many names of each kind."""
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
def test_a_fix_names_all_claimed_paths_and_no_others(rule: str) -> None:
    """All paths are written out if a pattern would match others."""
    claimed, kept = CASES[rule]
    members = [file(name, b"x" * 100) for name in (*claimed, *kept)]
    opened = opened_of([(RUN, members)], rule, 0)
    (finding,) = [found for found in findings_of(opened).found if found.rule == rule]
    assert sorted(paths_of(opened, finding)) == sorted(claimed)
    assert finding.bytes == 100 * len(claimed)
    assert finding.fix.replace(" \\\n   ", "") == f"RUN install && {COMMANDS[rule]}"


def test_a_search_spares_files_of_other_layers() -> None:
    """`find` starts at directories so deep that they contain only claimed files."""
    first = [file(f"opt/a/{number}/x.js.map", b"x" * 100) for number in range(10)]
    second = [file(f"opt/b/{number}/x.js.map", b"x" * 100) for number in range(10)]
    opened = opened_of([(RUN, first), (RUN, second)], "source-maps", 0)
    fixes = [found.fix for found in findings_of(opened).found if found.rule == "source-maps"]
    assert sorted(fix.partition("find ")[2] for fix in fixes) == [
        "/opt/a -type f -name '*.js.map' -delete",
        "/opt/b -type f -name '*.js.map' -delete",
    ]


BELOW = {
    "debian-backups": (
        ["var/cache/debconf/config.dat-old"],
        ["var/lib/dpkg/status-old"],
        "rm -rf /var/lib/dpkg/status-old",
    ),
    "apt-lists": (
        ["var/lib/apt/lists/base_Packages"],
        ["var/lib/apt/lists/new_Packages"],
        "rm -rf /var/lib/apt/lists/new_Packages",
    ),
    "apt-archives": (
        ["var/cache/apt/archives/base.deb"],
        ["var/cache/apt/pkgcache.bin"],
        "rm -rf /var/cache/apt/pkgcache.bin",
    ),
    "locales": (
        names("usr/share/locale/x{}/LC_MESSAGES/base.mo", count=20),
        names("usr/share/locale/x{}/LC_MESSAGES/new.mo", count=20),
        "find /usr/share/locale -type f -name new.mo -delete",
    ),
    "documentation": (
        ["usr/share/doc/base/changelog"],
        ["usr/share/doc/new/changelog", "usr/share/man/man1/new.1"],
        "rm -rf /usr/share/doc/new/changelog /usr/share/man/man1/new.1",
    ),
    "temporary-files": (
        ["tmp/base/x", "tmp/both/x"],
        ["tmp/new/x", "tmp/both/y"],
        "rm -rf /tmp/both/y /tmp/new",
    ),
    "python-tests": (
        [SITE + "/one/tests/x.py"],
        [SITE + "/one/tests/y.py", SITE + "/two/tests/z.py"],
        f"find /{SITE}/two/tests -type d -name tests -prune -exec rm -rf {{}} +"
        f" && rm -rf /{SITE}/one/tests/y.py",
    ),
    "npm-cache": (
        ["root/.npm/_cacache/content-v2/base"],
        ["root/.npm/_cacache/content-v2/new"],
        "rm -rf /root/.npm/_cacache/content-v2/new",
    ),
    "gem-cache": (
        ["usr/local/bundle/cache/base.gem"],
        ["usr/local/bundle/cache/new.gem"],
        "rm -rf /usr/local/bundle/cache/new.gem",
    ),
    "user-cache": (
        ["root/.cache/tool/base"],
        names("root/.cache/tool/{}", count=50),
        "",
    ),
    "git-directory": (["srv/x/.git/objects/base"], ["srv/x/.git/objects/new"], ""),
}
"""What a layer below has, what the step adds, and the command of its fix; "" for words."""


@pytest.mark.parametrize("rule", BELOW)
def test_a_fix_deletes_nothing_from_lower_layers(rule: str) -> None:
    """If a pattern or directory would include files of lower layers, the files of the step are named. Too many are described in
    words.
    """
    before, added, command = BELOW[rule]
    lower = [file(name, b"x" * 100) for name in before]
    upper = [file(name, b"y" * 100) for name in added]
    install = f"{RUN} && npm ci && gem install x && git pull"
    if rule.startswith("apt"):
        install += " && apt-get install -y x"
    opened = opened_of([(BASE, _directories(lower)), (install, upper)], rule, 0)
    (finding,) = [
        found for found in findings_of(opened).found if found.rule == rule and found.layers == (1,)
    ]
    assert sorted(paths_of(opened, finding)) == sorted(added)
    if not command:
        assert not finding.edits
        assert "earlier layers have other files there" in finding.fix
    else:
        (edit,) = finding.edits
        assert edit.text.removeprefix("\n&& ").replace("\n", " ") == command


@pytest.mark.parametrize("command", ["./install", "apt-get install -y x"])
def test_many_files_of_one_kind_are_named_by_their_pattern(command: str) -> None:
    """The cleaning program cannot be used if it did not run, or would clean something of the base image, too."""
    debs = [file(f"var/cache/apt/archives/{n}.deb", b"%d" % n * 100) for n in range(21)]
    below = [file("var/cache/apt/pkgcache.bin", b"x" * 100)]
    steps = [
        (BASE, _directories([*below, file("var/cache/apt/archives/lock", b"")])),
        (f"{RUN} && {command}", debs),
    ]
    (found,) = [
        one for one in findings_of(opened_of(steps, "apt-archives", 0)).found if 1 in one.layers
    ]
    (edit,) = found.edits
    assert edit.text == "\n&& rm -rf /var/cache/apt/archives/*.deb"


def test_files_of_later_steps_do_not_prevent_a_pattern() -> None:
    """They do not exist yet when the command runs."""
    debs = [
        [
            file(f"var/cache/apt/archives/{name}{n}.deb", f"{name}{n}".encode() * 100)
            for n in range(21)
        ]
        for name in "ab"
    ]
    steps = [(f"{RUN} && ./one", debs[0]), (f"{RUN} && ./two", debs[1])]
    found = findings_of(opened_of(steps, "apt-archives", 0)).found
    ends = {one.layers: one.edits[-1].text for one in found if one.rule == "apt-archives"}
    assert ends[(0,)] == "\n&& rm -rf /var/cache/apt/archives/*.deb"


def test_files_of_an_earlier_step_may_be_deleted_too() -> None:
    """They belong to a finding of the same rule, in the same Dockerfile."""
    first = [file("var/cache/apt/srcpkgcache.bin", b"x" * 100)]
    second = [file("var/cache/apt/pkgcache.bin", b"y" * 100)]
    steps = [("/bin/sh -c apt-get update", first), ("/bin/sh -c apt-get install x", second)]
    found = findings_of(opened_of(steps, "apt-archives", 0)).found
    ends = [one.edits[-1].text for one in found if one.rule == "apt-archives"]
    assert ends == ["\n&& apt-get clean"] * 2


def _directories(members: list[Member]) -> list[Member]:
    """Files, after the directories that contain them."""
    found: dict[str, Member] = {}
    for member in members:
        parts = member.name.decode().split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            found.setdefault(folder, directory(folder))
    return [*found.values(), *members]


def test_links_replace_only_directories_that_the_step_created() -> None:
    """A nearly identical directory is not deleted either."""
    same = [(f"{number}.bin", bytes([number]) * 300_000) for number in range(1, 5)]
    first = [file(f"srv/a/{name}", data) for name, data in same]
    second = [file(f"srv/b/{name}", data) for name, data in same]
    for lower, written in (([], True), ([file("srv/b/1.bin", b"old" * 1000)], False)):
        steps = [(RUN, _directories([*first, *lower])), (RUN, second)]
        (found,) = [
            each
            for each in findings_of(opened_of(steps)).found
            if each.rule == "duplicate-directories"
        ]
        assert bool(found.edits) is written
    near = [*second, file("srv/b/5.bin", b"other" * 1000)]
    (found,) = [
        each
        for each in findings_of(opened_of([(RUN, first), (RUN, near)])).found
        if each.rule == "duplicate-directories"
    ]
    assert not found.edits


def test_continued_lines_leave_no_runs_of_spaces() -> None:
    """Spaces in quotes stay."""
    command = "RUN /bin/sh -c apt-get   install -y       nano  'a  b' &&     make  ; \ttouch  x # buildkit"
    members = [file("var/cache/apt/archives/x.deb", b"x" * 200_000)]
    opened = opened_of([(command, members)], "apt-archives", 0)
    (fix,) = [found.fix for found in findings_of(opened).found if found.rule == "apt-archives"]
    start = "RUN apt-get install -y nano 'a  b' \\\n    && make  ; \\\n    touch x"
    assert fix.removeprefix("# at the end of the same RUN: apt-get clean\n").startswith(start)


def test_a_few_places_are_named_one_by_one() -> None:
    """A few paths are named without a `find`."""
    members = [file(f"srv/{number}/.idea/x", b"x" * 100) for number in range(4)]
    opened = opened_of([(RUN, members)], "editor-files", 0)
    (fix,) = [found.fix for found in findings_of(opened).found if found.rule == "editor-files"]
    assert fix.endswith("&& rm -rf /srv/0/.idea /srv/1/.idea /srv/2/.idea /srv/3/.idea")


def test_excluded_files_are_described_by_their_pattern() -> None:
    """The fix gives one pattern for all of them."""
    members = [file(f"srv/{number}.js.map", b"x" * 100) for number in range(10)]
    opened = opened_of([("COPY dist /srv # buildkit", members)], "source-maps", 0)
    (fix,) = [found.fix for found in findings_of(opened).found if found.rule == "source-maps"]
    assert fix.startswith("# in .dockerignore:\n**/*.js.map\n")
    assert fix.endswith("\n# so that this does not copy it:\nCOPY dist /srv")
