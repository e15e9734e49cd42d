"""Runs commands in a chroot with shells, where every other program is a stub that logs its call, unless one is to fail.
`python -m tests.fixes.chroot ROOT` is the process inside: one JSON request and one answer per line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

SHELLS = ("dash", "bash")
FOLDERS = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "opt/conda/bin")
"""Where programs are looked for; links to one folder of stubs."""

STUBS = """
    apt apt-get apt-mark apt-key apt-cache dpkg dpkg-query dpkg-reconfigure dpkg-architecture dpkg-buildflags getconf catalina.sh gpg1 debconf-set-selections
    apk dnf microdnf yum tdnf zypper pacman rpm update-alternatives update-ca-certificates
    add-apt-repository gpg gpgconf gpgv locale-gen localedef ldconfig rm rmdir unlink mkdir mv cp ln chmod chown chgrp touch install
    cat tee sed awk grep egrep sort uniq cut tr head tail wc find ls stat du diff xz gzip gunzip bzip2 unzip zip tar zstd
    sha256sum sha512sum md5sum sha1sum curl wget git svn hg ssh-keyscan openssl
    gcc g++ cc make cmake ninja meson autoconf autoreconf configure patch strip readelf scanelf ldd pkg-config
    python python3 pip pip3 pipx uv poetry pipenv pdm conda mamba micromamba
    node npm npx yarn pnpm corepack bun deno ruby gem bundle php composer pecl docker-php-ext-install docker-php-ext-configure
    docker-php-ext-enable go cargo rustc rustup mvn mvnw gradle gradlew java javac sbt dotnet nuget perl cpanm cpan lua luarocks R Rscript
    useradd groupadd adduser addgroup usermod userdel passwd chpasswd id getent whoami hostname setcap setfacl
    service systemctl nginx redis-server postgres initdb pg_ctl psql mysqld mysql a2enmod a2dismod a2ensite
    uname arch nproc date mktemp which sleep kill true false expr seq basename dirname realpath readlink env-run tini gosu-check
    setup.sh build.sh install.sh bootstrap entrypoint.sh tool1 tool2 tool3 playwright supervisord crontab cron htpasswd hash shc uwsgi
    ffmpeg convert stty tput file strace yes printenv logger jq yq xmllint kubectl helm terraform aws
    playwright-core chromium rsync autoreconf libtoolize help2man bison flex swig protoc ginstall ginger easy_install
"""
"""Programs that only log how they were called. One behind a pipe waits for what it is given, so that their order is always the
same."""

PLACES = """
    app app/src app/build srv srv/app home/app home/node usr/src usr/src/app usr/src/php usr/src/redis usr/src/python usr/src/x
    usr/local/src etc/apt/sources.list.d etc/apt/keyrings etc/apt/apt.conf.d etc/nginx/conf.d etc/sudoers.d etc/profile.d
    etc/yum.repos.d etc/ld etc/postgresql-common docker-entrypoint.d var/log/nginx etc/dpkg/dpkg.cfg.d
    usr/share/keyrings usr/local/etc usr/local/share usr/local/lib var/lib/postgresql var/www/html opt opt/app opt/src
    build src work code tmp/tmp.stub tmp/build data var/log var/lib/apt/lists usr/local/bundle workspace
"""
"""Directories that there are."""

SCRIPTS = """
    app/configure usr/src/x/configure usr/src/python/configure usr/src/redis/configure tmp/build/configure app/gradlew app/mvnw
    usr/src/app/gradlew srv/app/install.sh tmp/install.sh opt/src/configure app/manage.py app/bin/setup tmp/tmp.stub/install.sh
    build/configure src/configure work/install.sh app/build.sh src/build.sh opt/app/install.sh
    opt/venv/bin/pip rustup-init
