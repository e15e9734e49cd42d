"""Development packages are those that npm records as such, whatever their names are."""

from __future__ import annotations

import json

import pytest

from tests.analysis.findings.rule_images import findings_by, opened_of, paths_of
from tests.images import Member, file

NAMES = ("express", "prettier", "typescript", "webpack", "@types/node")
DEVELOPMENT = ("typescript", "@types/node")
INSTALL = "RUN /bin/sh -c npm ci # buildkit"


def package(name: str, top: str = "app", **manifest: object) -> list[Member]:
    """An installed package of 1,000,000 bytes, and its manifest."""
    text = json.dumps({"name": name, **manifest}).encode()
    return [
        file(f"{top}/node_modules/{name}/package.json", text),
        file(f"{top}/node_modules/{name}/index.js", name.encode() + b"x" * 1_000_000),
    ]


def packages(*names: str, top: str = "app") -> list[Member]:
    """Installed packages without dependencies."""
    return [member for name in names for member in package(name, top)]


def manifest(*development: str, top: str = "app", needed: tuple[str, ...] = NAMES) -> Member:
    """The package.json of a project."""
    text = {
        "dependencies": {name: "1" for name in needed if name not in development},
        "devDependencies": dict.fromkeys(development, "1"),
    }
    return file(f"{top}/package.json", json.dumps(text).encode())


def lock(*development: str, name: str = "package-lock.json", top: str = "app") -> Member:
    """A lockfile of npm 7 or newer."""
    found = {
        f"node_modules/{name}": {"version": "1", **({"dev": True} if name in development else {})}
        for name in NAMES
    }
    text = {"lockfileVersion": 3, "packages": {"": {"name": "app"}, **found}}
    return file(f"{top}/{name}", json.dumps(text).encode())


def older_lock(*development: str) -> Member:
    """A lockfile of npm 6."""
    found = {name: {"version": "1", "dev": name in development} for name in NAMES}
    return file(
        "app/package-lock.json", json.dumps({"lockfileVersion": 1, "dependencies": found}).encode()
    )


def claimed(members: list[Member], command: str = INSTALL, *after: str) -> tuple[set[str], str]:
    """The packages that are claimed as development packages, and the fix."""
    steps = [(command, members), *((step, [file(step[:3], b"x")]) for step in after)]
    opened = opened_of(steps, "node-development", 0)
    assert opened.findings is not None
    found = [finding for finding in opened.findings.found if finding.rule == "node-development"]
    paths = [path for finding in found for path in paths_of(opened, finding)]
    names = {path.rpartition("node_modules/")[2].rpartition("/")[0] for path in paths}
    assert len(found) <= 1
    assert sum(finding.bytes for finding in found) == sum(
        len(member.data) for member in members if member.name.decode() in paths
    )
    return names, found[0].fix if found else ""


def test_runtime_dependencies_are_not_development_packages() -> None:
    """All packages are in `dependencies` and none is marked: `npm prune --omit=dev` would remove nothing."""
    members = [*packages(*NAMES), manifest(), lock()]
    assert claimed(members)[0] == set()


@pytest.mark.parametrize(
    "record",
    [
        lock(*DEVELOPMENT),
        lock(*DEVELOPMENT, name="npm-shrinkwrap.json"),
        lock(*DEVELOPMENT, name="node_modules/.package-lock.json"),
        older_lock(*DEVELOPMENT),
        manifest(*DEVELOPMENT),
    ],
    ids=["lockfile", "shrinkwrap", "installed", "older", "manifest"],
)
def test_development_packages_are_claimed_with_their_exact_bytes(record: Member) -> None:
    """Each kind of record that npm writes marks them."""
    assert claimed([*packages(*NAMES), record])[0] == {*DEVELOPMENT}


def test_the_installed_lock_file_comes_before_the_manifest() -> None:
    """The lockfile in node_modules takes precedence."""
    members = [
        *packages(*NAMES),
        lock(*DEVELOPMENT),
        lock("webpack", name="node_modules/.package-lock.json"),
    ]
    assert claimed(members)[0] == {"webpack"}


