"""Writes into a layer what dpkg, apt and pip write when they install the packages of `manifest.txt`."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import md5, sha224, sha256
from typing import NamedTuple

from layerscope.demo.archive import FILE, HARD_LINK, Layer
from layerscope.demo.filler import MANIFEST, content, gzip, noise, text

REQUESTED = "build-essential ca-certificates iputils-ping python3 python3-pip"
SITE = "usr/local/lib/python3.11/dist-packages/"
_INFO = "var/lib/dpkg/info/"
_AUTHORITIES = "usr/share/ca-certificates/mozilla/"
_WORD = re.compile(r"([^*~%>&!@]+)(?:([*~%>&])([^!@]*))?(?:!(\d+))?(?:@(\d+))?")
_SONAME = re.compile(r"(lib.+\.so\.\d+)\.[\d.]+")
_SCRIPTS = {"~": "shell", "%": "perl"}
_DAY = 86_400
_RAW_SOCKETS = bytes.fromhex("0100000200200000000000000000000000000000")
"""The capability CAP_NET_RAW, effective, as the kernel stores it."""


class Package(NamedTuple):
    """A line of the manifest."""

    name: str
    version: str
    section: str
    needs: list[str]
    summary: str
    files: str

    @property
    def key(self) -> str:
        """The name of its files in dpkg's database; libraries carry their architecture."""
        return f"{self.name}:amd64" if self.section == "libs" else self.name


def read_packages(section: str) -> list[Package]:
    """The lines of a section of the manifest."""
    tables = MANIFEST
    for name, value in re.findall(r"^(\$\w) = (.+)$", MANIFEST, re.MULTILINE):
        tables = tables.replace(name, value)
    lines = tables.partition(f"\n[{section}]\n")[2].partition("\n[")[0].splitlines()
    packages = []
    for line in lines:
        head, summary, files = line.split(" |", 2)
        name, version, kind, *needs = [*head.split(), "", ""]
        packages.append(
            Package(name, version, kind, [*filter(None, needs)], summary.strip(), files)
        )
    return packages


def unpack(layer: Layer, package: Package, root: str = "", mtime: int | None = None) -> list[str]:
    """Write the files of a package below `root`; return the paths of all but directories."""
    paths: list[str] = []
    directory, file_time = "", mtime or layer.mtime
    for word in package.files.split():
        match = _WORD.fullmatch(word)
        assert match is not None, word  # noqa: S101
        name, mark, rest, mode_text, group = match.groups(default="")
        gid, mode = int(group or 0), int(mode_text, 8) if mode_text else 0o755
        if name.endswith("/"):
            directory = root + name.removeprefix("./")
            if directory and (mode_text or directory[:-1] not in layer.entries):
                layer.directory(directory[:-1], mode, gid=gid)
            continue
        path = directory + name
        paths.append(path)
        if mark == ">":
            layer.symlink(path, rest + name if rest.endswith("-") else rest, file_time)
        elif mark == "&":
            layer.add(path, layer.entries[rest]._replace(data=b"", type=HARD_LINK, link=rest))
        else:
            executable = mark in _SCRIPTS or directory.endswith("bin/")
            size = int(rest) * 1000 if rest else None
            data = b"" if rest == "0" else content(path, size, _SCRIPTS.get(mark, ""))
            layer.file(
                path, data, mode if mode_text or executable else 0o644, gid=gid, mtime=file_time
            )
        if (soname := _SONAME.fullmatch(name)) and f" {soname[1]}>" not in package.files:
            layer.symlink(directory + soname[1], name, file_time)
            paths.append(directory + soname[1])
    return paths


