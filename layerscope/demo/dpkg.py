"""What dpkg does: unpack packages into a layer, and keep its books about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import md5

from layerscope.demo import prose, source_text
from layerscope.demo.contents import content
from layerscope.demo.dice import Dice
from layerscope.demo.filler import stored_gzip
from layerscope.demo.packages import Package
from layerscope.demo.tree import FILE, Layer

_INFO = "var/lib/dpkg/info/"
_YEAR = 31_536_000


@dataclass(slots=True)
class Dpkg:
    """The packages of an image so far."""

    stanzas: dict[str, str] = field(default_factory=dict)

    def install(self, layer: Layer, packages: list[Package]) -> None:
        """Unpack `packages` into `layer`, and write all that dpkg notes down."""
        before = self._status()
        for package in packages:
            self._unpack(layer, package)
        layer.file("var/lib/dpkg/status", self._status())
        layer.file("var/lib/dpkg/status-old", before or self._status().rpartition("\n\n")[0])
        if before:
            layer.file("var/log/dpkg.log", _log(packages))

    def _status(self) -> str:
        return "\n".join(text for _, text in sorted(self.stanzas.items()))

    def _unpack(self, layer: Layer, package: Package) -> None:
        """Write the files of one package, its documents and its records."""
        built = layer.mtime - _YEAR // 12 - Dice(package.name).below(1000) * 86_400
        paths: list[str] = []
        for each in package.files:
            paths.append(each.path)
            if each.link:
                layer.symlink(each.path, each.link, mtime=built)
            elif each.hard:
                layer.hard_link(each.path, each.hard)
            else:
                data = content(each.path, each.size, each.script)
                layer.file(each.path, data, each.mode, gid=each.group, mtime=built)
        paths += _documents(layer, package, built)
        entries = [layer.entries[path] for path in paths]
        sums = {
            entry.path: md5(entry.data, usedforsecurity=False).hexdigest()
            for entry in entries
            if entry.type == FILE
        }
        self._records(layer, package, paths, sums)
        size = sum(len(entry.data) for entry in entries) // 1024 + len(entries)
        self.stanzas[package.name] = _stanza(package, size, sums)

    def _records(
        self, layer: Layer, package: Package, paths: list[str], sums: dict[str, str]
    ) -> None:
        """Write the files of `var/lib/dpkg/info` about one package."""
        info, dice = _INFO + package.key, Dice(f"records of {package.name}")
        layer.file(f"{info}.list", _listing(paths))
        own = {path: value for path, value in sums.items() if not path.startswith("etc/")}
        layer.file(f"{info}.md5sums", "".join(f"{value}  {path}\n" for path, value in own.items()))
        if len(own) < len(sums):
            settings = "".join(f"/{path}\n" for path in sums if path not in own)
            layer.file(f"{info}.conffiles", settings)
        if package.is_library:
            name = package.name
            layer.file(f"{info}.triggers", f"# {name}\nactivate-noawait ldconfig\n")
            layer.file(f"{info}.shlibs", f"{name.rstrip('0123456789.-')} {name[-1]} {name}\n")
        elif dice.below(3):
            for script in ("postinst", "prerm", "postrm")[: 1 + dice.below(3)]:
                path = f"{info}.{script}"
                layer.file(path, source_text.shell(path, 400 + dice.below(900)), 0o755)


def _documents(layer: Layer, package: Package, built: int) -> list[str]:
    """The documents of a package; those of one source share a directory."""
    directory = f"usr/share/doc/{package.name}"
    if package.version.startswith("12.2.0-14") and package.name != "gcc-12-base":
        layer.symlink(directory, "gcc-12-base", mtime=built)
        return [directory]
    dice = Dice(f"documents of {package.name}")
    changes = prose.changelog(package.name, package.version, 2 + dice.below(6))
    files = {
        "changelog.Debian.gz": stored_gzip(changes.encode()),
        "copyright": prose.copyright_file(package.name).encode(),
    }
    if not dice.below(4):
        files["README.Debian"] = prose.notes(f"{package.name} for Debian", 900).encode()
    if not dice.below(5):
        files["NEWS.Debian.gz"] = stored_gzip(prose.notes(f"{package.name} news", 700).encode())
    for name, data in files.items():
        layer.file(f"{directory}/{name}", data, mtime=built)
    return [f"{directory}/{name}" for name in files]


def _listing(paths: list[str]) -> str:
    """The `.list` of a package: every path and every directory above it."""
    names = {"/."}
    for path in paths:
        while path:
            names.add(f"/{path}")
            path = path.rpartition("/")[0]
    return "".join(f"{name}\n" for name in sorted(names))


def _stanza(package: Package, size: int, sums: dict[str, str]) -> str:
    """A package's entry in the status file."""
    name, dice = package.name, Dice(f"stanza of {package.name}")
    source = "gcc-12" if package.version.startswith("12.2.0-14") else name
    lines = [f"Package: {name}"]
    if package.priority == "required" and not package.is_library:
        lines.append("Essential: yes")
    lines += [
        "Status: install ok installed",
        f"Priority: {package.priority}",
        f"Section: {package.section}",
        f"Installed-Size: {size}",
        f"Maintainer: Debian {source} maintainers <{source}@packages.debian.org>",
        "Architecture: amd64",
    ]
    if package.is_library:
        lines.append("Multi-Arch: same")
    if source != name:
        lines.append(f"Source: {source}")
    lines.append(f"Version: {package.version}")
    needs = ("zlib1g (>= 1:1.1.4)", "libgcc-s1 (>= 3.3.1)", "libselinux1 (>= 3.1~)", "debconf")
    lines.append(f"Depends: libc6 (>= 2.36), {needs[dice.below(len(needs))]}")
    settings = [path for path in sums if path.startswith("etc/")]
    if settings:
        lines += ["Conffiles:", *(f" /{path} {sums[path]}" for path in settings)]
    lines += [
        f"Description: {package.summary}",
        f" This package is part of the {package.section} section and provides {name},",
        f" {package.summary}.",
        " .",
        f" It is built from the source package {source}.",
        f"Homepage: https://tracker.debian.org/pkg/{source}",
        "",
    ]
    return "\n".join(lines)


def _log(packages: list[Package]) -> str:
    """The log of dpkg: three lines a package."""
    lines = []
    for number, package in enumerate(packages):
        clock = f"2026-03-11 09:4{number // 60 % 10}:{number % 60:02}"
        lines += [
            f"{clock} install {package.key} <none> {package.version}",
            f"{clock} status half-installed {package.key} {package.version}",
            f"{clock} status installed {package.key} {package.version}",
        ]
    return "\n".join([*lines, ""])