@pytest.mark.parametrize(
    "record", [[], [file("app/package-lock.json", b"{")], [file("app/package.json", b'{"a":' * 9)]]
)
def test_nothing_is_claimed_without_a_record(record: list[Member]) -> None:
    """An unreadable record counts as none."""
    assert claimed([*packages(*NAMES), *record])[0] == set()


def test_dependencies_of_development_packages_are_claimed_unless_shared() -> None:
    """Without a lockfile, a package is resolved in the nearest node_modules above, as in Node."""
    members = [
        manifest("jest", needed=("express",)),
        *package("express", dependencies={"debug": "1"}),
        *package("jest", dependencies={"debug": "1", "glob": "1", "ms": "2"}),
        *package("debug", dependencies={"ms": "1"}),
        *package("glob", dependencies={"jest": "1", "missing": "1"}),
        *package("ms"),
        *package("ms", "app/node_modules/jest"),
        *package("extraneous"),
    ]
    opened = opened_of([(INSTALL, members)], "node-development", 0)
    assert opened.findings is not None
    (finding,) = [
        finding for finding in opened.findings.found if finding.rule == "node-development"
    ]
    assert {path.removesuffix("/index.js") for path in paths_of(opened, finding)} >= {
        "app/node_modules/jest",
        "app/node_modules/jest/node_modules/ms",
        "app/node_modules/glob",
    }
    assert 3_000_000 < finding.bytes < 3_001_000


@pytest.mark.parametrize(
    ("command", "after", "fix"),
    [
        ("npm ci", (), "RUN npm ci --omit=dev"),
        (
            "npm i && npm cache clean --force",
            (),
            "RUN npm i --omit=dev \\\n    && npm cache clean --force",
        ),
        (
            "npm ci && npm run build",
            (),
            "RUN npm ci \\\n    && npm run build \\\n    && npm prune --omit=dev --prefix /app",
        ),
        ("./install", (), "RUN ./install \\\n    && npm prune --omit=dev --prefix /app"),
        (
            "npm ci",
            ("RUN /bin/sh -c npm run build # buildkit",),
            "# a later step uses them: build in a separate stage, and install here only what runs\n"
            "FROM … AS build\nRUN npm ci\n\nFROM …\nRUN npm ci --omit=dev\nCOPY --from=build … …",
        ),
    ],
)
def test_the_fix_suits_the_step(command: str, after: tuple[str, ...], fix: str) -> None:
    """Pruning names the project, as the working directory may be another; packages that a build needs are kept until it is done."""
    members = [*packages(*NAMES), manifest(*DEVELOPMENT), lock(*DEVELOPMENT)]
    assert claimed(members, f"RUN /bin/sh -c {command} # buildkit", *after)[1] == fix


def test_copied_packages_are_installed_in_the_image() -> None:
    """The build machine has development packages; the image needs none."""
    members = [*packages(*NAMES), manifest(*DEVELOPMENT), lock(*DEVELOPMENT)]
    assert claimed(members, "COPY . /app # buildkit")[1] == (
        "# .dockerignore: **/node_modules; build in a separate stage, and install here only what runs:\n"
        "COPY . /app\nRUN cd /app && npm ci --omit=dev"
    )


def test_each_project_is_one_finding() -> None:
    """This includes a project in the root directory."""
    members = [
        *(m for top in ("", "srv") for m in packages(*NAMES, top=top or ".")),
        *(
            m
            for top in (".", "srv")
            for m in [manifest(*DEVELOPMENT, top=top), lock(*DEVELOPMENT, top=top)]
        ),
    ]
    found = findings_by([("RUN /bin/sh -c ./install # buildkit", members)], "node-development")
    assert {finding.fix.rpartition(" ")[2] for finding in found} == {"/", "/srv"}


def test_an_image_that_starts_development_needs_its_packages() -> None:
    """It starts a watcher or a test run; an image that starts the application does not need them."""
    steps = [(INSTALL, [*packages(*NAMES), manifest(*DEVELOPMENT), lock(*DEVELOPMENT)])]
    for start, found in (
        (["npm", "run", "dev"], 0),
        (["npx", "nodemon", "x.js"], 0),
        (["npm", "start"], 1),
    ):
        config = {"Cmd": start, "Entrypoint": []}
        assert len(findings_by(steps, "node-development", config=config)) == found
