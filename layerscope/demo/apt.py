"""What `apt-get update && apt-get install` leaves: the packages, and all that it fetched."""

from __future__ import annotations

from hashlib import md5

from layerscope.demo import prose
from layerscope.demo.base import debconf_answers, debconf_templates
from layerscope.demo.build_packages import BUILD_PACKAGES
from layerscope.demo.dates import BASE_TIME
from layerscope.demo.dice import Dice, noise
from layerscope.demo.dpkg import Dpkg
from layerscope.demo.filler import compiled, deb
from layerscope.demo.header_packages import HEADER_PACKAGES
from layerscope.demo.packages import Package, PackagedFile, parse
from layerscope.demo.passages import NOUNS, TRAITS, VERBS
from layerscope.demo.python_packages import PYTHON_PACKAGES
from layerscope.demo.tree import FILE, Layer
from layerscope.demo.wheels import cached_path
from layerscope.demo.zones import AUTHORITIES

ASKED_FOR = "build-essential ca-certificates iputils-ping python3 python3-pip"

_OTHERS = """\
ca-certificates 20230311+deb12u1 misc optional Common CA certificates
  usr/sbin/ update-ca-certificates~5
iputils-ping 3:20221126-1+deb12u1 net important Tools to test the reachability of network hosts
  usr/bin/ ping*22 ping4>ping ping6>ping
libcap2-bin 1:2.66-4+deb12u2 utils optional POSIX 1003.1e capabilities (utilities)
  usr/sbin/ capsh* getcap* getpcaps* setcap*
"""
_AUTHORITY = "usr/share/ca-certificates/mozilla/"
_LISTS = "var/lib/apt/lists/deb.debian.org_debian"
_ARCHIVES = "var/cache/apt/archives/"
_RAW_SOCKETS = bytes.fromhex("0100000200200000000000000000000000000000")
"""The capability CAP_NET_RAW, effective, as the kernel stores it."""


def install_packages(layer: Layer, dpkg: Dpkg) -> None:
    """Install Python and the compilers, and clean nothing up."""
    others = parse(_OTHERS)
    for name in AUTHORITIES:
        path = f"{_AUTHORITY}{name}.crt"
        others[0].files.append(PackagedFile(path, 1900, "", "", "", 0o644, 0))
    tables = PYTHON_PACKAGES, BUILD_PACKAGES, HEADER_PACKAGES
    packages = [*others, *(package for table in tables for package in parse(table))]
    dpkg.install(layer, packages)
    ping = layer.entries["usr/bin/ping"]
    capability = ("security.capability", _RAW_SOCKETS)
    layer.file(ping.path, ping.data, 0o755, mtime=ping.mtime, xattrs=(capability,))
    _trust(layer)
    _compile(layer)
    _lists(layer)
    _archives(layer, packages)
    _state(layer)
    _logs(layer, packages)
    layer.symlink("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")


def _trust(layer: Layer) -> None:
    """Gather the certificates in etc/ssl, as update-ca-certificates does."""
    bundle = []
    for name in AUTHORITIES:
        source = f"{_AUTHORITY}{name}.crt"
        bundle.append(layer.entries[source].data)
        pem = f"{name}.pem"
        number = md5(name.encode(), usedforsecurity=False).hexdigest()[:8]
        layer.symlink(f"etc/ssl/certs/{pem}", f"/{source}")
        layer.symlink(f"etc/ssl/certs/{number}.0", pem)
    layer.file("etc/ssl/certs/ca-certificates.crt", b"".join(bundle))
    layer.file("etc/ca-certificates.conf", "".join(f"mozilla/{name}.crt\n" for name in AUTHORITIES))
    layer.directory("etc/ssl/private", 0o700)


def _compile(layer: Layer) -> None:
    """Compile the modules of Python, as py3compile does."""
    for entry in list(layer.entries.values()):
        of_python = entry.path.startswith("usr/lib/python3") and entry.path.endswith(".py")
        if of_python and entry.type == FILE:
            data = compiled(entry.data, entry.path, entry.mtime)
            layer.file(cached_path(entry.path), data)


def _lists(layer: Layer) -> None:
    """The package lists that `apt-get update` fetched."""
    for suite, count in (("bookworm", 1500), ("bookworm-updates", 6), ("security", 420)):
        base = f"{_LISTS}_dists_{suite}"
        if suite == "security":
            base = f"{_LISTS}-security_dists_bookworm-security"
        layer.file(f"{base}_InRelease", _release(suite))
        layer.file(f"{base}_main_binary-amd64_Packages", _package_list(suite, count))
    layer.file("var/lib/apt/lists/lock", b"", 0o640)
    layer.directory("var/lib/apt/lists/partial", 0o700, uid=42)
    layer.directory("var/lib/apt/lists/auxfiles")


