"""Build packages: those that APT would remove are claimed, those that it would keep are not."""

from __future__ import annotations

import pytest

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.packages.apt_dependencies import AptDatabase
from layerscope.words import Confidence
from tests.analysis.findings.rule_images import EVERYTHING, findings_of, opened_of, paths_of
from tests.images import Member, file, symlink


def stanza(name: str, **fields: str) -> str:
    """An installed package in dpkg's status."""
    more = "".join(f"{key.replace('_', '-').title()}: {value}\n" for key, value in fields.items())
    return f"Package: {name}\nStatus: install ok installed\n{more}"


def removed_with(
    packages: dict[str, dict[str, str]], automatic: str, names: str, settings: str = ""
) -> tuple[str, str]:
    """The packages that can be purged, and all packages removed with them; both sorted."""
    status = "\n".join(stanza(name, **fields) for name, fields in packages.items())
    states = "\n".join(f"Package: {name}\nAuto-Installed: 1\n" for name in automatic.split())
    usable, gone = AptDatabase(status, states, settings, []).removed_with(names.split())
    return " ".join(sorted(usable)), " ".join(sorted(gone))


@pytest.mark.parametrize("field", ["depends", "pre_depends", "recommends", "suggests"])
def test_dependencies_of_a_package_are_removed_with_it(field: str) -> None:
    """Dependencies stay if a kept package depends on them in any way; explicitly installed packages always stay."""
    packages = {
        "gcc": {"depends": "cpp (>= 12), libc-dev"},
        "cpp": {},
        "libc6-dev": {"provides": "libc-dev"},
        "curl": {},
    }
    assert removed_with(packages, "cpp libc6-dev", "gcc") == ("gcc", "cpp gcc libc6-dev")
    assert removed_with(packages, "libc6-dev", "gcc") == ("gcc", "gcc libc6-dev")
    packages["curl"] = {field: "libx | libc-dev, missing"}
    assert removed_with(packages, "cpp libc6-dev", "gcc") == ("gcc", "cpp gcc")


def test_the_apt_options_for_suggestions_count() -> None:
    """Debian's official images turn off the protection of suggested packages."""
    packages = {"gcc": {"depends": "cpp"}, "cpp": {}, "curl": {"suggests": "cpp"}}
    off = '# a comment\nApt::AutoRemove::SuggestsImportant "false";\n'
    assert removed_with(packages, "cpp", "gcc", off) == ("gcc", "cpp gcc")
    assert removed_with(packages, "cpp", "gcc", "// " + off.splitlines()[1]) == ("gcc", "gcc")


def test_packages_with_kept_dependents_are_not_purged() -> None:
    """npm needs node-gyp, that libnode-dev, and that libssl-dev: purging libssl-dev would remove npm."""
    packages = {
        "npm": {"depends": "node-gyp"},
        "node-gyp": {"depends": "libnode-dev"},
        "libnode-dev": {"depends": "libssl-dev"},
        "libssl-dev": {},
        "build-essential": {"depends": "g++"},
        "g++": {},
        "base-files": {"essential": "yes"},
    }
    automatic = "node-gyp libnode-dev g++ base-files"
    assert removed_with(packages, automatic, "build-essential libssl-dev") == (
        "build-essential",
        "build-essential g++",
    )
    assert removed_with(packages, automatic, "libssl-dev") == ("", "")
    assert removed_with(packages, automatic, "missing") == ("", "")
    assert removed_with(packages, automatic, "npm libssl-dev") == (
        "libssl-dev npm",
        "libnode-dev libssl-dev node-gyp npm",
    )


PACKAGES = {
    "npm": ({"depends": "libnode-dev"}, ["usr/include/node/node.h"]),
    "libnode-dev": ({"depends": "libssl-dev"}, ["usr/lib/x86_64-linux-gnu/libnode.a"]),
    "libssl-dev": ({}, ["usr/lib/x86_64-linux-gnu/libssl.a", "usr/include/openssl/ssl.h"]),
    "build-essential": ({"depends": "libc6-dev"}, []),
    "libc6-dev": ({}, ["usr/lib/x86_64-linux-gnu/libc.a", "usr/include/stdio.h"]),
}


LISTS = [f"var/lib/dpkg/info/{name}:amd64.list" for name in ("build-essential", "libc6-dev")]