def compile_python(layer: Layer, below: str) -> None:
    """Write the bytecode of all Python modules of the layer below a path, as py3compile and pip do."""
    for path, entry in list(layer.entries.items()):
        if path.startswith(below) and path.endswith(".py") and entry.type == FILE:
            directory, _, name = path.rpartition("/")
            cached = f"{directory}/__pycache__/{name[:-3]}.cpython-311.pyc"
            layer.file(cached, content(path, len(entry.data) * 3 // 5, "pyc"))


def install(layer: Layer, packages: list[Package], status: dict[str, str]) -> None:
    """Unpack Debian packages and write dpkg's database; `status` holds its stanzas by package."""
    before = "\n".join(status.values())
    for package in packages:
        built = layer.mtime - 30 * _DAY - noise(package.name, 1)[0] * _DAY
        paths = unpack(layer, package, mtime=built)
        if package.name == "-":
            continue
        documents = f"usr/share/doc/{package.name}/"
        changes = f"{package.name} ({package.version}) unstable; urgency=medium\n\n".encode()
        changes += text("changes", package.name, 900) + b"\n -- Robin Example <robin@example.com>\n"
        for name, data in (
            ("changelog.Debian.gz", gzip(changes)),
            ("copyright", text("notes", documents + "copyright", 1300)),
        ):
            layer.file(documents + name, data, mtime=built)
            paths.append(documents + name)
        status[package.name] = _record(layer, package, paths)
    layer.file("var/lib/dpkg/status-old", before or "")
    layer.file("var/lib/dpkg/status", "\n".join(status[name] for name in sorted(status)))


def _record(layer: Layer, package: Package, paths: list[str]) -> str:
    """Write the files of `var/lib/dpkg/info` about a package; return its stanza for `status`."""
    info, entries = _INFO + package.key, layer.entries
    above = {path[:at] for path in paths for at in range(len(path)) if path[at] == "/"}
    layer.file(f"{info}.list", "".join(f"/{path}\n" for path in [".", *sorted(above | set(paths))]))
    sums = {
        path: md5(entries[path].data, usedforsecurity=False).hexdigest()
        for path in paths
        if entries[path].type == FILE
    }
    layer.file(f"{info}.md5sums", "".join(f"{sums[path]}  {path}\n" for path in sums))
    settings = [path for path in sums if path.startswith("etc/")]
    if settings:
        layer.file(f"{info}.conffiles", "".join(f"/{path}\n" for path in settings))
    if package.section == "libs":
        layer.file(f"{info}.triggers", f"# {package.name}\nactivate-noawait ldconfig\n")
    else:
        layer.file(f"{info}.postinst", text("shell", f"/{info}.postinst", 600), 0o755)
    size = sum(len(entries[path].data) for path in paths) // 1024
    lines = [f"Package: {package.name}"]
    lines += ["Essential: yes"] * package.section.endswith("!")
    lines += ["Status: install ok installed", f"Section: {package.section.rstrip('!')}"]
    lines += [f"Installed-Size: {size}", f"Maintainer: Debian {package.name} maintainers"]
    lines[-1] += f" <{package.name}@packages.debian.org>"
    lines += ["Architecture: amd64", f"Version: {package.version}"]
    lines += [f"Depends: {', '.join(package.needs)}"] * bool(package.needs)
    lines += ["Conffiles:", *(f" /{path} {sums[path]}" for path in settings)] * bool(settings)
    lines += [
        f"Description: {package.summary}",
        f" This package provides {package.name}: {package.summary}.",
    ]
    lines += [f"Homepage: https://tracker.debian.org/pkg/{package.name}", ""]
    return "\n".join(lines)


def install_with_apt(layer: Layer, packages: list[Package], status: dict[str, str]) -> None:
    """Write what `apt-get update && apt-get install` leaves: packages, lists, downloads, caches and logs."""
    install(layer, packages, status)
    ping = layer.entries["usr/bin/ping"]
    layer.add("usr/bin/ping", ping._replace(xattrs=(("security.capability", _RAW_SOCKETS),)))
    bundle = [path for path in layer.entries if path.startswith(_AUTHORITIES)]
    for path in bundle:
        name = path.removeprefix(_AUTHORITIES).removesuffix(".crt")
        layer.symlink(f"etc/ssl/certs/{name}.pem", f"/{path}")
        layer.symlink(f"etc/ssl/certs/{noise(name, 4).hex()}.0", f"{name}.pem")
    certificates = b"".join(layer.entries[path].data for path in bundle)
    layer.file("etc/ssl/certs/ca-certificates.crt", certificates)
    compile_python(layer, "usr/lib/python3")
    lists = "var/lib/apt/lists/deb.debian.org_debian"
    for suite, size in (
        ("_dists_bookworm", 720_000),
        ("_dists_bookworm-updates", 4_000),
        ("-security_dists_bookworm-security", 190_000),
    ):
        release = f"{lists}{suite}_InRelease"
        layer.file(release, content(release, 20_000, "pem"))
        layer.file(f"{lists}{suite}_main_binary-amd64_Packages", text("packages", suite, size))
    layer.file("var/lib/apt/lists/lock", b"", 0o640)
    for package in packages:
        name = f"{package.name}_{package.version.replace(':', '%3a')}_amd64.deb"
        size = int(re.findall(r"Installed-Size: (\d+)", status[package.name])[0]) * 85
        layer.file(f"var/cache/apt/archives/{name}", content(name, 4000 + size, "archive"))
    for name in ("pkgcache.bin", "srcpkgcache.bin"):
        layer.file(f"var/cache/apt/{name}", content(name, 210_000, "noise"))
    layer.file("etc/ld.so.cache", noise("ld.so.cache after", 11_400))
    automatic = [each.name for each in packages if each.name not in REQUESTED.split()]
    states = "".join(
        f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n" for name in automatic
    )
    layer.file("var/lib/apt/extended_states", states)
    log = "".join(f"Unpacking {each.name} ({each.version}) ...\n" for each in packages)
    layer.file("var/log/apt/term.log", log)
    layer.file("var/log/dpkg.log", log.replace("Unpacking", "2026-03-11 09:40:21 status installed"))


def install_with_pip(layer: Layer) -> None:
    """Write what `pip install -r requirements.txt` leaves: the packages, and a cache of their downloads."""
    packages = read_packages("pip")
    written = {package.name: unpack(layer, package, SITE) for package in packages}
    compile_python(layer, SITE)
    for package in packages:
        info = f"{SITE}{package.name.replace('-', '_')}-{package.version}.dist-info/"
        about = f"Metadata-Version: 2.4\nName: {package.name}\nVersion: {package.version}\n"
        about += f"Summary: {package.summary}\nRequires-Python: >=3.9\n\n"
        layer.file(f"{info}METADATA", about.encode() + text("notes", package.name, 1500))
        layer.file(f"{info}INSTALLER", "pip\n")
        layer.file(f"{info}WHEEL", "Wheel-Version: 1.0\nGenerator: flit 3.12.0\n")
        layer.file(f"{info}licenses/LICENSE.txt", text("notes", f"{info}LICENSE", 1400))
        record = [*written[package.name], f"{info}METADATA", f"{info}INSTALLER", f"{info}WHEEL"]
        lines = "".join(_recorded(layer, path) for path in record)
        layer.file(f"{info}RECORD", lines + f"{info.removeprefix(SITE)}RECORD,,\n")
        size = sum(len(layer.entries[path].data) for path in written[package.name]) // 2
        for name, length in ((f"{package.name} index", 9000), (f"{package.name} wheel", size)):
            key = sha224(name.encode()).hexdigest()
            cached = f"root/.cache/pip/http/{'/'.join(key[:5])}/{key}"
            layer.file(cached, b"cc=4," + noise(name, length), 0o600)
    layer.directory("root/.cache", 0o700)
    for name in ("dotenv", "flask", "gunicorn"):
        program = f"#!/usr/bin/python3\nimport sys\nfrom {name}.__main__ import main\n\nsys.exit(main())\n"
        layer.file(f"usr/local/bin/{name}", program, 0o755)


def _recorded(layer: Layer, path: str) -> str:
    """A line of RECORD (PEP 376, PEP 427)."""
    data = layer.entries[path].data
    digest = urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    return f"{path.removeprefix(SITE)},sha256={digest},{len(data)}\n"
