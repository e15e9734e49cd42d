"""Lists, Compose files and Kubernetes manifests as lists of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.errors import UsageError
from layerscope.fleet.lists import references_in, references_of
from layerscope.fleet.manifests import MAX_BYTES

COMPOSE = """
x-common: &common
  image: ${REGISTRY:-ghcr.io/org}/base:$TAG
services:
  web: {<<: *common}
  db:
    image: "postgres:16"
  again:
    image: postgres:16
  built:
    build: .
  dollar:
    image: a$$b:${MISSING:-${TAG}}
"""

KUBERNETES = """
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: a, image: "init:1"}]
      containers:
        - name: app
          image: app:1
        - name: side
          image: side@sha256:0000000000000000000000000000000000000000000000000000000000000000
      volumes:
        - name: data
          image: {reference: "data:1"}
---
apiVersion: batch/v1
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: "cron:1"}]}}}}}
---
apiVersion: v1
kind: ConfigMap
data: {image: "none:1", containers: "none:2"}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Pod, spec: {containers: [{image: "pod:1"}], ephemeralContainers: [{image: "debug:1"}]}}
  - {apiVersion: argoproj.io/v1alpha1, kind: Rollout, spec: {template: {spec: {containers: [{image: "app:1"}]}}}}
"""


def test_a_list_has_one_reference_in_each_line() -> None:
    """Comments and empty lines are ignored."""
    text = (
        b"\xef\xbb\xbf# all of them\napp:1\n\n  registry://host:5000/app@sha256:00 \r\n./a b.tar\n"
    )
    assert references_in(text, "list") == [
        "app:1",
        "registry://host:5000/app@sha256:00",
        "./a b.tar",
    ]


def test_compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The images of all services, with variables from the environment and from .env beside the file."""
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE)
    (tmp_path / ".env").write_text("# comment\nexport TAG='2' # two\nTAG=\"3\"\nREGISTRY=other\n")
    monkeypatch.setenv("REGISTRY", "")
    assert references_of(path) == ["ghcr.io/org/base:3", "postgres:16", "a$b:3"]
    monkeypatch.setenv("TAG", "4")
    monkeypatch.setenv("REGISTRY", "host")
    assert references_of(path)[0] == "host/base:4"


@pytest.mark.parametrize(
    ("image", "value"),
    [
        ("${SET}", "x"),
        ("${EMPTY-d}", ""),
        ("${EMPTY:-d}", "d"),
        ("${SET:+other}", "other"),
        ("${NONE+other}", ""),
        ("${NONE:-a${SET}b}", "axb"),
        ("${SET:?missing}", "x"),
    ],
)
def test_variables_of_compose(image: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET", "x")
    monkeypatch.setenv("EMPTY", "")
    text = f"services: {{web: {{image: 'i:{image}'}}}}"
    assert references_in(text.encode(), "compose.yaml") == [f"i:{value}"]


def test_kubernetes() -> None:
    """The images of pods in any resource of any document, each once."""
    digest = "side@sha256:" + "0" * 64
    assert references_in(KUBERNETES.encode(), "all.yaml") == [
        *("init:1", "app:1", digest, "data:1", "cron:1", "pod:1", "debug:1"),
    ]


def test_a_manifest_may_be_json() -> None:
    """As written by `kubectl get -o json`."""
    text = b'{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"app:1"}]}}'
    assert references_in(text, "pod.json") == ["app:1"]


BOMB = (
    "apiVersion: v1\nkind: List\na: &a {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\n"
    "b: {<<: [" + ", ".join(["*a"] * 2000) + "]}\n"
)
LAUGHS = "apiVersion: v1\nkind: List\n" + "\n".join(
    ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))]
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"services: {a: {image: 'x:${NONE}'}}", "the variable NONE is not set"),
        (b"services: {a: {image: 'x:${'}}", "not a valid variable"),
        (b"services: {a: {image: 'x:$'}}", "not a valid variable"),
        (b"services: {a: {image: 'x:${A:*}'}}", "not a valid variable"),
        (b"services: {a: {build: .}}", "names no images"),
        (b"apiVersion: v1\nkind: Pod\nspec:\n\tcontainers: []", "line 4"),
        (b"apiVersion: v1\nkind: Pod\nspec: {{ .Values.spec }}", "hint"),
        (b"services: " + b"[" * 5000, "nested too deeply"),
        (b"services: " + b"a" * MAX_BYTES, "at most"),
        (BOMB.encode(), "aliases"),
        (LAUGHS.encode(), "names no images"),
        (b"app:1\n\xff\xfe", "line 2: invalid UTF-8"),
        (b"services: {a: {image: x}}\nd: 2024-99-99", "month"),
        (b"services: {a: {image: '" + b"x:${A:-" * 40 + b"}" * 40 + b"'}}", "nested too deeply"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_errors_name_the_problem(text: bytes, problem: str) -> None:
    """The message starts with the file, and has the line of a YAML error."""
    with pytest.raises(UsageError) as raised:
        references_in(text, "file.yaml")
    assert raised.value.message.startswith("file.yaml")
    assert problem in f"{raised.value.message} hint: {raised.value.hint}"
