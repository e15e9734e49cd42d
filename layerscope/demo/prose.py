"""Readable files that are no source code: changelogs, licences, settings, certificates."""

from __future__ import annotations

from base64 import b64encode
from datetime import date

from layerscope.demo.dice import Dice, noise, words
from layerscope.demo.passages import NOUNS, TRAITS, VERBS

_DAYS = words("Mon Tue Wed Thu Fri Sat Sun")
_MONTHS = words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
_CHANGES = (
    "New upstream release.",
    "Fix a failure to {verb} the {trait} {noun} (Closes: #{bug}).",
    "Do not {verb} the {noun} when it is {trait}.",
    "Drop a patch that upstream has applied: {verb}-{trait}-{noun}.patch.",
    "Update the Vcs-* fields, and Standards-Version to 4.6.2.",
    "Add an autopkgtest for every {noun} (LP: #1{bug}).",
    "Check the length of the {noun} before it is {trait} (Closes: #{bug}).",
    "Make the build reproducible: sort the names of each {noun}.",
    "Translations of the {noun} templates: thanks to all.",
)


def changelog(package: str, version: str, entries: int) -> str:
    """The changes of a Debian package, newest first."""
    dice, parts = Dice(f"changelog of {package}"), []
    year, month, parts_of_version = 2025, 12, version.rpartition("-")
    for number in range(entries):
        stated = version if number == 0 else f"{parts_of_version[0] or version}~{entries - number}"
        year, month = (year, month - 1 - dice.below(4)) if month > 4 else (year - 1, 12)
        urgency = "high" if "deb12" in stated else "medium"
        lines = [f"{package} ({stated}) unstable; urgency={urgency}", ""]
        for _ in range(1 + dice.below(4)):
            words = {"verb": dice.pick(VERBS), "trait": dice.pick(TRAITS), "noun": dice.pick(NOUNS)}
            change = dice.pick(_CHANGES).format(bug=str(900_000 + dice.below(65_536)), **words)
            lines.append(f"  * {change}")
        made = date(year, month, 1 + dice.below(28))
        day = f"{_DAYS[made.weekday()]}, {made.day:02} {_MONTHS[month - 1]} {year}"
        clock = f"{8 + dice.below(12):02}:{dice.below(60):02}:{dice.below(60):02}"
        who = f"{package} maintainers <{package}@packages.debian.org>"
        lines += ["", f" -- {who}  {day} {clock} +0000", ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


_LICENCES = (
    ("GPL-2+", "GPL-2"),
    ("GPL-3+", "GPL-3"),
    ("LGPL-2.1+", "LGPL-2.1"),
    ("Artistic", "Artistic"),
    ("MPL-2.0", "MPL-2.0"),
)


def copyright_file(package: str) -> str:
    """The `copyright` of a Debian package."""
    dice = Dice(f"copyright of {package}")
    short, file = _LICENCES[dice.below(len(_LICENCES))]
    since = 1988 + dice.below(24)
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {package}\nSource: https://tracker.debian.org/pkg/{package}\n"
        "Comment: Made-up text of a sample image. The package itself states its terms.\n\n"
        f"Files: *\nCopyright: {since}-{since + 3 + dice.below(12)}, The authors of {package}\n"
        f"License: {short}\n\n"
        f"Files: debian/*\nCopyright: {since + 4}-2025, Debian maintainers of {package}\n"
        f"License: {short}\n\n"
        f"License: {short}\n"
        f" {package} is free software: you can redistribute it and/or modify it under the\n"
        " terms of the license named above, as published by its steward; either that\n"
        " version, or (at your option) any later version.\n .\n"
        f" {package} is distributed in the hope that it will be useful, but WITHOUT ANY\n"
        " WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS FOR\n"
        " A PARTICULAR PURPOSE.\n .\n"
        f" On Debian systems, the complete text of the {short} license can be found in\n"
        f" `/usr/share/common-licenses/{file}'.\n"
    )


def licence(path: str, size: int) -> str:
    """A licence text: numbered sections of plain paragraphs."""
    title = path.rpartition("/")[2]
    dice, parts, section = (
        Dice(path),
        [f"{title:^72}\n\n(Made-up text of a sample image: not the licence itself.)\n\n"],
        0,
    )
    length = 0
    while length < size:
        section += 1
        part = (
            f"{section}. {dice.pick(TRAITS).capitalize()} copies.\n\n"
            f"  You may {dice.pick(VERBS)} and convey copies of the work, in any medium, provided\n"
            f"that every {dice.pick(NOUNS)} keeps its notices, that each {dice.pick(NOUNS)} which\n"
            f"you {dice.pick(VERBS)} says so with a date, and that whoever receives the work\n"
            f"receives these terms ({title}, section {section}) with it.\n\n"
        )
        parts.append(part)
        length += len(part)
    return "".join(parts)


def settings(path: str, size: int) -> str:
    """A file of settings with its comments."""
    name = path.rpartition("/")[2]
    dice = Dice(path)
    lines = [f"# {path.removeprefix('etc/')}: settings, see {name.partition('.')[0]}(5).", "#", ""]
    length = 60
    while length < size:
        noun, trait, other = dice.pick(NOUNS), dice.pick(TRAITS), dice.pick(NOUNS)
        off = "#" if dice.below(3) else ""
        lines += [
            f"# Whether to {dice.pick(VERBS)} the {trait} {noun} of each {other}.",
            f"{off}{trait}_{noun} = {dice.pick(('yes', 'no', '64', '3600', other))}",
            "",
        ]
        length += len(lines[-3]) + len(lines[-2]) + 3
    return "\n".join(lines)


def unit(path: str) -> str:
    """A systemd unit."""
    name, _, kind = path.rpartition("/")[2].rpartition(".")
    about = name.replace("-", " ").replace("@", "").capitalize()
    head = f"[Unit]\nDescription={about}\nDocumentation=man:{name.partition('-')[0]}(8)\n\n"
    if kind == "timer":
        return head + (
            "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=60m\nPersistent=true\n\n"
            "[Install]\nWantedBy=timers.target\n"
        )
    return head + f"[Service]\nType=oneshot\nExecStart=/usr/libexec/{name}\nNice=19\n"


def pem(name: str, size: int, title: str = "CERTIFICATE") -> str:
    """A certificate, or a key ring in armour."""
    text = b64encode(b"0\x82" + noise(name, size * 3 // 4)).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {title}-----", *lines, f"-----END {title}-----", ""])


def notes(path: str, size: int) -> str:
    """Notes for people: a README or the like."""
    dice = Dice(path)
    title = path.rpartition("/")[2]
    parts, length = [f"{title}\n{'=' * len(title)}\n"], 0
    while length < size:
        part = (
            f"To {dice.pick(VERBS)} a {dice.pick(TRAITS)} {dice.pick(NOUNS)}, name it with its\n"
            f"{dice.pick(NOUNS)}. Every {dice.pick(NOUNS)} is kept until the next run, unless it\n"
            f"is {dice.pick(TRAITS)}; then {dice.pick(VERBS)} it by hand.\n"
        )
        parts.append(part)
        length += len(part)
    return "\n".join(parts)
