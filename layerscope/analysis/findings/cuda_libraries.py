"""CUDA libraries in the final image: where they are, what uses them, and which frameworks cannot."""

from __future__ import annotations

from enum import Enum

import numpy as np
from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.filesystem.selector import Mask

_FAMILIES = (
    *("cublas", "cudnn", "cufft", "curand", "cusolver", "cusparse", "nccl", "nvrtc", "nvJitLink"),
    *("cudart", "cupti", "nvToolsExt", "cufile", "npp", "nvjpeg", "nvblas", "cutensor", "nvshmem"),
)
"""Beginnings of the names of CUDA libraries, after `lib`."""
_PARTS = (
    *(
        "cublas",
        "cuda_cupti",
        "cuda_nvcc",
        "cuda_nvrtc",
        "cuda_runtime",
        "cudnn",
        "cufft",
        "cufile",
    ),
    *(
        "curand",
        "cusolver",
        "cusparse",
        "cusparselt",
        "nccl",
        "npp",
        "nvjitlink",
        "nvjpeg",
        "nvshmem",
    ),
    *("nvtx", "cu11", "cu12", "cu13"),
)
"""Directories of NVIDIA's wheels with these libraries; other directories have programs."""
SITES = ("site-packages", "dist-packages")
_CPU_ONLY = {
    "torch-*+cpu.dist-info": "torch",
    "cpuonly-*.json": "torch",
    "tensorflow_cpu-*.dist-info": "tensorflow-cpu",
    "onnxruntime-[0-9]*.dist-info": "onnxruntime",
    "paddlepaddle-[0-9]*.dist-info": "paddlepaddle",
    "faiss_cpu-*.dist-info": "faiss-cpu",
    "jaxlib-*.dist-info": "jax",
    "openvino-[0-9]*.dist-info": "openvino",
}
"""Names of directories that show that a framework was built without CUDA → its name; jax has a separate package."""
_USERS = (
    *("torch-*+cu*.dist-info", "tensorflow-[0-9]*.dist-info", "tensorflow_gpu-*.dist-info"),
    *("onnxruntime_gpu-*.dist-info", "paddlepaddle_gpu-*.dist-info", "faiss_gpu*.dist-info"),
    *("jax_cuda*", "xla_cuda*", "cupy*", "pycuda*", "tensorrt*", "ctranslate2", "vllm", "cudf"),
    *(
        "cuml",
        "rmm",
        "dali",
        "mxnet_cu*",
        "flash_attn*",
        "xgboost",
        "libnvinfer*",
        "nvcc",
        "*.cubin",
    ),
)
"""Names of files that use CUDA, besides those with `cuda` in their names."""


class Home(Enum):
    """Where CUDA libraries come from; the first one is what frameworks installed beside it use."""

    BUNDLED = "framework"
    WHEELS = "NVIDIA's wheels"
    CONDA = "conda"
    SYSTEM = "system"


class CudaLibraries(Struct, frozen=True):
    """CUDA libraries by origin. Masks over files of the final image; shape (paths,)."""

    homes: dict[Home, Mask]
    families: dict[str, Mask]
    """The libraries of each family, wherever they are."""

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return any(mask.any() for mask in self.homes.values())


def find_cuda(evidence: Evidence) -> CudaLibraries:
    """CUDA libraries. Call it through `Evidence.once`."""
    select, live = evidence.selector.select, evidence.live_files
    families = {
        family: select((f"lib{family}*.so*", f"lib{family}*.a")) & live
        for family in _FAMILIES
        if evidence.filesystem.table.has_start(f"lib{family}".encode())
    }
    libraries = np.logical_or.reduce([np.zeros(len(live), bool), *families.values()])
    bundled = libraries & select(("**/torch/lib", "**/tensorflow", "**/ollama", "**/onnxruntime"))
    wheels = live & select([f"**/{site}/nvidia/{part}" for site in SITES for part in _PARTS])
    conda = libraries & select(
        ("/opt/conda/lib", "**/*conda*/lib", "**/*mamba*/lib", "**/envs/*/lib")
    )
    system = live & select(("/usr/local/cuda*",))
    system |= libraries & select(("/usr/lib", "/usr/lib64", "/lib", "/lib64"))
    homes = {Home.BUNDLED: bundled}
    homes[Home.WHEELS] = wheels & ~bundled
    homes[Home.CONDA] = conda & ~bundled & ~wheels
    homes[Home.SYSTEM] = system & ~bundled & ~wheels & ~conda
    return CudaLibraries(homes, families)


def cpu_only_framework(evidence: Evidence) -> str | None:
    """The name of a framework that was built without CUDA, if nothing in the final image seems to use CUDA; else None."""
    framework = next(
        (name for mark, name in _CPU_ONLY.items() if evidence.exists(f"**/{mark}")), None
    )
    if framework is None and evidence.exists("**/torch/lib/libtorch_cpu.so"):
        framework = "torch"
    return None if framework is None or uses_cuda(evidence) else framework


def uses_cuda(evidence: Evidence) -> bool:
    """Whether something in the final image, other than CUDA itself, seems to use CUDA."""
    cuda = evidence.once(find_cuda)
    itself = np.logical_or.reduce([cuda.homes[home] for home in Home if home is not Home.BUNDLED])
    itself |= evidence.selector.select(("**/numba", "libcuda.so*", "**/nvidia/cuda*"))
    named = evidence.live_under("*cuda*.so*") & ~itself
    users = evidence.selector.select([f"**/{name}" for name in _USERS])
    if named.any() or (users & evidence.live_files & ~itself).any():
        return True
    # Packages of this name on PyPI are built with CUDA, unless their libraries show otherwise.
    plain = evidence.exists("**/torch-[0-9]*.dist-info")
    cpu = evidence.exists("**/torch-*+cpu.dist-info", "**/torch/lib/libtorch_cpu.so")
    return plain and not cpu