def image(
    command: str, *names: str, manual: str
) -> tuple[dict[str, list[Finding]], dict[str, list[str]]]:
    """Findings about static libraries and headers of an image with these packages: the finding of each rule, and its paths."""
    status = "\n".join(stanza(name, **PACKAGES[name][0]) for name in names)
    states = "\n".join(
        f"Package: {name}\nAuto-Installed: 1\n" for name in names if name not in manual.split()
    )
    members: list[Member] = [
        file("var/lib/dpkg/status", status.encode()),
        file("var/lib/apt/extended_states", states.encode()),
        file("usr/local/include/own.h", b"o" * 100),
    ]
    for name in names:
        paths = PACKAGES[name][1]
        listing = "".join(f"/{path}\n" for path in ("usr", *paths))
        members.append(file(f"var/lib/dpkg/info/{name}:amd64.list", listing.encode()))
        members += [file(path, path.encode() * 100) for path in paths]
    steps = [(f"RUN /bin/sh -c {command} # buildkit", members)]
    found: dict[str, list[Finding]] = {}
    paths_by_rule: dict[str, list[str]] = {}
    for rule in ("static-libraries", "headers"):
        opened = opened_of(steps, rule, EVERYTHING, start=("python3", "x.py"))
        found[rule] = [finding for finding in findings_of(opened).found if finding.rule == rule]
        paths_by_rule[rule] = [
            path for finding in found[rule] for path in paths_of(opened, finding)
        ]
    return found, paths_by_rule


def test_the_fix_purges_only_what_apt_would_remove() -> None:
    """libssl-dev and its files stay for npm; files that no package owns belong in a separate stage."""
    command = "apt-get update && apt-get install -y build-essential libssl-dev npm && make"
    found, paths = image(command, *PACKAGES, manual="npm build-essential libssl-dev")
    (libraries,) = found["static-libraries"]
    assert paths["static-libraries"] == ["usr/lib/x86_64-linux-gnu/libc.a"]
    assert libraries.bytes == 100 * len("usr/lib/x86_64-linux-gnu/libc.a")
    assert libraries.confidence is Confidence.MEDIUM
    assert libraries.fix.endswith(
        "&& make \\\n    && apt-get purge -y --auto-remove build-essential"
    )
    assert sorted(paths["headers"]) == ["usr/include/stdio.h", "usr/local/include/own.h", *LISTS]
    assert sorted("COPY --from=build" in finding.fix for finding in found["headers"]) == [
        False,
        True,
    ]


def test_a_purge_claims_all_files_of_the_removed_packages_once() -> None:
    """The first rule of a family claims files that no rule of it looks for. Files of kept packages, and of other layers, are not
    claimed.
    """
    packages = {
        "gcc": (
            {"depends": "libc6-dev", "recommends": "fonts"},
            ["usr/lib/gcc/12/cc1", "usr/bin/gcc"],
        ),
        "libc6-dev": ({}, ["usr/lib/x86_64-linux-gnu/libc.a", "usr/include/stdio.h"]),
        "fonts": ({}, ["usr/share/fonts/a.ttf", "usr/lib/gcc/12/plugin.so"]),
        "curl": ({}, ["usr/bin/curl"]),
    }
    states = "".join(f"Package: {name}\nAuto-Installed: 1\n\n" for name in ("libc6-dev", "fonts"))
    members: list[Member] = [
        file(
            "var/lib/dpkg/status",
            "\n".join(stanza(n, **f) for n, (f, _) in packages.items()).encode(),
        ),
        file("var/lib/apt/extended_states", states.encode()),
        symlink("etc/alternatives/cc", "/usr/bin/gcc"),
        symlink("etc/alternatives/fetch", "/usr/bin/curl"),
        file("var/lib/dpkg/alternatives/cc", b"auto"),
        file("var/lib/dpkg/alternatives/fetch", b"auto"),
    ]
    for name, (_, paths) in packages.items():
        listing = "".join(f"/{path}\n" for path in paths)
        members.append(file(f"var/lib/dpkg/info/{name}.list", listing.encode()))
        members += [file(path, path.encode() * 80_000) for path in paths]
    steps = [
        ("RUN /bin/sh -c apt-get install -y gcc curl && make # buildkit", members),
        ("COPY x /usr/share/fonts # buildkit", [file("usr/share/fonts/own.ttf", b"o" * 900)]),
    ]
    image = opened_of(steps, None, EVERYTHING, start=("python3", "x.py"))
    found = {
        finding.rule: sorted(paths_of(image, finding))
        for finding in findings_of(image).found
        if "purge" in finding.fix
    }
    assert found == {
        "compilers": [
            "usr/bin/gcc",
            "usr/lib/gcc/12/cc1",
            "usr/lib/gcc/12/plugin.so",
            "usr/share/fonts/a.ttf",
            "var/lib/dpkg/alternatives/cc",
            *(f"var/lib/dpkg/info/{name}.list" for name in ("fonts", "gcc", "libc6-dev")),
        ],
        "headers": ["usr/include/stdio.h"],
        "static-libraries": ["usr/lib/x86_64-linux-gnu/libc.a"],
    }