def _release(suite: str) -> str:
    sums = "".join(
        f" {noise(f'{suite} {number}', 32).hex()} {9000 + number * 77:8} main/Contents-{number}.gz\n"
        for number in range(260)
    )
    return (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
        f"Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: {suite}\n"
        f"Date: Wed, 11 Mar 2026 08:14:52 UTC\nComponents: main contrib\nSHA256:\n{sums}"
        + prose.pem(f"signature of {suite}", 800, "PGP SIGNATURE")
    )


def _package_list(suite: str, count: int) -> str:
    """The packages of a suite: what apt reads before it can install anything."""
    parts = []
    for number in range(count):
        dice = Dice(f"{suite} package {number}")
        noun, trait, verb = dice.pick(NOUNS), dice.pick(TRAITS), dice.pick(VERBS)
        name = f"lib{noun}-{trait}-{verb}{number}"
        version = f"{dice.below(9)}.{dice.below(40)}.{dice.below(20)}-{1 + dice.below(6)}"
        parts.append(
            f"Package: {name}\nVersion: {version}\nInstalled-Size: {20 + dice.below(9000)}\n"
            f"Maintainer: Debian {noun} group <{noun}@packages.debian.org>\nArchitecture: amd64\n"
            f"Depends: libc6 (>= 2.3{dice.below(7)}), lib{trait}-{noun} (>= {version[:3]})\n"
            f"Description: {verb}s the {trait} {noun} of a program\n"
            f"Section: libs\nPriority: optional\n"
            f"Filename: pool/main/l/{name}/{name}_{version}_amd64.deb\n"
            f"Size: {4000 + dice.below(60_000) * 9}\nSHA256: {noise(name, 32).hex()}\n"
        )
    return "\n".join(parts)


def _archives(layer: Layer, packages: list[Package]) -> None:
    """The package files that apt fetched and kept."""
    for package in packages:
        unpacked = sum(len(layer.entries[each.path].data) for each in package.files)
        version = package.version.replace(":", "%3a")
        name = f"{package.name}_{version}_amd64.deb"
        layer.file(_ARCHIVES + name, deb(name, 2600 + unpacked // 12))
    layer.file(f"{_ARCHIVES}lock", b"", 0o640)
    layer.directory(f"{_ARCHIVES}partial", 0o700, uid=42)
    for name in ("pkgcache.bin", "srcpkgcache.bin"):
        layer.file(f"var/cache/apt/{name}", b"\xfe\x98\x19\x00" + noise(name, 210_000))


def _state(layer: Layer) -> None:
    """What other programs rewrote on the way: some of it with the bytes that were there."""
    # debconf opens its templates for writing and changes nothing: the overlay copies them up.
    layer.file("var/cache/debconf/templates.dat", debconf_templates(), mtime=BASE_TIME)
    answers = debconf_answers("tzdata debconf libpam-runtime ca-certificates")
    layer.file("var/cache/debconf/config.dat", answers)
    layer.file("etc/ld.so.cache", b"glibc-ld.so.cache1.1" + noise("ld.so.cache", 11_400))
    layer.file("var/cache/ldconfig/aux-cache", noise("aux-cache", 9700), 0o600)
    states = "".join(
        f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n"
        for name in (
            "libacl1",
            "libattr1",
            "libmd0",
            "gcc",
            "g++",
            "make",
            "libc6-dev",
            "python3.11",
        )
    )
    layer.file("var/lib/apt/extended_states", states)


def _logs(layer: Layer, packages: list[Package]) -> None:
    """What apt noted down, and what scrolled by."""
    asked = ASKED_FOR.split()
    installed = ", ".join(
        f"{each.name}:amd64 ({each.version}{'' if each.name in asked else ', automatic'})"
        for each in packages
    )
    layer.file(
        "var/log/apt/history.log",
        f"\nStart-Date: 2026-03-11  09:40:21\nCommandline: apt-get install -y {ASKED_FOR}\n"
        f"Install: {installed}\nEnd-Date: 2026-03-11  09:41:12\n",
    )
    lines = ["", "Log started: 2026-03-11  09:40:21"]
    for each in packages:
        lines += [
            f"Selecting previously unselected package {each.key}.",
            f"Preparing to unpack .../{each.name}_{each.version}_amd64.deb ...",
            f"Unpacking {each.key} ({each.version}) ...",
        ]
    lines += [f"Setting up {each.key} ({each.version}) ..." for each in packages]
    layer.file("var/log/apt/term.log", "\n".join([*lines, "Log ended: 2026-03-11  09:41:12", ""]))
