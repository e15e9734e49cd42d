"""CUDA's libraries: avoidable beside frameworks that cannot use them, and where there are two copies."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import Step, findings_by
from tests.images import file, symlink

SITE = "usr/local/lib/python3.12/site-packages"
PIP = "RUN /bin/sh -c pip install -r requirements.txt # buildkit"
BASE = "/bin/sh -c #(nop) ADD file:aa in / "
WHEELS = [
    f"{SITE}/nvidia/cublas/lib/libcublas.so.12",
    f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9",
    f"{SITE}/nvidia_cublas_cu12-12.4.5.dist-info/RECORD",
    f"{SITE}/nvidia_cudnn_cu12-9.1.0.dist-info/RECORD",
]
SYSTEM = [
    "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublas.so.12.4.5",
    "usr/lib/x86_64-linux-gnu/libcudnn.so.9.1.0",
]


def image(*layers: tuple[str, Sequence[str]]) -> list[Step]:
    """An image of these steps, each with files of 1000 bytes."""
    return [(command, [file(name, b"x" * 1000) for name in names]) for command, names in layers]


FRAMEWORKS = {
    "torch": [f"{SITE}/torch-2.4.0+cpu.dist-info/RECORD"],
    "torch without its name": [f"{SITE}/torch/lib/libtorch_cpu.so"],
    "conda's torch": ["opt/conda/conda-meta/cpuonly-2.0-0.json"],
    "onnxruntime": [f"{SITE}/onnxruntime-1.19.0.dist-info/RECORD"],
    "tensorflow": [f"{SITE}/tensorflow_cpu-2.17.0.dist-info/RECORD"],
    "faiss": [f"{SITE}/faiss_cpu-1.8.0.dist-info/RECORD"],
    "jax": [f"{SITE}/jaxlib-0.4.31.dist-info/RECORD"],
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_cuda_beside_a_framework_without_it_is_avoidable(framework: str) -> None:
    """NVIDIA's wheels, with the command that uninstalls them, and CUDA of the system are claimed with exact bytes."""
    steps = image((BASE, SYSTEM), (PIP, [*WHEELS, *FRAMEWORKS[framework]]))
    wheels, system = sorted(findings_by(steps, "cuda-unused"), key=lambda one: one.layers)[::-1]
    assert (wheels.bytes, wheels.layers, len(wheels.paths)) == (2000, (1,), 2)
    assert (system.bytes, system.layers) == (2000, (0,))
    assert (wheels.severity, wheels.confidence) == (Severity.WARNING, Confidence.MEDIUM)
    assert "pip uninstall -y nvidia-cublas-cu12 nvidia-cudnn-cu12" in wheels.fix
    assert "use a base image without CUDA" in system.fix
    assert findings_by(steps, "cuda-twice") == []


USERS = [
    f"{SITE}/torch/lib/libtorch_cuda.so",
    f"{SITE}/torch-2.4.0.dist-info/RECORD",
    f"{SITE}/torch-2.4.0+cu121.dist-info/RECORD",
    f"{SITE}/onnxruntime/capi/libonnxruntime_providers_cuda.so",
    f"{SITE}/onnxruntime_gpu-1.19.0.dist-info/RECORD",
    f"{SITE}/tensorflow-2.17.0.dist-info/RECORD",
    f"{SITE}/jax_cuda12_plugin/xla_cuda_plugin.so",
    f"{SITE}/cupy/_core.so",
    f"{SITE}/ctranslate2/_ext.so",
    f"{SITE}/llama_cpp/lib/libggml-cuda.so",
    "srv/app/libfast_cuda.so",
]


@pytest.mark.parametrize("user", USERS)
def test_cuda_with_a_possible_user_is_not_reported(user: str) -> None:
    """This holds even beside a framework without CUDA."""
    steps = image((PIP, [*WHEELS, f"{SITE}/onnxruntime-1.19.0.dist-info/RECORD", user]))
    assert findings_by(steps, "cuda-unused") == []


def test_an_image_without_a_known_framework_may_use_its_cuda() -> None:
    """Its own program may use it."""
    assert findings_by(image((BASE, SYSTEM), (PIP, ["srv/app"])), "cuda-unused") == []


TORCH = [f"{SITE}/torch/lib/libtorch_cuda.so", f"{SITE}/torch-2.4.0.dist-info/RECORD"]


def test_system_libraries_beside_wheels_are_duplicates() -> None:
    """The frameworks use those of the wheels; libraries that only the system has are no duplicates."""
    only = "usr/lib/x86_64-linux-gnu/libnccl.so.2"
    (finding,) = findings_by(image((BASE, [*SYSTEM, only]), (PIP, [*WHEELS, *TORCH])), "cuda-twice")
    assert (finding.bytes, finding.layers, len(finding.paths)) == (2000, (0,), 2)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.MEDIUM)


def test_libraries_beside_those_in_a_framework_are_duplicates() -> None:
    """Older versions of torch contain them. Those of conda may have other users."""
    bundled = f"{SITE}/torch/lib/libcudnn.so.8"
    conda = "opt/conda/lib/libcudnn.so.8"
    steps = image((BASE, SYSTEM[1:]), (PIP, [bundled, *TORCH, conda]))
    found = {one.layers[0]: one for one in findings_by(steps, "cuda-twice")}
    assert found[0].confidence is Confidence.MEDIUM
    assert (found[1].confidence, found[1].bytes) == (Confidence.LOW, 1000)


def test_duplicates_have_low_confidence_beside_other_programs() -> None:
    """Those programs may use the system's libraries."""
    steps = image((BASE, SYSTEM), (PIP, [*WHEELS, *TORCH, "srv/libfast_cuda.so"]))
    (finding,) = findings_by(steps, "cuda-twice")
    assert (finding.severity, finding.confidence) == (Severity.NOTE, Confidence.LOW)


OLD = "usr/local/cuda-11.8/lib64/libcufft.so.10"
NEW = "usr/local/cuda-12.4/lib64/libcufft.so.11"


def test_an_older_toolkit_is_reported_unless_selected() -> None:
    """A symlink or a variable selects it."""
    (finding,) = findings_by(image((PIP, [OLD, NEW, *TORCH])), "cuda-twice")
    assert (finding.bytes, finding.confidence) == (1000, Confidence.MEDIUM)
    ((command, members),) = image((PIP, [OLD, NEW, *TORCH]))
    for links in (
        [symlink("usr/local/cuda", "/usr/local/cuda-11.8")],
        [symlink("usr/local/cuda", "/etc/alternatives/cuda"), symlink("etc/alternatives/cuda", "/usr/local/cuda-11.8")],
    ):  # fmt: skip
        assert findings_by([(command, [*(members or ()), *links])], "cuda-twice") == []
    config = {"Env": ["CUDA_HOME=/usr/local/cuda-11.8"]}
    assert findings_by([(command, members)], "cuda-twice", config=config) == []


def test_wheels_of_two_versions_have_low_confidence() -> None:
    """One framework may need the older version, another one the newer."""
    older = f"{SITE}/nvidia/cublas/lib/libcublas.so.11"
    (finding,) = findings_by(image((PIP, [*WHEELS, older, *TORCH])), "cuda-twice")
    assert (finding.bytes, finding.confidence) == (1000, Confidence.LOW)