def test_packages_that_a_step_installs_and_does_not_use_are_not_installed() -> None:
    """Purging unused packages in the step that installs them would be pointless."""
    command = "apt-get update && apt-get install -y build-essential=12.9 curl && rm -rf /var/lib/apt/lists/*"
    found, _ = image(command, "build-essential", "libc6-dev", manual="build-essential")
    (libraries,) = found["static-libraries"]
    assert libraries.fix.startswith(
        "# nothing in this step uses build-essential=12.9: leave it out, or"
    )
    assert libraries.fix.endswith(
        "\nRUN apt-get update \\\n    && apt-get install -y curl \\\n    && rm -rf /var/lib/apt/lists/*"
    )
    only = "apt-get update && apt-get install -y build-essential"
    found, _ = image(only, "build-essential", "libc6-dev", manual="build-essential")
    assert not found["static-libraries"][0].edits
    assert found["static-libraries"][0].fix.endswith(
        "\n# RUN apt-get update \\\n#     && apt-get install -y build-essential"
    )


def test_packages_installed_as_dependencies_have_low_confidence() -> None:
    """npm pulls in build libraries. If nothing runs npm, node does not need them."""
    brought = ("npm", "libnode-dev", "libssl-dev")
    found, paths = image("apt-get install -y nodejs npm && x", *brought, manual="npm")
    (libraries,) = found["static-libraries"]
    assert libraries.confidence is Confidence.LOW
    assert len(paths["static-libraries"]) == 2
    assert libraries.fix == (
        "# npm pulls in libnode-dev, libssl-dev\n# if nothing in the container runs it, use it in a separate stage (FROM … AS build)"
        " and leave it out here:\nRUN apt-get install -y nodejs \\\n    && x"
    )
    assert not libraries.edits  # a later step may run npm


def test_packages_that_stay_anyway_are_not_claimed() -> None:
    """Packages stay if another step installed something that needs them, or if several packages do."""
    brought = ("npm", "libnode-dev", "libssl-dev")
    for command, manual in (
        ("apt-get install -y curl && x", "npm"),
        ("apt-get install -y npm && x", "npm libnode-dev"),
    ):
        found, _ = image(command, *brought, manual=manual)
        assert found["static-libraries"] == []
    both = "apt-get install -y npm libssl-dev && x"
    _, paths = image(both, *brought, manual="npm libssl-dev")
    assert paths["static-libraries"] == ["usr/lib/x86_64-linux-gnu/libnode.a"]


def test_bytecode_of_packages_is_deleted_where_they_are_installed() -> None:
    """dpkg's scripts compile whatever the environment says; pip has an option against it."""
    code = [
        file("usr/lib/python3.11/__pycache__/os.pyc", b"x" * 500),
        file("usr/lib/python3/dist-packages/apt/__pycache__/a.pyc", b"y" * 500),
    ]
    pip = [file("usr/local/lib/python3.11/site-packages/flask/__pycache__/f.pyc", b"z" * 500)]
    own = [file("opt/tool/lib/__pycache__/t.pyc", b"t" * 500)]
    databases = [
        file("var/lib/dpkg/status", stanza("tool").encode()),
        file("var/lib/dpkg/info/tool.list", b"/opt\n/opt/tool/lib/t.py\n"),
    ]

    def fix(command: str, members: list[Member]) -> str:
        opened = opened_of(
            [(f"RUN /bin/sh -c {command} # buildkit", members)], "python-bytecode", EVERYTHING
        )
        (finding,) = findings_of(opened).found
        return finding.fix

    assert fix("apt-get install -y python3-apt", code) == (
        "RUN apt-get install -y python3-apt \\\n    && find /usr/lib -type d -name __pycache__ -prune -exec rm -rf {} +"
    )
    assert fix("pip install flask", pip) == "RUN pip install --no-compile flask"
    assert fix("make", pip) == "ENV PYTHONDONTWRITEBYTECODE=1\nRUN make"
    assert fix("apt-get install -y tool", [*own, *databases]) == (
        "RUN apt-get install -y tool \\\n    && find /opt/tool/lib/__pycache__ -type d -name __pycache__ -prune -exec rm -rf {} +"
    )
    assert fix("make", own) == "ENV PYTHONDONTWRITEBYTECODE=1\nRUN make"
    both = fix("apt-get install -y python3-pip && pip install flask", [*code, *pip])
    assert both == (
        "RUN apt-get install -y python3-pip \\\n    && pip install --no-compile flask"
        " \\\n    && find /usr/lib -type d -name __pycache__ -prune -exec rm -rf {} +"
    )
