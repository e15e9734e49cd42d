"""Dialects of `created_by`, from real builders and from hostile images."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.image.instruction import (
    INSTRUCTIONS,
    Instruction,
    parse_created_by,
    readable,
    shell_prefix,
)

POWERSHELL = "powershell -Command $ErrorActionPreference = 'Stop';"


def parse(
    text: str, shells: Sequence[str] = (), arg_names: Collection[str] = ()
) -> tuple[str | None, str, tuple[str, ...]]:
    found = parse_created_by(text, shells=shells, arg_names=arg_names)
    return found.name, found.arguments, found.build_args


CLASSIC = [
    ("/bin/sh -c #(nop) COPY dir:96f898cb in /flask ", "COPY", "dir:96f898cb in /flask"),
    ('/bin/sh -c #(nop)  CMD ["sh"]', "CMD", '["sh"]'),
    ("/bin/sh -c #(nop)  ENV FOO=bar BAZ=a b", "ENV", "FOO=bar BAZ=a b"),
    ("/bin/sh -c #(nop) WORKDIR /data", "WORKDIR", "/data"),
    ("/bin/sh -c #(nop)  ONBUILD RUN echo", "ONBUILD", "RUN echo"),
    ("/bin/sh -c #(nop)  MAINTAINER Me <me@example.com>", "MAINTAINER", "Me <me@example.com>"),
    ('/bin/sh -c #(nop)  ENTRYPOINT ["npx" "/x.js"]', "ENTRYPOINT", '["npx" "/x.js"]'),
    ("/bin/sh -c #(nop)  VOLUME [/data]", "VOLUME", "[/data]"),
    ("/bin/sh -c apt-get update", "RUN", "apt-get update"),
    ("/bin/sh -c apk update &&     apk add x", "RUN", "apk update &&     apk add x"),
    ("/bin/sh -c echo '#(nop) CMD x'", "RUN", "echo '#(nop) CMD x'"),
    ("/bin/sh -c echo a #(nop) CMD x", "RUN", "echo a #(nop) CMD x"),
    ("/bin/sh -ec #(nop)  USER nobody", "USER", "nobody"),
    (
        "/bin/bash -o pipefail -c #(nop)  SHELL [/bin/bash -o pipefail -c]",
        "SHELL",
        "[/bin/bash -o pipefail -c]",
    ),
    ("/bin/bash -o pipefail -c curl x | sh", "RUN", "curl x | sh"),
    ("/bin/bash -ceuo pipefail make", "RUN", "make"),
    ("/bin/bash --login -c yum update -y", "RUN", "yum update -y"),
    ("/bin/ash -eo pipefail -c make", "RUN", "make"),
    ("cmd /S /C #(nop) ADD file:1f in C:\\ ", "ADD", "file:1f in C:\\"),
    ("cmd /S /C powershell -Command Get-X", "RUN", "powershell -Command Get-X"),
    (r"C:\Windows\System32\cmd.exe /c dir", "RUN", "dir"),
    ("powershell -Command Get-Item C:\\", "RUN", "Get-Item C:\\"),
    ("pwsh -NoLogo -ExecutionPolicy Bypass -Command Get-Item", "RUN", "Get-Item"),
    (f"{POWERSHELL} #(nop)  SHELL [{POWERSHELL}]", "SHELL", f"[{POWERSHELL}]"),
    (f"{POWERSHELL} #(nop)  ENV A=b", "ENV", "A=b"),
    (f"{POWERSHELL} Get-Item", "RUN", "$ErrorActionPreference = 'Stop'; Get-Item"),
    ("/usr/bin/python3 -c #(nop)  SHELL [/usr/bin/python3 -c]", "SHELL", "[/usr/bin/python3 -c]"),
    ("/usr/bin/python3 -c #(nop)  ENV A=b", "ENV", "A=b"),
]
BUILDKIT = [
    ("RUN /bin/sh -c apt-get update # buildkit", "RUN", "apt-get update"),
    ("RUN /bin/bash -o pipefail -c a | b # buildkit", "RUN", "a | b"),
    ("RUN /bin/sh -c apt-get update", "RUN", "apt-get update"),
    ("RUN make all # buildkit", "RUN", "make all"),
    ("RUN /bin/sh -c echo 1 # buildkit # buildkit", "RUN", "echo 1 # buildkit"),
    ("RUN /bin/sh -c set -e\n  echo a\n\necho b\n # buildkit", "RUN", "set -e\n  echo a\n\necho b"),
    ("RUN /bin/sh -c /dev/pipes/EOF # buildkit", "RUN", "/dev/pipes/EOF"),
    ("RUN /bin/sh -c cat <<EOF > /x\nhi\nEOF\n # buildkit", "RUN", "cat <<EOF > /x\nhi\nEOF"),
    ("COPY --chown=1000 src /app # buildkit", "COPY", "--chown=1000 src /app"),
    ("COPY <<name /dest # buildkit", "COPY", "<<name /dest"),
    ("ADD https://example.com/x /x # buildkit", "ADD", "https://example.com/x /x"),
    ("ENV FOO=bar BAZ=a b", "ENV", "FOO=bar BAZ=a b"),
    ("WORKDIR /newdir", "WORKDIR", "/newdir"),
    ("EXPOSE map[80/tcp:{}]", "EXPOSE", "map[80/tcp:{}]"),
    ("SHELL [/bin/sh -ec]", "SHELL", "[/bin/sh -ec]"),
    (
        r"""HEALTHCHECK &{["CMD" "x"] "5s" '\x00'}""",
        "HEALTHCHECK",
        r"""&{["CMD" "x"] "5s" '\x00'}""",
    ),
    ("STOPSIGNAL\tSIGINT", "STOPSIGNAL", "SIGINT"),
    ("CMD", "CMD", ""),
]
BUILDAH = [
    ('/bin/sh -c #(nop) CMD ["a","b"]', "CMD", '["a","b"]'),
    ("/bin/sh -c #(nop) env LANG=C", "ENV", "LANG=C"),
    ("/bin/sh -c #(nop) COPY file:7b in /srv/zz  --link", "COPY", "file:7b in /srv/zz  --link"),
    ("/bin/sh -c make|unsetLabel=a", "RUN", "make|unsetLabel=a"),
    ("/bin/sh -c cat <<EOF\nhello\nEOF", "RUN", "cat <<EOF\nhello\nEOF"),
    ("/bin/sh -c --mount=type=cache,target=/c make", "RUN", "--mount=type=cache,target=/c make"),
]
KANIKO = [
    ("RUN apt-get update && make", "RUN", "apt-get update && make"),
    ('RUN ["make", "all"]', "RUN", '["make", "all"]'),
    ("RUN bash -c 'make all'", "RUN", "bash -c 'make all'"),
    ("RUN bash -c", "RUN", "bash -c"),
    ("COPY --from=build /a $HOME/b", "COPY", "--from=build /a $HOME/b"),
    ("ADD README.md /somefile.txt", "ADD", "README.md /somefile.txt"),
]
UNKNOWN = [
    "bazel build //app:image",
    "bazel build ...",
    "jib-maven-plugin:3.4.0",
    "ko build ko://example.com/cmd/x",
    "apko",
    "crane flatten sha256:0123",
    "Buildpacks Launcher Config",
    "Apply image 20H2-amd64",
    "# debian.sh --arch 'amd64' out/ 'bookworm' '@1735'",
    "/bin/sh",
    "/bin/sh -c",
    "/bin/sh -c #(nop)",
    "/bin/sh -c #(nop) NOTHING x",
    "make all",
    "RUNNER x",
    "Run x",
    "copy of a copy",
    "echo 'a #(nop) CMD x'",
    "a\nb #(nop) CMD x",
    "",
    "|",
    "|x",
    "|1",
    "|1 A=1",
    "|1 /bin/sh -c make",
    "|3 A=1 B=2 /bin/sh -c make",
    "|2 A=1 A=2 /bin/sh -c make",
    "|-1 A=1 /bin/sh -c make",
    "|" + "9" * 5000 + " A=1 /bin/sh -c make",
]


@pytest.mark.parametrize(("text", "name", "arguments"), CLASSIC + BUILDKIT + BUILDAH + KANIKO)
def test_dialect_of_a_builder(text: str, name: str, arguments: str) -> None:
    assert parse(text) == (name, arguments, ())


@pytest.mark.parametrize("text", UNKNOWN)
def test_unknown_text_is_unchanged(text: str) -> None:
    assert parse(f" {text}\n") == (None, text, ())


@pytest.mark.parametrize(
    ("text", "arguments", "build_args"),
    [
        ("|1 VERSION=9 /bin/sh -c make", "make", ("VERSION=9",)),
        ("|2 A=1 B=x y /bin/sh -c make", "make", ("A=1", "B=x y")),
        ("RUN |2 A=1 B=x y /bin/sh -c make # buildkit", "make", ("A=1", "B=x y")),
        ("RUN |1 A=b /bin/sh -c rm /tmp/x", "rm /tmp/x", ("A=b",)),
        ("|0 /bin/sh -c echo hi", "echo hi", ()),
        ("|0 make all", "make all", ()),
        ("|3 A= B= C= /bin/bash -o pipefail -c a && b", "a && b", ("A=", "B=", "C=")),
        ("|1 A=a  b  /bin/sh -c make", "make", ("A=a  b ",)),
        ("|1 A=a\nb /bin/sh -c make", "make", ("A=a\nb",)),
        ("|1 A=x=y /bin/sh -c env B=1 /bin/sh -c z", "env B=1 /bin/sh -c z", ("A=x=y",)),
        ("|1 A=--b=1 --c=2 /bin/sh -c make", "make", ("A=--b=1 --c=2",)),
        ("|2 A=/bin/sh -c x B=2 /bin/sh -c make", "make", ("A=/bin/sh -c x", "B=2")),
        ("|1 A=1 make all", "make all", ("A=1",)),
        ("|1 A=1 /bin/sh", "/bin/sh", ("A=1",)),
        ("RUN |2 A=1 B=2 make all # buildkit", "make all", ("A=1", "B=2")),
        ("|1 A=1 cmd /S /C dir", "dir", ("A=1",)),
        ("|1 A=1 /bin/sh -c #(nop) CMD x", "#(nop) CMD x", ("A=1",)),
    ],
)
def test_build_arguments(text: str, arguments: str, build_args: tuple[str, ...]) -> None:
    assert parse(text) == ("RUN", arguments, build_args)


@pytest.mark.parametrize(
    ("text", "arguments", "build_args"),
    [
        ("|3 PKGS=less file UID=1000 /bin/sh -c apt-get update; make A=b || true", "apt-get update; make A=b || true", ("PKGS=less file", "UID=1000")),
        ("|2 A=x y /bin/sh -c bash -c 'B=1 make'", "bash -c 'B=1 make'", ("A=x y",)),
        ("|4 A=x  y B= /bin/sh -c make", "make", ("A=x  y", "B=")),
        ("|3 A=1 2 3 /bin/sh -c make C=1 D=2 /bin/sh -c x", "make C=1 D=2 /bin/sh -c x", ("A=1 2 3",)),
        ('|2 A=x y /bin/sh -c ["python3", "-c", "a = open(\'/x\')"]', '["python3", "-c", "a = open(\'/x\')"]', ("A=x y",)),
    ],
)  # fmt: skip
def test_buildah_counts_the_words_of_build_arguments(
    text: str, arguments: str, build_args: tuple[str, ...]
) -> None:
    """A value with spaces counts as several words."""
    assert parse(text) == ("RUN", arguments, build_args)


def test_declared_names_separate_values_that_buildah_counts() -> None:
    """A word that looks like an argument but was not declared is part of a value."""
    text = "|4 FLAGS=-a X=1 -b UID=1 /bin/sh -c make"
    assert parse(text, arg_names=["FLAGS", "UID"])[2] == ("FLAGS=-a X=1 -b", "UID=1")
    assert parse(text)[2] == ("FLAGS=-a", "X=1 -b", "UID=1")


def test_a_run_with_a_wrong_number_of_build_arguments_keeps_them() -> None:
    text = "RUN |5 A=1 /bin/sh -c make # buildkit"
    assert parse(text) == ("RUN", "|5 A=1 /bin/sh -c make", ())


def test_argument_names_separate_values() -> None:
    text = "|2 FLAGS=-a X=1 -b B=2 /bin/sh -c make"
    assert parse(text)[2] == ("FLAGS=-a", "X=1 -b B=2")
    assert parse(text, arg_names={"FLAGS", "B"})[2] == ("FLAGS=-a X=1 -b", "B=2")
    assert parse("|2 A=1 b/c=2 /bin/sh -c x", arg_names=["b/c"])[2] == ("A=1", "b/c=2")
    # A name that is not a variable's is part of the previous value, as buildah counts.
    assert parse("|2 A=1 b/c=2 /bin/sh -c x") == ("RUN", "x", ("A=1 b/c=2",))


def test_shells_of_earlier_steps_are_recognised() -> None:
    python = "/usr/bin/env python3 -c"
    assert parse(f"{python} print(1)")[0] is None
    assert parse(f"{python} print(1)", [python]) == ("RUN", "print(1)", ())
    assert parse(f"{python} #(nop)  ENV A=b", [python]) == ("ENV", "A=b", ())
    assert parse(f"RUN {python} print(1) # buildkit", [python]) == ("RUN", "print(1)", ())
    assert parse(f"|1 A=b c {python} print(1)", ["", python]) == ("RUN", "print(1)", ("A=b c",))
    assert parse(f"{POWERSHELL} Get-Item", [POWERSHELL]) == ("RUN", "Get-Item", ())
    assert parse(f"|1 A=1 {POWERSHELL} Get-Item", [POWERSHELL]) == ("RUN", "Get-Item", ("A=1",))
    assert parse(f"{python}3 x", [python])[0] is None


@pytest.mark.parametrize(
    ("arguments", "prefix"),
    [
        ("[/bin/bash -o pipefail -c]", "/bin/bash -o pipefail -c"),
        ('["/bin/bash", "-o", "pipefail", "-c"]', "/bin/bash -o pipefail -c"),
        ("[]", ""),
        ("/bin/bash -c", ""),
        ("", ""),
        ('["\udc80"]', '"\udc80"'),
        ("[" * 50_000 + "]" * 50_000, "[" * 49_999 + "]" * 49_999),
    ],
    ids=["docker", "json", "none", "no list", "empty", "surrogate", "deep"],
)
def test_the_prefix_of_a_shell(arguments: str, prefix: str) -> None:
    assert shell_prefix(arguments) == prefix


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        (" \n ", []),
        ("make", ["make"]),
        ("set -eux; \tapt-get update; make;", ["set -eux;", "    apt-get update;", "    make;"]),
        ("a  &&     b && c || d", ["a", "    && b", "    && c || d"]),
        ("a && \\\n  b; \\\r\n c", ["a && \\", "    b; \\", "    c"]),
        ("a \\\n && b", ["a \\", "    && b"]),
        ("a &&\nb;\nc", ["a &&", "    b;", "    c"]),
        ("a ; b&&c & d |& e", ["a ;", "    b", "    &&c & d |& e"]),
        ("echo 'a; b' \"c && d\" e\\; f", ["echo 'a; b' \"c && d\" e\\; f"]),
        ("echo 'it'\\''s'; b", ["echo 'it'\\''s';", "    b"]),
        ('echo "\\"; a"; b', ['echo "\\"; a";', "    b"]),
        ('x="$(echo "a; b"; c)"; d', ['x="$(echo "a; b"; c)";', "    d"]),
        ("x=`a; b`; c", ["x=`a; b`;", "    c"]),
        ("(a; b && (c; d)); e", ["(a; b && (c; d));", "    e"]),
        ("x=${y:-a;b}; ((i=0;i<2;i++)); z", ["x=${y:-a;b};", "    ((i=0;i<2;i++));", "    z"]),
        ("case x in a) b;; c) d ;; esac", ["case x in a) b;;", "    c) d ;;", "    esac"]),
        ("a;\n# don't; x\nb; c", ["a;", "    # don't; x", "    b;", "    c"]),
        ("echo a#'b; c'; d", ["echo a#'b; c';", "    d"]),
        ("if x\n  a; b\n\tc\nfi", ["if x", "      a;", "      b", "        c", "    fi"]),
        ("a &&\t\tb", ["a", "    && b"]),
        ("echo 'a\n  b; c'\nd", ["echo 'a", "      b; c'", "    d"]),
        ("\n  a\n  b", ["a", "      b"]),
    ],
)
def test_commands_are_broken_for_reading(text: str, lines: list[str]) -> None:
    assert readable(text) == lines


SHELLISH = st.text(st.sampled_from("ab \t\n\r\\;&|'\"`$(){}#\x1b\u2028é"), max_size=80)
WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "/bin/sh",
                "-c",
                "-o",
                "pipefail",
                "#(nop)",
                "#",
                "buildkit",
                "|1",
                "|2",
                "|0",
                "A=1",
            ),
            *("B=", "A=x", "RUN", "ENV", "SHELL", "[a", "]", "powershell", "-Command", ";", "cmd"),
            *("/S", "/C", "", "\n", "make", "'", "\udc80", "\x00"),
        ]
    ),
    max_size=14,
).map(" ".join)


@given(SHELLISH | WORDS | st.text())
def test_breaking_loses_only_white_space(text: str) -> None:
    lines = readable(text)
    assert without_space("".join(lines)) == without_space(text)
    assert not any("\n" in line or not line.strip(" ") for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])


def without_space(text: str) -> str:
    """`text` without the shell's white space."""
    return text.translate(dict.fromkeys(map(ord, " \t\r\n\v\f")))