"""
"""Programs outside of PATH."""

FILES = {
    "packages.txt": "vim\n",
    "etc/os-release": "VERSION_CODENAME=bookworm\n",
    "opt/venv/bin/activate": "PATH=/opt/venv/bin:$PATH\n",
}
"""Files that commands read or source."""

_STUB = """#!/bin/dash
name="${0##*/}"
if [ -p /dev/stdin ]; then while read -r _; do :; done; fi
if [ -z "$FAIL" ]; then
    exported="$(export -p; printf 'export umask='; umask)"
    printf '%s\\037' "${RUN_AS:-root}" "$HOME" "$PWD" "$name" "$@" "$exported" END >>/log
fi
IFS='\037'
[ "$FAIL" != "$name$IFS$*" ] || exit 7
IFS=' '
case "$name $*" in
    "mktemp"*) echo /tmp/tmp.stub ;;
    "nproc"*) echo 4 ;;
    "dpkg --print-architecture"*) echo amd64 ;;
    "dpkg-architecture "*) echo x86_64-linux-gnu ;;
    "uname -m"*|"arch"*) echo x86_64 ;;
    "uname"*) echo Linux ;;
    "apt-mark showmanual"*) echo curl; echo vim ;;
    "which "*) echo "/usr/bin/$2" ;;
    "id "*) echo 0 ;;
    "whoami"*) echo "${RUN_AS:-root}" ;;
    "gem env"*) echo /usr/local/bundle ;;
    "basename "*) echo "${2##*/}" ;;
    "dirname "*) echo "${2%/*}" ;;
    "seq "*) echo 1; echo 2 ;;
    "pg_config"*|"find "*-print*|"find "*-type*f) echo /usr/lib/one.so; echo /usr/lib/two.so ;;
    "false"*) exit 1 ;;
esac
exit 0
"""

_AS_USER = """#!/bin/dash
# sudo, su and gosu: what they run is logged, as its user
name="${0##*/}"
user=root shell=/bin/sh command= set=
while [ $# -gt 0 ]; do
    case "$1" in
        -u|-g|-s|-c|--command|--shell|--user)
            case "$name$1" in sudo-u|sudo--user) user="$2" ;; su-s|su--shell) shell="$2" ;; su-c|su--command) command="$2"; set=1 ;; esac
            shift ;;
        --) shift; break ;;
        -*) ;;
        *=*) export "${1?}" ;;
        *) [ "$name" = sudo ] && break
           user="$1"; [ "$name" = su ] || { shift; break; } ;;
    esac
    shift
done
case "$user" in root) HOME=/root ;; *) HOME="/home/${user%%:*}" ;; esac
export RUN_AS="${user%%:*}" HOME
[ "$name" = su ] && exec "$shell" -c "$command"
exec "$@"
"""

_PASS_ON = """#!/bin/dash
# env, nice, nohup, timeout, xargs …: what they run is logged
name="${0##*/}"
if [ "$name" = xargs ] && [ -p /dev/stdin ]; then while read -r _; do :; done; fi
while [ $# -gt 0 ]; do
    case "$1" in
        -n|-u|-I|-P|-L|-a) shift ;;
        -*) ;;
        *=*) export "${1?}" ;;
        *) break ;;
    esac
    shift
