"""An image in which every text attacks one of the formats."""

from __future__ import annotations

from tests.images import CREATED, docker_archive, file, layer_tar, whiteout

NAMES: tuple[str | bytes, ...] = (
    "\ufffe\uffff\x01\x08\x0b\x1b[31m",
    "\u2028\u2029\u202egnp.exe",
    b"caf\xe9\xff\xfe",
    "line\n::error file=x,line=1::owned",
    "##[error]owned",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "\"'><svg onload=alert(1)>",
    "</title></style></details></table><h1>big",
    "a|b`c``d",
    "`@octocat` #123 !4 GH-5 www.evil.example https://evil.example :tada:",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "=HYPERLINK(\"https://evil.example\")",
    "line\r\n::warning::owned",
    "100%0A::error::owned",
    "{0} {1} [link](1)",
    "]]>&amp;&#0;&lt;",
    "very" * 50,
    " spaces ",
)  # fmt: skip
"""Names of files: markup, quotes, ends of elements, Markdown, formulas, commands, what XML cannot hold, no UTF-8.

The first ones are those that findings name.
"""

TITLE = "evil</title><script>document.title='owned'</script>:latest"
COMMAND = (
    "RUN /bin/sh -c apt-get update && echo '```' '</pre></details><script>owned()</script>' @octocat #1 "
    "'\u202e' \x1b[31m '%0A::error::owned' ]]> # buildkit"
)


def _in(folder: str, name: str | bytes) -> bytes:
    raw = name if isinstance(name, bytes) else name.encode()
    return folder.encode() + b"/" + raw.replace(b"/", b"\\")


def _content(number: int) -> bytes:
    """Contents; the first names have the most bytes, as reports list the largest files."""
    return b"%03d" % number * (9000 - 10 * number)


def hostile() -> bytes:
    """The image as an archive; its names are stored, deleted, stored twice, and part of findings."""
    stored = layer_tar(
        [file(_in("gone", name), _content(number)) for number, name in enumerate(NAMES)]
    )
    lists = layer_tar(
        [
            file(_in("var/lib/apt/lists", name), _content(number))
            for number, name in enumerate(NAMES)
        ]
        + [file(_in("twice", name), _content(number)) for number, name in enumerate(NAMES)]
    )
    deleted = layer_tar([whiteout("gone")])
    history: list[dict[str, object]] = [
        {"created": CREATED, "created_by": "=cmd|' /C calc'!A0 " + COMMAND},
        {"created": CREATED, "created_by": COMMAND},
        {"created": CREATED, "created_by": "RUN /bin/sh -c rm -rf /gone # buildkit"},
        {"created": CREATED, "created_by": f"LABEL x={TITLE}", "empty_layer": True},
    ]
    return docker_archive([stored, lists, deleted], history=history, tags=(TITLE,))