@given(WORDS | SHELLISH | st.text(), st.lists(WORDS, max_size=2), st.sets(WORDS, max_size=3))
def test_any_text_is_parsed(text: str, shells: list[str], arg_names: set[str]) -> None:
    found = parse_created_by(text, shells=shells, arg_names=arg_names)
    assert found.arguments in text
    assert all(piece in text and "=" in piece for piece in found.build_args)
    if found.name is None:
        assert found == Instruction(None, text.strip(" \t\r\n\v\f"), ())
    else:
        assert found.name in INSTRUCTIONS
        assert found.arguments == found.arguments.strip(" \t\r\n\v\f")


VALUE = st.text(st.characters(codec="utf-8", exclude_characters="=\r\n\v\f\t"), max_size=12)


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,3}", fullmatch=True), VALUE, min_size=1, max_size=5))
def test_build_arguments_survive(values: dict[str, str]) -> None:
    pieces = tuple(f"{name}={value}" for name, value in values.items())
    text = f"|{len(pieces)} {' '.join(pieces)} /bin/sh -c make all"
    assert parse(text, arg_names=values) == ("RUN", "make all", pieces)


@pytest.mark.parametrize(
    "text",
    [
        "|" * 100_000,
        "|9 " * 30_000,
        "|99999 " + "A=1 " * 25_000,
        "|9999 " + " ".join(f"A{i}=1" for i in range(20_000)) + " /bin/sh -c x",
        "|1 A=1 " + "sh -o x " * 12_000,
        "|1 A=1 " + ("sh " + "-ooooooo x " * 12 + "q ") * 700,
        "|1 A=1 " + "powershell " + "-a " * 30_000,
        "|1 A=1 " + "/a" * 50_000,
        "/a" * 50_000 + "#(nop) ",
        "sh -" + "c" * 100_000 + "!",
        "cmd " + "/q " * 30_000,
        "x #(nop)" * 12_000,
        "RUN " + "# buildkit " * 9_000,
        "\x1b[2J\0\u202e" * 20_000,
        " " * 100_000 + "x" + " " * 100_000,
        "'" * 100_000,
        "$(" * 50_000,
        "; " * 50_000,
        "&&" * 50_000,
        ";\t\t\t" * 25_000,
        " " * 50_000 + "\n" + " " * 50_000 + "a;" * 25_000,
        "\\" * 100_001 + "\n",
        " #" * 50_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_is_fast(text: str) -> None:
    start = time.process_time()
    for prefix in ("", "RUN "):
        parse_created_by(prefix + text, shells=["/bin/sh -c", "sh -o x"], arg_names={"A1"})
    assert without_space("".join(readable(text))) == without_space(text)
    # Linear takes a tenth of a second at most; quadratic takes minutes.
    assert time.process_time() - start < 5
