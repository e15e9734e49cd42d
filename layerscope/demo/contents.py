"""What a file holds, judged by its path."""

from __future__ import annotations

from collections.abc import Callable

from layerscope.demo import filler, prose, source_text
from layerscope.demo.dice import Dice, noise
from layerscope.demo.etc_files import TEXTS


def _text(maker: Callable[[str, int], str]) -> Callable[[str, int], bytes]:
    return lambda path, size: maker(path, size).encode()


_MAKERS: tuple[tuple[str, Callable[[str, int], bytes]], ...] = (
    # Part of the path → maker; the first that fits wins.
    ("py.typed", lambda _path, _size: b""),
    (".png", lambda path, size: filler.png(path, 16, size // 50)),
    ("/ca-certificates/mozilla/", _text(prose.pem)),
    ("/terminfo/", filler.terminfo),
    ("/locale/", noise),
    ("/common-licenses/", _text(prose.licence)),
    ("LICENSE.txt", _text(prose.licence)),
    ("/bash-completion/", _text(source_text.completion)),
    ("/unicore/", _text(source_text.unicode_table)),
    ("/include/", _text(source_text.header)),
    (".gpg", noise),
    (".cache", noise),
    (".asc", lambda path, size: prose.pem(path, size, "PGP PUBLIC KEY BLOCK").encode()),
    (".py", _text(source_text.python)),
    (".pm", _text(source_text.perl)),
    (".pl", _text(source_text.perl)),
    (".js", _text(source_text.script)),
    (".css", _text(source_text.style)),
    (".sh", _text(source_text.shell)),
    (".service", lambda path, _size: prose.unit(path).encode()),
    (".timer", lambda path, _size: prose.unit(path).encode()),
    ("/bug/", _text(source_text.shell)),
    ("/doc/", _text(prose.notes)),
    (".md", _text(prose.notes)),
    ("METADATA", _text(prose.notes)),
    ("PKG-INFO", _text(prose.notes)),
)


def content(path: str, size: int, script: str = "") -> bytes:
    """The bytes of the file at `path`: about `size` of them, or as many as such files have."""
    if path in TEXTS:
        return TEXTS[path].encode()
    if script:
        maker = source_text.perl if script == "perl" else source_text.shell
        return maker(path, size or 700).encode()
    if path.endswith((".a", ".o")):
        return _library(path, size)
    if _is_binary(path):
        spread = Dice(f"size of {path}").below(512)
        return filler.elf(path, (size or 6000 + spread * 8) + spread)
    wanted = size or 300 + Dice(f"size of {path}").below(700)
    for part, maker_of_bytes in _MAKERS:
        if part in path:
            return maker_of_bytes(path, wanted)
    return prose.settings(path, wanted).encode()


def _is_binary(path: str) -> bool:
    """Programs, and libraries with or without a version in their name."""
    directory, _, name = path.rpartition("/")
    if ".so" in name:
        return name.endswith(".so") or name.partition(".so.")[2].replace(".", "").isdigit()
    if directory.startswith("usr/lib/gcc/"):
        return "." not in name
    return directory in ("usr/bin", "usr/sbin") or directory.startswith(
        ("usr/lib/apt", "usr/libexec")
    )


def _library(path: str, size: int) -> bytes:
    if path.endswith(".a"):
        return filler.static_library(path, size or 9000)
    return filler.elf(path, max(size, 2200), 1)
