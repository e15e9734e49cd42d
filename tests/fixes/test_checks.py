"""The checks of fixes detect the faults that they are meant to detect."""

from __future__ import annotations

import pytest

from tests.fixes.checks import Runner, faults, patch_faults
from tests.fixes.chroot import Chroot
from tests.fixes.corpus import CORPUS
from tests.fixes.dockerfile import last_stage, read
from tests.fixes.entry import Entry, entry

LISTS = "/var/lib/apt/lists/deb.debian.org_main_Packages.lz4"
PIP = "/root/.cache/pip/http-v2/a/b/c"


def of(name: str) -> Entry:
    """An entry of the corpus."""
    return next(each for each in CORPUS if each.name == name)


PLAIN = of("apt-lines")
LOOP = of("loop-at-the-end")
USER = of("npm-user")
SUDO = of("apt-sudo")
CD = of("cd-in-strict-first")
EXPORT = of("export-in-the-first")
MODULE = of("pip-module")
CLEAN = "rm -rf /var/lib/apt/lists/*"
INSTALL = "apt-get install -y --no-install-recommends ca-certificates curl git"


@pytest.mark.parametrize(
    ("of", "rule", "path", "fix", "wanted"),
    [
        (PLAIN, "apt-lists", LISTS, f"RUN apt-get update && {INSTALL} && {CLEAN}", ""),
        (
            PLAIN,
            "apt-lists",
            LISTS,
            f"RUN --mount=type=cache,target=/var/lib/apt apt-get update && {INSTALL}",
            "",
        ),
        (PLAIN, "apt-lists", LISTS, f"RUN apt-get update; {INSTALL}; {CLEAN}", "passes though"),
        (PLAIN, "apt-lists", LISTS, f"RUN apt-get update && {CLEAN} && {INSTALL}", "still there"),
        (
            PLAIN,
            "apt-lists",
            LISTS,
            f"RUN apt-get update && {INSTALL} x && {CLEAN}",
            "does not run",
        ),
        (PLAIN, "apt-lists", LISTS, f"RUN {INSTALL} && apt-get update && {CLEAN}", "does not run"),
        (
            PLAIN,
            "apt-lists",
            LISTS,
            f"RUN apt-get update && {INSTALL} && {CLEAN} && tool1",
            "besides",
        ),
        (PLAIN, "apt-lists", LISTS, f"RUN apt-get update && {CLEAN}", "does not run"),
        (
            PLAIN,
            "apt-lists",
            LISTS,
            f"RUN apt-get update && {INSTALL} && rm -rf /usr /var/lib/apt/lists",
            "deletes /usr/lib/step1/kept",
        ),
        (PLAIN, "apt-lists", LISTS, f"RUN apt-get update && {INSTALL} && {CLEAN} || (", "fails"),
        (
            LOOP,
            "apt-lists",
            LISTS,
            "RUN set -eux; apt-get update; for s in vim less; do tool3 $s; touch $s; done && "
            + CLEAN,
            "passes though `tool3 vim` fails",
        ),
        (
            USER,
            "npm-cache",
            "/home/node/.npm/_cacache/a",
            "RUN npm ci --omit=dev && HOME=/root npm cache clean --force",
            "still there",
        ),
        (
            USER,
            "npm-cache",
            "/home/node/.npm/_cacache/a",
            "RUN --mount=type=cache,target=/home/node/.npm npm ci --omit=dev",
            "cannot write to",
        ),
        (
            USER,
            "npm-cache",
            "/home/node/.npm/_cacache/a",
            "RUN --mount=type=cache,target=/home/node/.npm,uid=1000 npm ci --omit=dev",
            "",
        ),
        (
            SUDO,
            "apt-lists",
            LISTS,
            f"RUN sudo apt-get update && sudo apt-get install -y curl && {CLEAN}",
            "still there",
        ),
        (
            SUDO,
            "apt-lists",
            LISTS,
            f"RUN sudo apt-get update && sudo apt-get install -y curl && sudo {CLEAN}",
            "",
        ),
        (
            MODULE,
            "pip-cache",
            PIP,
            "RUN python3 -m pip install --no-cache-dir --upgrade pip && python3 -m pip install .",
            "still there",
        ),
        (
            MODULE,
            "pip-cache",
            PIP,
            "RUN python3 -m pip install --no-cache-dir --upgrade pip && python3 -m pip install --no-cache-dir .",
            "",
        ),
        (
            CD,
            "deleted-later",
            "/opt/x.tgz",
            "RUN set -e; cd /opt; wget https://example.org/x.tgz; tar -xf x.tgz; tool1 build; rm /opt/x.tgz",
            "`tool1 build` in /opt",
        ),
        (
            EXPORT,
            "deleted-later",
            "/opt/x.o",
            "RUN export CFLAGS=-O3 && make -C /opt/src && tool1 make /opt/x.o && make -C /usr/src/x && rm /opt/x.o",
            "CFLAGS",
        ),
        (
            EXPORT,
            "deleted-later",
            "/opt/x.o",
            "RUN (export CFLAGS=-O3 && make -C /opt/src && tool1 make /opt/x.o) && make -C /usr/src/x && rm /opt/x.o",
            "",
        ),
    ],
)
def test_a_fix_is_judged(
    chroot: Chroot, of: Entry, rule: str, path: str, fix: str, wanted: str
) -> None:
    """Right fixes pass; wrong ones are described."""
    before = of.instructions
    place = next(n for n, each in enumerate(before) if each.name == "RUN")
    head = [f"{each.name} {each.text}" for each in before[:place]]
    fixed = read("\n".join((*head, fix)))[len(head) :]
    steps = [n for n, each in enumerate(of.steps()) if each is not None and each.name == "RUN"]
    found = faults(Runner(chroot, of), of, rule, steps, [path], fixed)
    assert found == [] if not wanted else wanted in "\n".join(found), found


def test_a_whole_dockerfile_is_judged(chroot: Chroot) -> None:
    """The directory and user of a command are part of what it does."""
    of = entry("x", "apt-lists", "RUN apt-get update\nWORKDIR /srv\nRUN make", "apt", "")
    for text, wanted in [
        (f"FROM x\nRUN apt-get update && {CLEAN}\nWORKDIR /srv\nRUN make\n", ""),
        (f"FROM x\nRUN apt-get update && {CLEAN} && make\nWORKDIR /srv\n", "in / as root"),
        (f"FROM x\nRUN apt-get update && {CLEAN}\nWORKDIR /srv\nUSER app\nRUN make\n", "as app"),
        ("FROM x\nRUN apt-get update\nWORKDIR /srv\nRUN make\n", "still there"),
    ]:
        claims = [("apt-lists", [LISTS])]
        found = patch_faults(Runner(chroot, of), of, claims, last_stage(read(text)))
        assert found == [] if not wanted else wanted in "\n".join(found), text
