"""The base layer: a small Debian system."""

from __future__ import annotations

from layerscope.demo import prose
from layerscope.demo.base_libraries import BASE_LIBRARIES
from layerscope.demo.base_tools import BASE_TOOLS
from layerscope.demo.dice import noise, words
from layerscope.demo.dpkg import Dpkg
from layerscope.demo.etc_files import SHADOW, TEXTS
from layerscope.demo.filler import timezone
from layerscope.demo.packages import parse
from layerscope.demo.tree import Layer
from layerscope.demo.zones import ZONE_ALIASES, ZONES

_EMPTY_DIRECTORIES = words(
    "boot dev etc/apt/preferences.d etc/opt etc/profile.d etc/update-alternatives home media mnt "
    "opt proc run/lock/subsys srv sys usr/games usr/local/bin usr/local/etc usr/local/include "
    "usr/local/sbin usr/local/share usr/src var/backups var/lib/apt/mirrors/partial "
    "var/lib/apt/periodic var/lib/dpkg/parts var/lib/dpkg/updates var/lib/misc var/log/apt var/opt "
    "var/spool"
)
_LANGUAGES = words("ca cs da de el es eu fi fr gl hu it ja ko nb nl pl pt ro ru sk sv tr uk vi zh")
_MERGED = ("bin", "lib", "lib64", "sbin")
_ALTERNATIVES = {
    "awk": "/usr/bin/mawk",
    "nawk": "/usr/bin/mawk",
    "pager": "/bin/more",
    "rmt": "/usr/sbin/rmt-tar",
    "which": "/usr/bin/which.debianutils",
}
_COMMON_PAM = ("account", "auth", "password", "session", "session-noninteractive")


def fill_base(layer: Layer, dpkg: Dpkg) -> None:
    """Fill `layer` with the base system, and let `dpkg` know its packages."""
    for path in _EMPTY_DIRECTORIES:
        layer.directory(path)
    for name in _MERGED:
        layer.symlink(name, f"usr/{name}")
    dpkg.install(layer, parse(BASE_LIBRARIES) + parse(BASE_TOOLS))
    _timezones(layer)
    _settings(layer)
    _state(layer)
    layer.directory("root", 0o700)
    layer.directory("tmp", 0o1777)
    layer.directory("run/lock", 0o1777)
    layer.directory("var/tmp", 0o1777)
    layer.directory("var/local", 0o2775, gid=50)
    layer.directory("var/mail", 0o2775, gid=8)
    layer.symlink("var/spool/mail", "../mail")


def _timezones(layer: Layer) -> None:
    directory = "usr/share/zoneinfo"
    for name in ZONES:
        layer.file(f"{directory}/{name}", timezone(name), mtime=layer.mtime - 2_000_000)
    for name, target in ZONE_ALIASES.items():
        up = "../" * name.count("/")
        layer.symlink(f"{directory}/{name}", up + target, mtime=layer.mtime - 2_000_000)
    layer.file("etc/localtime", timezone("Etc/UTC as copied by the installer"))


def _settings(layer: Layer) -> None:
    """The files below etc and root that no package ships."""
    for path, text in TEXTS.items():
        if path not in layer.entries:
            layer.file(path, text)
    for path in ("etc/shadow", "etc/gshadow"):
        layer.file(path, SHADOW if path == "etc/shadow" else "root:*::\n", 0o640, gid=42)
    for name, target in _ALTERNATIVES.items():
        layer.symlink(f"etc/alternatives/{name}", target)
        layer.symlink(f"usr/{'s' * (name == 'rmt')}bin/{name}", f"/etc/alternatives/{name}")
        layer.file(f"var/lib/dpkg/alternatives/{name}", f"auto\n/usr/bin/{name}\n\n{target}\n10\n")
    for kind in _COMMON_PAM:
        path = f"etc/pam.d/common-{kind}"
        layer.file(path, prose.settings(path, 1200))
    for path in ("etc/environment", "etc/subuid", "etc/subgid", "etc/security/opasswd"):
        layer.file(path, b"")
    layer.file("etc/.pwd.lock", b"", 0o600)
    layer.file("etc/ld.so.cache", b"glibc-ld.so.cache1.1" + noise("ld.so.cache of the base", 6200))


def _state(layer: Layer) -> None:
    """The files below var that programs keep."""
    layer.file("var/lib/dpkg/arch", "amd64\n")
    layer.file("var/lib/dpkg/diversions", "")
    layer.file("var/lib/dpkg/statoverride", "")
    for name in ("lock", "lock-frontend", "triggers/Lock"):
        layer.file(f"var/lib/dpkg/{name}", b"", 0o640)
    layer.file("var/lib/dpkg/triggers/Unincorp", b"")
    layer.file("var/lib/dpkg/triggers/File", "/usr/share/ca-certificates update-ca-certificates\n")
    layer.file("var/lib/shells.state", "/bin/bash\n/bin/dash\n/bin/rbash\n/bin/sh\n")
    layer.file("var/lib/apt/extended_states", _extended_states("libacl1", "libattr1", "libmd0"))
    for name in ("lists", "archives"):
        parent = "var/lib/apt" if name == "lists" else "var/cache/apt"
        layer.file(f"{parent}/{name}/lock", b"", 0o640)
        layer.directory(f"{parent}/{name}/partial", 0o700)
    for name in ("btmp", "faillog", "lastlog", "wtmp"):
        layer.file(f"var/log/{name}", b"", 0o660, gid=43)
    layer.file("var/cache/debconf/config.dat", debconf_answers("tzdata debconf libpam-runtime"))
    layer.file("var/cache/debconf/passwords.dat", b"", 0o600)
    layer.file("var/cache/debconf/templates.dat", debconf_templates())
    layer.directory("var/cache/ldconfig", 0o700)
    layer.file("var/cache/ldconfig/aux-cache", noise("aux-cache of the base", 5200), 0o600)


def _extended_states(*names: str) -> str:
    return "".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n" for name in names)


def debconf_answers(packages: str) -> str:
    """The answers that debconf remembers."""
    return "".join(
        f"Name: {name}/{question}\nTemplate: {name}/{question}\nValue: {value}\nOwners: {name}\n"
        f"Flags: seen\n\n"
        for name in packages.split()
        for question, value in (("priority", "high"), ("frontend", "Dialog"), ("conflict", ""))
    )


def debconf_templates() -> str:
    """The questions that debconf knows, in every language: large, and the same at each install."""
    parts = []
    for zone in ZONES:
        region, _, city = zone.rpartition("/")
        parts.append(f"Name: tzdata/Zones/{zone}\nDescription: Time zone:\n")
        parts += [
            f"Description-{language}.utf-8: {city} ({language}, {region})\n"
            for language in _LANGUAGES
        ]
        parts.append("Extended_description: Please select the city of your time zone.\n\n")
    return "".join(parts)