done
[ "$name" = timeout ] && shift
[ $# -gt 0 ] || exit 0
exec "$@"
"""


@dataclass(frozen=True)
class Call:
    """One call of a program."""

    user: str
    home: str
    folder: str
    words: tuple[str, ...]
    environment: frozenset[str]
    """Its environment as `NAME='value'`, and `umask=`; without variables that every shell sets."""


@dataclass(frozen=True)
class Outcome:
    """The result of a command."""

    calls: tuple[Call, ...]
    failed: bool
    errors: str


def make_root(root: Path) -> None:
    """Create shells with their libraries, stubs, and the directories that commands change to."""
    stubs = root / "stubs"
    stubs.mkdir(parents=True)
    for name, text in (("stub", _STUB), ("as-user", _AS_USER), ("pass-on", _PASS_ON)):
        (stubs / name).write_text(text)
        (stubs / name).chmod(0o755)
    for name in STUBS.split():
        _link(stubs / name, "stub")
    for name in ("sudo", "su", "gosu", "su-exec", "runuser"):
        _link(stubs / name, "as-user")
    for name in ("env", "nice", "nohup", "timeout", "xargs", "eatmydata", "ionice"):
        _link(stubs / name, "pass-on")
    for shell in SHELLS:
        path_of_shell = shutil.which(shell)
        assert path_of_shell is not None
        _copy(Path(path_of_shell).resolve(), stubs / shell)
        libraries = subprocess.run(
            ["ldd", path_of_shell], capture_output=True, text=True, check=True
        ).stdout
        for library in re.findall(r"(/\S+) \(0x", libraries):
            _copy(Path(library), root / library.lstrip("/"))
    _link(stubs / "sh", "dash")
    _link(stubs / "ash", "bash")
    for folder in FOLDERS:
        path = root / folder
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to("/stubs")
    for folder in ("dev/pipes", "proc", "etc", "root", "tmp", *PLACES.split()):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for script in SCRIPTS.split():
        (root / script).parent.mkdir(parents=True, exist_ok=True)
        (root / script).symlink_to("/stubs/stub")
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "dev/null").touch()
    (root / "dev/fd").symlink_to("/proc/self/fd")
    (root / "dev/stdin").symlink_to("/proc/self/fd/0")
    (root / "dev/stdout").symlink_to("/proc/self/fd/1")
    (root / "dev/stderr").symlink_to("/proc/self/fd/2")


def _link(path: Path, target: str) -> None:
    if not path.is_symlink():
        path.symlink_to(target)


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def isolation() -> list[str]:
    """The words before a command that give it separate processes and mounts."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return words if os.geteuid() == 0 else [*words, "--map-root-user"]


class Chroot:
    """The process inside; a context manager."""

    def __init__(self, root: Path) -> None:
        make_root(root)
        command = [*isolation(), sys.executable, "-m", "tests.fixes.chroot", str(root)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            cwd=Path(__file__).parents[2],
        )

    def run(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        folder: str = "/",
        files: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run a program; `files` are written before, and may be run."""
        request = {
            "words": words,
            "environment": environment,
            "folder": folder,
            "files": files or {},
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        calls = tuple(map(_call, answer["log"].split("\037END\037")[:-1]))
        return Outcome(calls, answer["failed"], answer["errors"])

    def __enter__(self) -> Chroot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


_SET_BY_SHELLS = re.compile(r"(?:PWD|OLDPWD|SHLVL|_|FAIL|RUN_AS|HOME)\b")


def _call(record: str) -> Call:
    user, home, folder, *words, exported = record.split("\037")
    variables = exported.removeprefix("export ").rstrip("\n").split("\nexport ")
    kept = frozenset(text for text in variables if not _SET_BY_SHELLS.match(text))
    return Call(user, home, folder, tuple(words), kept)


def _serve(root: str) -> None:
    """Answer until the input ends."""
    subprocess.run(["mount", "-t", "proc", "proc", f"{root}/proc"], check=True)
    subprocess.run(["true"], check=True, capture_output=True, timeout=5)  # all modules are loaded
    "".encode("utf-8", "surrogateescape")
    os.chroot(root)
    for line in sys.stdin:
        request = json.loads(line)
        log = Path("/log")
        log.write_bytes(b"")
        for name, text in request["files"].items():
            Path(name).write_text(text)
            Path(name).chmod(0o755)
        os.chdir(request["folder"])
        errors = ""
        try:
            done = subprocess.run(
                request["words"],
                env=request["environment"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=10,
                check=False,
            )
            failed, errors = done.returncode != 0, done.stdout.decode(errors="replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            failed, errors = True, str(error)
        answer = {"log": log.read_text(errors="replace"), "failed": failed, "errors": errors}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _serve(sys.argv[1])
