"""An image for each rule that breaks it, with the instructions and the fix that its page shows."""

from __future__ import annotations

import base64
import json
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layerscope.analysis.findings.finding import Finding
from tests.analysis.findings.rule_images import findings_by
from tests.analysis.findings.rules.test_apt_lists import LISTS
from tests.analysis.findings.rules.test_caches import CASES as CACHES
from tests.analysis.findings.rules.test_sparse_giant import sparse
from tests.analysis.findings.rules.test_unused import CASES as UNUSED
from tests.analysis.series.releases import Made, opened, release
from tests.images import Member, file, whiteout

Members = Sequence[Member]
_SITE = "usr/local/lib/python3.12/site-packages"
_KEY = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(bytes(range(256)) * 3)
_DATA = b"d" * 9000
_CONFIG = {"Entrypoint": ["python3", "/srv/app.py"]}


@dataclass(frozen=True, slots=True)
class Example:
    """Instructions of an image that starts a program, each with the files of its layer."""

    steps: Sequence[tuple[str, Members]]

    @property
    def instructions(self) -> str:
        """What its Dockerfile says."""
        return "\n".join(instruction for instruction, _ in self.steps)

    def finding(self, rule: str) -> Finding:
        """The first finding of a rule, whatever its size."""
        steps = [
            (f"RUN /bin/sh -c {text[4:]} # buildkit" if text[:4] == "RUN " else f"{text} # buildkit", members)
            for text, members in self.steps
        ]  # fmt: skip
        return findings_by(steps, rule, config=_CONFIG)[0]


@dataclass(frozen=True, slots=True)
class Releases:
    """An example with several releases, which differ in a file of the second step and the time of the third one."""

    def _steps(self, number: int) -> list[Made]:
        return [
            Made("WORKDIR /srv", []),
            Made("COPY . /srv", [file("srv/requirements.txt", b"flask==3.1\n"), file("srv/app.py", b"%d" % number)]),
            Made("RUN pip install -r requirements.txt", [file(f"{_SITE}/flask.py", b"f" * 300_000, mtime=number)]),
        ]  # fmt: skip

    @property
    def instructions(self) -> str:
        """What its Dockerfile says."""
        return "\n".join(made.text for made in self._steps(1))

    def finding(self, rule: str) -> Finding:
        """The finding of a rule."""
        with tempfile.TemporaryDirectory() as folder:
            data = [release(self._steps(n), compress=None, layout=False) for n in range(3)]
            found = opened(Path(folder), data).reordering
        assert found is not None
        assert found.finding.rule == rule
        return found.finding


def _of_case(command: str, inside: Sequence[str]) -> Example:
    """An example from the cases in the tests of rules."""
    return Example([(f"RUN {command}", [file(name, b"x" * 900) for name in inside])])


_LOCK = {
    "lockfileVersion": 3,
    "packages": {"": {"name": "app"}, "node_modules/typescript": {"version": "5", "dev": True}},
}
_CORE = b"\x7fELF\x02\x01" + bytes(10) + struct.pack("<H", 4)

EXAMPLES: dict[str, Example | Releases] = {
    "reordering": Releases(),
    "secret-private-key": Example([("COPY . /srv", [file("srv/id_ed25519", _KEY)])]),
    "secret-credentials": Example(
        [("COPY . /srv", [file("srv/.npmrc", b"//registry.npmjs.org/:_authToken=npm_x7K2p9Qm4Zt8\n")])]
    ),
    "secret-environment-file": Example(
        [("COPY . /srv", [file("srv/.env", b"DB_PASSWORD=x7K2p9Qm4Zt8\n")])]
    ),
    "secret-configuration": Example(
        [("COPY . /srv", [file("srv/application.properties", b"spring.datasource.password=x7K2p9Qm4Zt8\n")])]
    ),
    "secret-history": Example([("ENV API_TOKEN=x7K2p9Qm4Zt8", [])]),
    "deleted-later": Example(
        [
            ("RUN curl -o /opt/model.tar https://x.test/model.tar", [file("opt/model.tar", _DATA)]),
            ("RUN tar -xf /opt/model.tar -C /srv && rm /opt/model.tar", [whiteout("opt/model.tar"), file("srv/model", b"m")]),
        ]
    ),
    "rewritten-for-attributes": Example(
        [("COPY . /app", [file("app/a", _DATA)]), ("RUN chown -R 1000:1000 /app", [file("app/a", _DATA, uid=1000, gid=1000)])]
    ),
    "overwritten": Example(
        [
            ("RUN apt-get install -y curl", [file("var/lib/dpkg/status", b"a" * 900)]),
            ("RUN apt-get install -y git", [file("var/lib/dpkg/status", b"b" * 990)]),
        ]
    ),
    "stored-again": Example(
        [
            ("COPY package-lock.json /app/", [file("app/package-lock.json", _DATA)]),
            ("RUN npm ci", [file("app/node_modules/x.js", b"x")]),
            ("COPY . /app", [file("app/package-lock.json", _DATA), file("app/main.js", b"m")]),
        ]
    ),
    "duplicate-directories": Example(
        [("RUN make install", [file(f"{top}/lib/{name}.so", name.encode() * 40_000) for top in ("opt/a", "usr/local/a") for name in "xy"])]
    ),
    "duplicate-files": Example(
        [("RUN make install", [file(f"opt/{name}", b"l" * 60_000) for name in ("libx.so", "libx.so.1")])]
    ),
    "copied-context": Example([("COPY . /app", [file("app/.git/pack", _DATA), file("app/main.js", b"m")])]),
    "apt-lists": Example([("RUN apt-get update && apt-get install -y curl", LISTS)]),
    **{rule: _of_case(case[0], case[1]) for rule, case in {**CACHES, **UNUSED}.items()},
    "node-development": Example(
        [("RUN npm ci", [file("app/package-lock.json", json.dumps(_LOCK).encode()), file("app/package.json", b"{}"), file("app/node_modules/typescript/index.js", _DATA), file("app/node_modules/typescript/package.json", b'{"name": "typescript"}')])]
    ),
    "core-dumps": Example([("RUN make test", [file("srv/core.123", _CORE + _DATA)])]),
    "cuda-unused": Example(
        [("RUN pip install -r requirements.txt", [file(f"{_SITE}/nvidia/cublas/lib/libcublas.so.12", _DATA), file(f"{_SITE}/nvidia_cublas_cu12-12.4.5.dist-info/RECORD", b"r"), file(f"{_SITE}/torch-2.4.0+cpu.dist-info/RECORD", b"r")])]
    ),
    "cuda-twice": Example(
        [
            ("RUN apt-get install -y libcublas-12-4", [file("usr/local/cuda-12.4/lib64/libcublas.so.12", _DATA)]),
            ("RUN pip install torch", [file(f"{_SITE}/nvidia/cublas/lib/libcublas.so.12", _DATA[1:]), file(f"{_SITE}/torch/lib/libtorch_cuda.so", b"t")]),
        ]
    ),
    "sparse-giant": Example([("RUN useradd -u 4000000 app", [sparse("var/log/lastlog", 10**9)])]),
    "many-tiny-files": Example(
        [("RUN npm ci", [file(f"n/{number}", b"%012d" % number) for number in range(20_000)])]
    ),
    "no-effect-layer": Example(
        [("COPY config /app/", [file("app/config", _DATA)]), ("COPY config /app/config", [file("app/config", _DATA)])]
    ),
    "empty-layer": Example([("RUN cd /app", [])]),
}  # fmt: skip
"""Rule → the image."""
